"""Addresses of clients: whom one stands for, and whether it is within a network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from objreg.config import Network

_CUSTOMER = 64
"""Bits of the networks that customers have in IPv6, RFC 6177: each of them has all the addresses in one."""


def parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address; None for what is none.

    One of IPv4 that a socket of IPv6 tells (``::ffff:192.0.2.1``) is one of IPv4: all of them lie in one /64.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(found, 'ipv4_mapped', None) or found


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether it is an address of one of these networks."""
    found = parsed(address)
    return found is not None and any(found in network for network in networks)


def customer_of(address: str) -> str:
    """By whom to count: the address, or of IPv6 the /64 around it, of which one customer has all addresses."""
    found = parsed(address)
    if found is None:
        return address
    return str(ipaddress.ip_network((found, _CUSTOMER), strict=False) if found.version == 6 else found)
