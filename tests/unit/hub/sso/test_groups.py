"""What groups of a provider mean: teams that come and go with them, beside what people say by hand."""

from __future__ import annotations

from itertools import permutations

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub import keys
from objreg.hub.hub import Hub
from objreg.hub.organisations import Place
from objreg.hub.sso.groups import Groups, Meaning, Said
from objreg.hub.sso.logins import Logins
from objreg.store import StoreError
from objreg.testing.faults import Fault, FaultyStore, Stop, nth
from tests.browsers import Browser
from tests.openid import OpenId, arrive
from tests.unit.hub.steps import Stage, SteppedStore, schedules

ALICE = {'sub': '1', 'preferred_username': 'alice'}


def hub_on(store: MemoryStore) -> Hub:
    """With olga's acme and its teams."""
    hub = Hub(store)
    for name in ('olga', 'alice'):
        hub.accounts.create(name, 'user')
    hub.accounts.create('acme', 'organisation')
    hub.organisations.add('acme', 'olga', 'owner', by='')
    for team in ('core', 'ops'):
        hub.organisations.add_team('acme', team, by='')
    return hub


@pytest.fixture
def hub() -> Hub:
    return hub_on(MemoryStore())


def place(hub: Hub) -> Place:
    return hub.organisations.place('acme', 'alice')


def test_a_login_brings_teams_and_the_next_one_takes_them(browser: Browser, provider: OpenId) -> None:
    hub = browser.site.hub
    for groups, expected in (
        (['platform'], Place('member', frozenset({'core'}))), (['staff'], Place('member')),
        (['both', 'unknown'], Place('member', frozenset({'core', 'ops'}))), ([], Place()),
        (['platform'], Place('member', frozenset({'core'}))), (None, Place()),
    ):
        arrive(browser, provider, groups=groups, **ALICE)
        assert place(hub) == expected == hub.organisations.members('acme').get('alice', Place())
    assert hub.denials.is_denied('alice', '', 0), 'access tokens from before do not count'


def test_what_was_given_by_hand_stays(browser: Browser, provider: OpenId) -> None:
    hub = browser.site.hub
    arrive(browser, provider, groups=['platform', 'hub-admins'], **ALICE)
    hub.organisations.add('acme', 'alice', 'member', by='olga')
    hub.organisations.join('acme', 'alice', 'ops', by='olga')
    assert place(hub).teams == {'core', 'ops'}
    hub.accounts.make_administrator('alice', by='olga')
    arrive(browser, provider, groups=[], **ALICE)
    assert place(hub) == Place('member', frozenset({'ops'})) and hub.accounts.is_administrator('alice')
    hub.organisations.add('acme', 'alice', 'owner', by='olga')
    arrive(browser, provider, groups=['platform'], **ALICE)
    assert place(hub).role == 'owner', 'nor does a provider take it'


def test_what_somebody_takes_away_by_hand_is_away_until_the_next_login(browser: Browser, provider: OpenId) -> None:
    hub, site = browser.site.hub, browser.site
    arrive(browser, provider, groups=['both', 'hub-admins'], **ALICE)
    assert site.api('olga', 'DELETE', '/organisations/acme/teams/core/members/alice').status_code == 204
    assert place(hub).teams == {'ops'}
    assert site.api('olga', 'DELETE', '/organisations/acme/members/alice').status_code == 204
    assert place(hub) == Place() and [*site.store.list('hub/members/acme/alice/')] == []
    hub.accounts.unmake_administrator('alice')
    assert not hub.accounts.is_administrator('alice')
    arrive(browser, provider, groups=['both', 'hub-admins'], **ALICE)
    assert place(hub).teams == {'core', 'ops'} and hub.accounts.is_administrator('alice')


def test_a_team_that_ended_takes_nobody_along_when_one_of_its_name_is_made(hub: Hub) -> None:
    hub.groups.note('alice', 'company', Said(1, ('acme/core',)))
    hub.organisations.remove_team('acme', 'core')
    hub.organisations.add_team('acme', 'core', by='')
    assert place(hub) == Place('member')


def test_organisations_and_teams_that_there_are_not_are_not_made(hub: Hub) -> None:
    hub.groups.note('alice', 'company', Said(1, ('nobody/core', 'acme/none', 'olga')))
    assert hub.organisations.place('nobody', 'alice') == Place() == hub.organisations.place('olga', 'alice')
    assert place(hub) == Place('member')
    assert [entry.key for entry in hub.store.list('hub/members/nobody/')] == []


def test_two_providers_say_each_their_own(hub: Hub) -> None:
    hub.groups.note('alice', 'one', Said(1, ('acme/core',)))
    hub.groups.note('alice', 'two', Said(1, ('acme/core', 'acme/ops')))
    hub.groups.note('alice', 'one', Said(2))
    assert place(hub).teams == {'core', 'ops'}
    hub.groups.forget('alice', 'two')
    assert place(hub) == Place()


def test_an_administrator_by_a_provider_that_is_not_there_any_more_is_none(hub: Hub) -> None:
    hub.groups.note('alice', 'company', Said(1, administrator=True))
    assert not hub.accounts.is_administrator('alice'), 'no provider of this hub says who is'
    logins = Logins()
    logins.with_administrators = lambda: ['company']  # type: ignore[method-assign]
    hub.accounts._providers = logins.with_administrators
    assert hub.accounts.is_administrator('alice')


def test_a_member_by_a_provider_is_no_owner(hub: Hub) -> None:
    hub.store.put(keys.by_login('acme', 'alice', 'company', 'owner'), b'{}')
    assert place(hub) == Place() and 'alice' not in hub.organisations.owners('acme')[1:]
    hub.store.put(keys.by_login('acme', 'alice', 'company', 'member'), b'{}')
    assert place(hub) == Place('member')


@pytest.mark.parametrize('order', list(permutations(range(3))))
def test_what_was_said_last_counts_in_whatever_order_it_arrives(hub: Hub, order: tuple[int, ...]) -> None:
    said = [Said(1, ('acme/core',)), Said(2, ('acme/core', 'acme/ops')), Said(3, ('acme/ops',))]
    for number in order:
        hub.groups.note('alice', 'company', said[number])
    assert place(hub).teams == {'ops'}
    assert len([*hub.store.list(keys.said('alice', 'company'))]) == 1, 'and the rest is forgotten'


def test_of_two_of_one_second_the_later_one_counts(hub: Hub) -> None:
    for _ in range(5):
        hub.groups.note('alice', 'company', Said(7, ('acme/core',)))
        hub.groups.note('alice', 'company', Said(7, ('acme/ops',)))
        assert place(hub).teams == {'ops'}


def test_a_clock_that_is_far_ahead_is_not_the_last_word_for_ever(hub: Hub) -> None:
    now = 1_000_000
    groups = Groups(hub.store, hub.accounts, hub.organisations, hub.denials, now=lambda: now)
    groups.note('alice', 'company', Said(now + 10**6, ('acme/core',)))
    groups._now = lambda: now + 100
    groups.note('alice', 'company', Said(now + 100, ('acme/ops',)))
    assert place(hub).teams == {'ops'}


@pytest.mark.parametrize(('first', 'second'), [
    (('acme/core', 'acme/ops'), ('acme/ops',)), (('acme/ops',), ('acme/core', 'acme/ops')), (('acme',), ()),
    (('acme/core',), ('acme/core',)),
])
def test_two_logins_on_two_nodes_end_as_the_later_one_says(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    """Whoever is interrupted where: nothing is lost that counts, and nothing stays that does not."""
    seen = 0

    def run() -> Stage:
        stage, inner = Stage(), MemoryStore()
        hub_on(inner).groups.note('alice', 'company', Said(1, ('acme/core',)))
        stage.hub = Hub(inner)  # type: ignore[attr-defined]
        for at, targets in ((2, first), (3, second)):
            node = Hub(SteppedStore(inner, stage))
            stage.add(lambda node=node, at=at, targets=targets: node.groups.note('alice', 'company', Said(at, targets)))
        return stage

    expected = Place('member', frozenset(one[5:] for one in second if '/' in one)) if second else Place()
    for stage in schedules(run, preemptions=1):
        assert stage.results == [None, None]
        assert place(stage.hub) == expected  # type: ignore[attr-defined]
        seen += 1
    assert seen > 20


@pytest.mark.parametrize('fault', [Fault.STOP_BEFORE, Fault.STOP_AFTER, Fault.UNAVAILABLE, Fault.LOST_ANSWER])
def test_whoever_stops_half_way_grants_nothing_that_the_next_login_does_not_take(fault: Fault) -> None:
    number = 0
    while True:
        number += 1
        inner = MemoryStore()
        hub_on(inner).groups.note('alice', 'company', Said(1, ('acme/core',)))
        faulty = FaultyStore(inner, nth(number, fault))
        try:
            Hub(faulty).groups.note('alice', 'company', Said(2, ('acme/ops',), administrator=True))
            break
        except (Stop, StoreError):
            hub = Hub(inner)
            assert place(hub).teams <= {'core', 'ops'}
            hub.groups.note('alice', 'company', Said(3))
            assert place(hub) == Place() and not inner.has(keys.administrator_by('alice', 'company'))
    assert number > 8


def test_a_rule_is_about_a_whole_name_of_a_group() -> None:
    meaning = Meaning({'a': ('acme/core',), 'b': ('acme/ops', 'acme')}, 'root')
    assert meaning.said(frozenset({'a', 'b', 'c'}), 7) == Said(7, ('acme', 'acme/core', 'acme/ops'))
    assert meaning.said(frozenset({'A', 'root'}), 7) == Said(7, administrator=True)
    assert Meaning({}).said(frozenset({''}), 7) == Said(7)
