"""One request to an address that somebody else chose, which must not be led to this network's own machines (SSRF).

The name is resolved once, every address that it has must be a public one, and the connection goes to the address that
was looked at: a name that means something else a moment later (DNS rebinding) leads nowhere.  Redirects are not
followed.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

import urllib3

from objreg.config import Network

_SILENCE = 10.0
_MOST_READ = 4096
"""Bytes of an answer that are looked at."""
_LONGEST_URL = 2000


class NotAllowed(ValueError):
    """Nothing is sent there; the text is for whoever chose the address."""


class Answer(NamedTuple):
    """What the other server said; `status` 0: nothing, and `text` why."""

    status: int
    text: str


def check_url(url: str, allowed: Sequence[Network] = ()) -> SplitResult:
    """The parts of a URL that may be sent to, as far as it tells by itself; raises `NotAllowed`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NotAllowed(f'not a URL: {error}') from error
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or ' ' in url:
        raise NotAllowed('a URL of at most 2,000 printable ASCII characters is needed')
    if parts.scheme not in ('https', 'http') or not parts.hostname or '@' in parts.netloc or port == 0:
        raise NotAllowed('a URL with https, a host, and neither user nor password is needed')
    if parts.scheme == 'http' and not allowed:
        raise NotAllowed('https is needed')
    try:
        address = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return parts
    _check_address(address, allowed)
    return parts


def post(url: str, body: bytes, headers: Mapping[str, str], allowed: Sequence[Network] = ()) -> Answer:
    """Send it, once.  Private addresses only within the networks that are `allowed`.  Raises `NotAllowed`."""
    return ask('POST', url, body, headers, allowed)


def ask(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], allowed: Sequence[Network] = (), *,
    most: int = _MOST_READ, seconds: float = 0,
) -> Answer:
    """The same by any method; `most` bytes of the answer are looked at.

    With `seconds` the answer is needed whole: nothing came (`status` 0) where it is longer, or takes longer.
    """
    parts = check_url(url, allowed)
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == 'https' else 80)
    try:
        address = _resolved(host, port, allowed)
    except OSError as error:
        return Answer(0, f'{host}: {error.strerror or error}')
    target = (parts.path or '/') + (f'?{parts.query}' if parts.query else '')
    pool = _pool(parts.scheme, host, address, port, min(_SILENCE, seconds or _SILENCE))
    until = time.monotonic() + seconds
    try:
        answer = pool.urlopen(
            method, target, body=body, headers={'Host': parts.netloc, 'User-Agent': 'objreg', **headers},
            redirect=False, retries=False, preload_content=False,
        )
        try:
            data = _whole(answer, most, until) if seconds else answer.read1(most)
            return Answer(answer.status, data.decode('utf-8', 'replace'))
        finally:
            answer.close()
    except (OSError, urllib3.exceptions.HTTPError, _NotWhole) as error:
        return Answer(0, f'{type(error).__name__}: {error}'[:500])
    finally:
        pool.close()


class _NotWhole(Exception):
    """The answer is too long, or takes too long."""


def _whole(answer: urllib3.BaseHTTPResponse, most: int, until: float) -> bytes:
    """All of it, as it comes, so that nothing small can become large."""
    data = bytearray()
    while piece := answer.read1(most + 1, decode_content=False):
        data += piece
        if len(data) > most:
            raise _NotWhole('it is too large')
        if time.monotonic() > until:
            raise _NotWhole('it takes too long')
    return bytes(data)


def _pool(scheme: str, host: str, address: str, port: int, silence: float) -> urllib3.HTTPConnectionPool:
    """Connections to that address, which has to prove that it is the host."""
    timeout = urllib3.Timeout(silence)
    if scheme == 'http':
        return urllib3.HTTPConnectionPool(address, port, timeout=timeout)
    more: dict[str, Any] = {'server_hostname': host, 'assert_hostname': host}
    return urllib3.HTTPSConnectionPool(address, port, timeout=timeout, **more)


def _resolved(host: str, port: int, allowed: Sequence[Network]) -> str:
    """The first of the host's addresses, all of which may be sent to; raises `OSError`, `NotAllowed`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise NotAllowed(f'{host[:100]!r} is no name of a host') from error
    addresses = [str(address[0]).partition('%')[0] for *_, address in found]
    for address in addresses:
        _check_address(ipaddress.ip_address(address), allowed)
    return addresses[0]


def _check_address(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, allowed: Sequence[Network]
) -> None:
    plain = _plain(address)
    if any(plain in network for network in allowed):
        return
    if not plain.is_global or plain.is_multicast:
        raise NotAllowed('a private address: nothing is sent there')


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one stands for, by any of the ways to say so."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address.sixtofour:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


_NAT64 = ipaddress.IPv6Network('64:ff9b::/96')
