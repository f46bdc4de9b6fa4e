"""Who sits at the machine that a registry listens on alone."""

from __future__ import annotations

import ipaddress
import socket
from wsgiref.types import WSGIEnvironment

from objreg.middleware.base import client_of


def is_at_the_machine(environ: WSGIEnvironment) -> bool:
    """Whether the request comes from this machine, for this machine, and nobody says that it is another's.

    The name that the client knows the registry by has to be the machine's own as well: a page in a browser can make
    any other name mean this address (DNS rebinding).
    """
    if environ.get('objreg.forwarded') or environ.get('HTTP_VIA'):
        return False
    return _is_loopback(client_of(environ)) and _is_own_name(environ.get('HTTP_HOST', ''))


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
