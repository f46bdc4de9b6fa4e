"""Who sits at the machine that a registry listens on alone."""

from __future__ import annotations

import ipaddress
import socket
from wsgiref.types import WSGIEnvironment

from objreg.middleware.base import client_of

_FORWARDED = ('HTTP_VIA', 'HTTP_FORWARDED', 'HTTP_X_FORWARDED', 'HTTP_X_REAL_IP')
"""What proxies say, where no layer `proxy` has looked at it."""


def is_at_the_machine(environ: WSGIEnvironment) -> bool:
    """Whether the request comes from this machine, for this machine, and nobody says that it is another's.

    The name that the client knows the registry by has to be the machine's own as well: a page in a browser can make
    any other name mean this address (DNS rebinding).
    """
    if environ.get('objreg.forwarded') or any(name.startswith(_FORWARDED) for name in environ):
        return False
    if _is_of_another_page(environ):
        return False
    return _is_loopback(client_of(environ)) and _is_own_name(environ.get('HTTP_HOST', ''))


def _is_of_another_page(environ: WSGIEnvironment) -> bool:
    """Whether a browser asks on behalf of a page from elsewhere, which may send what it cannot read the answer of."""
    origin, site = environ.get('HTTP_ORIGIN', ''), environ.get('HTTP_SEC_FETCH_SITE', 'none')
    is_own = not origin or origin.rpartition('://')[2] == environ.get('HTTP_HOST', '')
    return not is_own or site not in ('none', 'same-origin')


def is_own_address(host: str) -> bool:
    """Whether who listens there is reached from this machine only."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return False
    return all(_is_loopback(str(address[0])) for *_, address in found)


def _is_own_name(host: str) -> bool:
    name = host.rpartition(':')[0] if ':' in host and not host.endswith(']') else host
    return name.lower() == 'localhost' or _is_loopback(name.strip('[]'))


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(found, 'ipv4_mapped', None) or found).is_loopback
