"""Proxy: believes what proxies say of the client, if they are yours, and nobody else.

Behind nginx, HAProxy or a cloud's balancer every request comes from the proxy.  What it says in its headers of the real
client is believed where the connection comes from one of the `trusted` addresses; of a chain of proxies the nearest
address that is not trusted is the client.  The headers of all others are taken off the request.

Its place is right behind ``errors``: ``limits`` counts by client, ``auth`` and ``redirect_networks`` look at him, and
the log names him.  ``Location`` is relative, so no proxy has to say which host or scheme it serves; a path that it
puts before all others it says in ``X-Forwarded-Prefix``.

Options:

``trusted =``
    Addresses and networks of your proxies (``127.0.0.1 10.0.0.0/8``), and ``unix`` for those that connect through a
    socket of this machine.  Empty: nobody is believed.
``header = x-forwarded``
    Which kind of header they send: ``x-forwarded`` (``X-Forwarded-For``, ``-Proto``, ``-Host``, ``-Prefix``) or
    ``forwarded`` (RFC 7239).  Only one is believed: a proxy hands the other one on as the client wrote it.

Example::

    [filter:proxy]
    use = egg:objreg#proxy
    trusted = 127.0.0.1 unix
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg.config import ConfigError, as_list, as_networks
from objreg.http import Request
from objreg.middleware.base import Middleware

_HOST = re.compile(r'(?:[A-Za-z0-9_.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?')
_PREFIX = re.compile(r'(?:/[A-Za-z0-9._~-]{1,255}){0,16}')
_PAIR = re.compile(r'\s*([A-Za-z]{1,10})=(?:"([^"\\]{0,255})"|([^\s;,"]{0,255}))\s*')
_SAID = frozenset(f'HTTP_{name}' for name in (
    'FORWARDED', 'X_FORWARDED_FOR', 'X_FORWARDED_HOST', 'X_FORWARDED_PORT', 'X_FORWARDED_PREFIX', 'X_FORWARDED_PROTO',
    'X_FORWARDED_SCHEME', 'X_FORWARDED_SERVER', 'X_FORWARDED_SSL', 'X_REAL_IP',
))
_LONGEST = 4096
"""Bytes of a header that are looked at."""


class Proxy(Middleware):
    """Puts the real client, scheme, host and prefix in the environ."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, trusted: str = '',
        header: str = 'x-forwarded',
    ) -> None:
        super().__init__(app, global_conf)
        words = as_list(trusted)
        self._trusts_unix = 'unix' in words
        self._trusted = as_networks([word for word in words if word != 'unix'])
        if header not in ('x-forwarded', 'forwarded'):
            raise ConfigError(f'header: {header!r} is neither x-forwarded nor forwarded')
        self._said = _x_forwarded if header == 'x-forwarded' else _forwarded

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not _SAID.isdisjoint(environ):
            return super().__call__(environ, start_response)
        environ['objreg.client'] = environ.get('REMOTE_ADDR', '')
        return self.app(environ, start_response)

    def handle(self, req: Request) -> Any:
        """Believe, or take the headers off."""
        environ, peer = req.environ, req.environ.get('REMOTE_ADDR', '')
        environ['objreg.client'] = peer
        if self._is_trusted(peer):
            chain, said = self._said(environ)
            environ['objreg.client'] = self._client(chain) or peer
            if said.get('proto') in ('http', 'https'):
                environ['wsgi.url_scheme'] = said['proto']
            if _HOST.fullmatch(said.get('host', '')):
                environ['HTTP_HOST'] = said['host']
            if _PREFIX.fullmatch(prefix := said.get('prefix', '').rstrip('/')):
                environ['SCRIPT_NAME'] = prefix + environ.get('SCRIPT_NAME', '')
        for name in _SAID:
            environ.pop(name, None)
        environ['objreg.forwarded'] = True
        return self.app

    def _is_trusted(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return self._trusts_unix and peer in ('', 'localhost')
        return self._holds(address)

    def _holds(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        plain = getattr(address, 'ipv4_mapped', None) or address
        return any(plain in network for network in self._trusted)

    def _client(self, chain: list[str]) -> str:
        """The nearest address that is not a proxy's; '' where the chain is broken before it."""
        found = ''
        for text in reversed(chain):
            try:
                address = ipaddress.ip_address(_without_port(text))
            except ValueError:
                return found
            found = str(address)
            if not self._holds(address):
                return found
        return found


def _without_port(text: str) -> str:
    """``192.0.2.1:80`` and ``[2001:db8::1]:80`` without brackets and port."""
    text = text.strip().strip('"')
    if text.startswith('['):
        return text[1:].partition(']')[0]
    return text.partition(':')[0] if text.count(':') == 1 else text


def _last(environ: WSGIEnvironment, name: str) -> str:
    """What the nearest proxy said: the last of a list."""
    said: str = environ.get(name, '')
    return said[-_LONGEST:].rpartition(',')[2].strip()


def _x_forwarded(environ: WSGIEnvironment) -> tuple[list[str], dict[str, str]]:
    chain = environ.get('HTTP_X_FORWARDED_FOR', '')[-_LONGEST:]
    return chain.split(',') if chain else [], {
        'proto': _last(environ, 'HTTP_X_FORWARDED_PROTO').lower(), 'host': _last(environ, 'HTTP_X_FORWARDED_HOST'),
        'prefix': _last(environ, 'HTTP_X_FORWARDED_PREFIX'),
    }


def _forwarded(environ: WSGIEnvironment) -> tuple[list[str], dict[str, str]]:
    """RFC 7239 section 4; an element that is not of its form breaks the chain."""
    chain, last = [], {}
    for element in environ.get('HTTP_FORWARDED', '')[-_LONGEST:].split(','):
        pairs = [_PAIR.fullmatch(pair) for pair in element.split(';')]
        last = {pair[1].lower(): pair[2] if pair[2] is not None else pair[3] for pair in pairs if pair}
        chain.append(last.get('for', ''))
    return chain, {'proto': last.get('proto', '').lower(), 'host': last.get('host', '')}
