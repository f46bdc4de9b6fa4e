"""The way to a directory: TLS by Python's own library, between which and libldap a thread passes bytes on.

libldap waits without a bound for a server that says nothing while TLS is begun (2.5, seen with GnuTLS), and takes what
it verifies by from files and variables of the machine.  So it is given a socket that is connected already.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import time
from threading import Thread
from urllib.parse import urlsplit

from objreg.hub.sso.ldap_settings import Ldap

_PORTS = {'ldap': 389, 'ldaps': 636}
_START_TLS = b'0\x1d\x02\x01\x01w\x18\x80\x161.3.6.1.4.1.1466.20037'
"""An extended request (RFC 4511, section 4.14.1), as message 1."""
_STARTED = b'\x02\x01\x01x', b'\n\x01\x00'
"""Of its response: message 1, extended; and the result ``success``."""
_PIECE = 65536


class _Late(OSError):
    """It takes too long."""


def connect(settings: Ldap, url: str, until: float) -> socket.socket:
    """A socket that speaks to that server as long as `until` (of the monotonic clock); raises `OSError`."""
    parts = urlsplit(url)
    host = str(parts.hostname)
    raw = socket.create_connection((host, parts.port or _PORTS[parts.scheme]), _left(until))
    try:
        if parts.scheme == 'ldap':
            _start_tls(raw, until)
        raw.settimeout(_left(until))
        secure = _context(settings.ca).wrap_socket(raw, server_hostname=host)
    except BaseException:
        raw.close()
        raise
    inner, outer = socket.socketpair()
    Thread(target=_pass_on, args=(secure, outer, until), daemon=True).start()
    return inner


def _context(ca: str) -> ssl.SSLContext:
    """That demands a certificate for the host, by the authority of the operator or those of the machine."""
    context = ssl.create_default_context(cafile=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _start_tls(raw: socket.socket, until: float) -> None:
    raw.settimeout(_left(until))
    raw.sendall(_START_TLS)
    told = b''
    while len(told) < 2 or len(told) < 2 + told[1]:
        raw.settimeout(_left(until))
        piece = raw.recv(2 if len(told) < 2 else 2 + told[1] - len(told))  # nothing of what follows is read
        told += piece
        if not piece or told[0] != ord('0') or told[1:2] >= b'\x80':
            raise ConnectionError('no answer to StartTLS')
    if not told[2:].startswith(_STARTED[0]) or _STARTED[1] not in told[6:10]:
        raise ConnectionError('the server refuses StartTLS')


def _pass_on(secure: ssl.SSLSocket, plain: socket.socket, until: float) -> None:
    """Pass on what both sides say until one of them ends, or time does."""
    with secure, plain, selectors.DefaultSelector() as ready, contextlib.suppress(OSError):
        for one in (secure, plain):
            ready.register(one, selectors.EVENT_READ)
        while secure.pending() or ready.select(_left(until)):
            if not _copy(secure, plain, until) or not _copy(plain, secure, until):
                return


def _copy(source: socket.socket, target: socket.socket, until: float) -> bool:
    """Pass on what there is, if anything; False at the end."""
    source.setblocking(False)
    try:
        data = source.recv(_PIECE)
    except (BlockingIOError, ssl.SSLWantReadError):  # of TLS it may be something of its own
        return True
    target.settimeout(_left(until))
    target.sendall(data)
    return bool(data)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise _Late('it takes too long')
    return left
