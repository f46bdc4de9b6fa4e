"""Who is behind an address."""

from __future__ import annotations

import pytest

from objreg.addresses import customer_of, is_within
from objreg.config import as_networks


@pytest.mark.parametrize(('address', 'expected'), [
    ('192.0.2.7', '192.0.2.7'), ('2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'), ('2001:db8:1:2::', '2001:db8:1:2::/64'),
    ('fe80::1%eth0', 'fe80::/64'), ('::ffff:192.0.2.7', '192.0.2.7'), ('', ''), ('unix:', 'unix:'),
])
def test_a_customer_has_an_address_or_a_network_of_ipv6(address: str, expected: str) -> None:
    assert customer_of(address) == expected


@pytest.mark.parametrize(('address', 'expected'), [
    ('192.0.2.7', True), ('::ffff:192.0.2.7', True), ('198.51.100.1', False), ('2001:db8::1', True),
    ('2001:db9::1', False), ('', False), ('192.0.2', False),
])
def test_an_address_is_within_a_network_however_it_is_written(address: str, expected: bool) -> None:
    assert is_within(address, as_networks('192.0.2.0/24 2001:db8::/32')) is expected
