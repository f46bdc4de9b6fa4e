"""For how long the tokens of somebody count whom his provider may have removed."""

from __future__ import annotations

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub.authority import Rejected
from objreg.hub.hub import Hub, Settings
from objreg.hub.records import Account
from objreg.hub.sso.groups import Said
from objreg.hub.sso.links import made
from objreg.hub.sso.recency import Recency
from objreg.testing.faults import CountingStore

DAY, BEGIN = 86400, 1_800_000_000


class Clock:
    now = float(BEGIN)

    def __call__(self) -> float:
        return self.now


def hub_of(days: int = 90) -> tuple[Hub, Clock, Account]:
    """With alice, who logged in by a provider at the beginning."""
    hub, clock = Hub(MemoryStore(), Settings(stale_days=days)), Clock()
    account = hub.accounts.create('alice', 'user')
    link = made('oidc', 'company', 'https://id.example', '1', account, at=BEGIN, by='alice')
    hub.links.claim(link)
    hub.links.show(link)
    hub.groups._now = clock
    hub.groups.note('alice', 'company', Said(BEGIN))
    hub.authority._recency = Recency(hub.links, hub.accounts, days, now=clock)
    return hub, clock, account


def is_let_in(hub: Hub, account: Account) -> bool:
    token = hub.tokens.issue('pat', account.name, account.id)
    try:
        return bool(hub.authority.recognise(token).name)
    except Rejected:
        return False


def test_a_token_counts_for_as_long_as_its_holder_is_seen(cheap_passwords: None) -> None:
    hub, clock, alice = hub_of()
    for day, seen in ((0, True), (89, True), (91, False)):
        clock.now = BEGIN + day * DAY
        assert is_let_in(hub, alice) is seen
    hub.groups.note('alice', 'company', Said(int(clock.now)))
    assert is_let_in(hub, alice), 'at once, when he logs in again'
    clock.now += 91 * DAY
    assert not is_let_in(hub, alice)
    hub.accounts.set_password('alice', 'another way in')
    assert is_let_in(hub, alice), 'who has a password of this hub does not depend on a provider'


def test_it_may_be_for_ever() -> None:
    hub, clock, alice = hub_of(days=0)
    clock.now += 10_000 * DAY
    assert is_let_in(hub, alice)


def test_who_has_no_provider_is_not_asked_about() -> None:
    hub, clock, _ = hub_of()
    bob = hub.accounts.create('bob', 'user')
    clock.now += 1000 * DAY
    assert is_let_in(hub, bob)


def test_an_account_that_was_linked_and_never_used_counts_from_then_on() -> None:
    hub, clock, _ = hub_of()
    bob = hub.accounts.create('bob', 'user')
    link = made('oidc', 'company', 'https://id.example', '2', bob, at=BEGIN, by='root2')
    hub.links.claim(link)
    hub.links.show(link)
    clock.now = BEGIN + 89 * DAY
    assert is_let_in(hub, bob)
    clock.now = BEGIN + 91 * DAY
    assert not is_let_in(hub, bob)


def test_the_last_of_several_providers_counts() -> None:
    hub, clock, alice = hub_of()
    link = made('oidc', 'other', 'https://other.example', '1', alice, at=BEGIN + 60 * DAY, by='root2')
    hub.links.claim(link)
    hub.links.show(link)
    clock.now = BEGIN + 120 * DAY
    assert is_let_in(hub, alice)


@pytest.mark.parametrize('day', [0, 88])
def test_it_is_looked_at_once_a_day(day: int) -> None:
    hub, clock, _ = hub_of()
    counting = CountingStore(hub.store)
    hub.links._store = hub.accounts._store = counting
    recency = Recency(hub.links, hub.accounts, 90, now=clock)
    clock.now = BEGIN + day * DAY
    assert recency.is_recent('alice')
    first = counting.total
    for hour in range(23):
        clock.now = BEGIN + day * DAY + hour * 3600
        assert recency.is_recent('alice')
    assert counting.total == first <= 5 and 'put' not in counting.calls
