"""What every layer of the pipeline is: a WebOb middleware with one method, `handle`.

A layer is a class that is its own ``paste.filter_app_factory``: its options are keyword arguments, converted once, in
the constructor, so a misspelt one stops the start.  Layers talk to each other through these keys of the environ only:

==========================  =============================================================================  ==========
key                         value                                                                          set by
==========================  =============================================================================  ==========
``objreg.request_id``       identifies the request in the log and in ``X-Request-Id``                      errors
``objreg.log``              dict: what a layer adds to the request's log line                              errors
``objreg.access``           `objreg.access.Access`: who asks, and what he may do                           auth
``objreg.client``           the client's address, as far as it can be trusted                              proxy
``objreg.forwarded``        True: somebody says that he passes the request on for another                  proxy
``objreg.sent_by_server``   True: the body is a file that the server sends without this program                registry
==========================  =============================================================================  ==========
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg.errors import RegistryError, RequestInvalid
from objreg.http import Request, Response

Answer = WSGIApplication | Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]] | Response


def client_of(environ: WSGIEnvironment) -> str:
    """The client's address, '' where there is none (a socket of this machine)."""
    return environ.get('objreg.client') or environ.get('REMOTE_ADDR') or ''


def note_rejection(environ: WSGIEnvironment, error: Exception) -> None:
    """For the log: why credentials are not good, of which their owner is told no more than that."""
    environ.setdefault('objreg.log', {})['rejected'] = str(error)


class Watched:
    """A body that counts its bytes, and calls `done(count, error)` once, when it was sent or nobody wants it any more.

    `error` is what was raised while it was read.
    """

    __slots__ = ('_body', '_count', '_done', '_error', '_pieces')

    def __init__(self, body: Iterable[bytes], done: Callable[[int, Exception | None], None]) -> None:
        self._body = body
        self._pieces = iter(body)
        self._done = done
        self._count = 0
        self._error: Exception | None = None

    def __iter__(self) -> Watched:
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._pieces)
        except StopIteration:
            raise
        except Exception as error:
            self._error = error
            raise
        self._count += len(piece)
        return piece

    def close(self) -> None:
        """The server calls it, whatever happened."""
        done, self._done = self._done, _nothing
        if done is _nothing:
            return
        try:
            getattr(self._body, 'close', _nothing)()
        finally:
            done(self._count, self._error)


def _nothing(*_: object) -> None:
    pass


def watch(
    environ: WSGIEnvironment, body: Iterable[bytes], done: Callable[[int | None, Exception | None], None]
) -> Iterable[bytes]:
    """The body, such that `done` is called when it was sent.

    At once, where it is there already or where the server sends it by itself; the count is None in the latter case.
    """
    if isinstance(body, list):
        done(sum(map(len, body)), None)
        return body
    if environ.get('objreg.sent_by_server'):
        done(None, None)
        return body
    return Watched(body, done)


class Middleware:
    """A layer: `handle` returns `self.app` to pass on, or a response, or raises a `RegistryError`.

    The third move is ``response = req.get_response(self.app)``, whose headers are edited.  Bodies stay lazy.
    """

    def __init__(self, app: WSGIApplication, global_conf: dict[str, str] | None = None) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self.handle(Request(environ))
        except RegistryError as error:
            answer = error.response()
        except UnicodeDecodeError:
            answer = RequestInvalid('the query is not UTF-8').response()
        result: Iterable[bytes] = answer(environ, start_response)
        return result

    def handle(self, req: Request) -> Any:
        """One of the three moves."""
        return self.app
