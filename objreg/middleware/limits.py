"""Limits: bounds what one request, one client and all of them together may take.

Answers 413 to a body, 431 to headers that are too large, 429 to a client that asks too often, 503 to everybody while
too many requests are under way; the last two with ``Retry-After``.  All counts are of this process.  Its place is
behind ``proxy``, which tells who the client is, and ``healthcheck``, which is not to be limited.

Options:

``manifest = 4 MiB``
    The largest body of a manifest, and of whatever is no layer in the first version of the API.  (The storage
    application has a limit of its own, ``manifest_size``.)
``blob = 0``
    The largest body of a request that brings a blob, or a layer of the first version; 0: what the server allows.
``other = 64 KiB``
    The largest body of any other request.
``headers = 32 KiB``
    The most that the headers and the query of a request may take.
``in_flight = 0``
    How many requests may be under way; 0: as many as the server takes on.
``rate =``
    How often a client may ask: ``100/second``, ``5000 per minute``; several, separated by ``;``, hold together.  Empty:
    as often as he likes.  Clients of IPv6 are counted by their /64.
``rate_exempt =``
    Networks whose clients are not counted.

Example::

    [filter:limits]
    use = egg:objreg#limits
    rate = 200/second; 5000/minute
    in_flight = 500
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg.addresses import customer_of, is_within
from objreg.config import as_networks, as_size
from objreg.errors import HeadersTooLarge, RegistryError, RequestTooLarge, StoreUnavailable
from objreg.middleware.base import Middleware, client_of, watch
from objreg.rates import Counts, as_rates
from objreg.routes import brings_blob
from objreg.v1.routes import is_v1


class Limits(Middleware):
    """Says no before anything is done."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, manifest: str | int = '4 MiB',
        blob: str | int = 0, other: str | int = '64 KiB', headers: str | int = '32 KiB', in_flight: str | int = 0,
        rate: str = '', rate_exempt: str = '',
    ) -> None:
        super().__init__(app, global_conf)
        self._manifest, self._blob, self._other = as_size(manifest), as_size(blob), as_size(other)
        self._headers = as_size(headers)
        self._in_flight = as_size(in_flight)
        self._rates = as_rates('rate', rate, '100/second')
        self._exempt = as_networks(rate_exempt)
        self._counts = Counts()
        self._running = 0
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            self._check_size(environ)
            if self._rates:
                self._check_rate(environ)
            if not self._in_flight:
                return self.app(environ, start_response)
            self._enter()
        except RegistryError as error:
            answer: Iterable[bytes] = error.response()(environ, start_response)
            return answer
        try:
            body = self.app(environ, start_response)
        except BaseException:
            self._leave()
            raise
        return watch(environ, body, self._leave)

    def _enter(self) -> None:
        with self._lock:
            if self._running >= self._in_flight:
                raise StoreUnavailable('too many requests are under way', headers={'Retry-After': '1'})
            self._running += 1

    def _leave(self, *_: object) -> None:
        with self._lock:
            self._running -= 1

    def _check_size(self, environ: WSGIEnvironment) -> None:
        size = len(environ.get('QUERY_STRING', ''))
        for name, value in environ.items():
            if name.startswith('HTTP_'):
                size += len(name) + len(value)
        if size > self._headers:
            raise HeadersTooLarge()
        length = environ.get('CONTENT_LENGTH') or ''
        if length == '' and environ['REQUEST_METHOD'] in ('GET', 'HEAD'):
            return
        most = self._most(environ.get('PATH_INFO', ''))
        if not most:
            return
        if length.isascii() and length.isdigit():
            if int(length[:20]) > most:
                raise RequestTooLarge({'limit': most})
        else:
            environ['wsgi.input'] = _Bounded(environ['wsgi.input'], most)

    def _most(self, path: str) -> int:
        if brings_blob(path):
            return self._blob
        return self._manifest if '/manifests/' in path or is_v1(path) else self._other

    def _check_rate(self, environ: WSGIEnvironment) -> None:
        address = client_of(environ)
        if is_within(address, self._exempt):
            return
        client = customer_of(address)
        for rate in self._rates:
            if not self._counts.hit(rate, client):
                raise self._counts.refusal({'limit': str(rate)}, rate, client)


class _Bounded:
    """A body of unknown length, up to a limit."""

    def __init__(self, body: Any, left: int) -> None:
        self._body = body
        self._most = left
        self._left = left

    def read(self, size: int = -1) -> bytes:
        """As files have it; raises `RequestTooLarge` beyond the limit."""
        wanted = self._left + 1 if size < 0 else min(size, self._left + 1)
        data: bytes = self._body.read(wanted)
        self._left -= len(data)
        if self._left < 0:
            raise RequestTooLarge({'limit': self._most})
        return data
