"""Who guesses passwords is slowed down, and nobody is locked out by him."""

from __future__ import annotations

import pytest

from objreg.config import ConfigError
from objreg.drivers.memory import MemoryStore
from objreg.errors import TooManyRequests
from objreg.hub.authority import Rejected
from objreg.hub.guard import Guard
from objreg.hub.hub import Hub, Settings

SECRET = 'what alice knows'


@pytest.fixture
def hub() -> Hub:
    return made('3 per minute')


def made(failures: str) -> Hub:
    made = Hub(MemoryStore(), Settings(failures=failures))
    made.accounts.create('alice', 'user')
    made.accounts.set_password('alice', SECRET)
    return made


def guess(hub: Hub, name: str, address: str, times: int) -> None:
    for number in range(times):
        with pytest.raises(Rejected):
            hub.authority.authenticate(name, f'guess {number}', address)


def test_an_address_that_was_wrong_too_often_waits_even_with_the_right_password(hub: Hub) -> None:
    guess(hub, 'alice', '192.0.2.1', 3)
    with pytest.raises(TooManyRequests) as caught:
        hub.authority.authenticate('alice', SECRET, '192.0.2.1')
    assert 1 <= int(caught.value.headers['Retry-After']) <= 120


def test_the_owner_elsewhere_is_not_locked_out(hub: Hub) -> None:
    guess(hub, 'alice', '192.0.2.1', 3)
    assert hub.authority.authenticate('alice', SECRET, '192.0.2.2').name == 'alice'


def test_a_token_is_not_counted_nor_stopped(hub: Hub) -> None:
    account = hub.accounts.find('alice')
    assert account is not None
    token = hub.tokens.issue('pat', 'alice', account.id)
    guess(hub, 'alice', '192.0.2.1', 3)
    assert hub.authority.authenticate('alice', str(token), '192.0.2.1').name == 'alice'


def test_an_address_that_sprays_one_password_over_many_names_is_stopped() -> None:
    """Password spraying: one guess a name stays below any limit of a name."""
    hub = made('1 per minute')
    for number in range(10):
        guess(hub, f'user{number}', '192.0.2.1', 1)
    with pytest.raises(TooManyRequests):
        hub.authority.authenticate('alice', SECRET, '192.0.2.1')


def test_names_that_do_not_exist_are_counted_as_those_that_do(hub: Hub) -> None:
    guess(hub, 'nobody', '192.0.2.1', 3)
    with pytest.raises(TooManyRequests):
        hub.authority.authenticate('nobody', 'x' * 9, '192.0.2.1')


def test_all_addresses_of_one_customer_are_one(hub: Hub) -> None:
    for number in range(3):
        guess(hub, 'alice', f'2001:db8::{number + 1}', 1)
    with pytest.raises(TooManyRequests):
        hub.authority.authenticate('alice', SECRET, '2001:db8::ffff')
    assert hub.authority.authenticate('alice', SECRET, '2001:db8:0:1::1').name == 'alice'


def test_a_rate_that_is_none_stops_the_start() -> None:
    with pytest.raises(ConfigError, match='failures'):
        Guard('ten')
    Guard('').admit('192.0.2.1', 'alice')
