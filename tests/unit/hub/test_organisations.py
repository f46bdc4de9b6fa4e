"""Organisations: members, teams, and what teams may do."""

from __future__ import annotations

from itertools import permutations

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub.names import NameRefused
from objreg.hub.organisations import Organisations, Place, TeamGrant
from objreg.hub.policy import Grant, Role
from objreg.store import Store
from objreg.testing.faults import CountingStore, Fault, FaultyStore, LaggingStore, Stop, nth
from tests.unit.hub.steps import Stage, SteppedStore, schedules

NOTHING = Place()


@pytest.fixture
def organisations() -> Organisations:
    return Organisations(MemoryStore())


def test_a_member_is_what_he_was_made_last(organisations: Organisations) -> None:
    assert organisations.place('acme', 'mia') == NOTHING
    organisations.add('acme', 'olga', 'owner', by='')
    for role in ('member', 'owner', 'owner', 'member', 'member'):
        organisations.add('acme', 'mia', role, by='')  # type: ignore[arg-type]
        assert organisations.place('acme', 'mia') == Place(role)
        assert organisations.members('acme') == {'mia': Place(role), 'olga': Place('owner')}
    assert organisations.of('mia') == ['acme']
    organisations.remove('acme', 'mia')
    assert organisations.place('acme', 'mia') == NOTHING
    assert organisations.members('acme') == {'olga': Place('owner')} and organisations.of('mia') == []


def test_whoever_is_removed_is_in_no_team_and_does_not_come_back_into_one(organisations: Organisations) -> None:
    """CVE-2025-23208: a group that somebody was taken out of must not count."""
    organisations.add('acme', 'mia', 'member', by='')
    organisations.join('acme', 'mia', 'web', by='')
    assert organisations.place('acme', 'mia') == Place('member', frozenset({'web'}))
    organisations.remove('acme', 'mia')
    organisations.add('acme', 'mia', 'member', by='')
    assert organisations.place('acme', 'mia') == Place('member')


def test_a_team_alone_makes_nobody_a_member(organisations: Organisations) -> None:
    organisations.join('acme', 'mia', 'web', by='')
    assert organisations.place('acme', 'mia') == NOTHING and organisations.members('acme') == {}


@pytest.mark.parametrize('others', list(permutations(['a', 'ab', 'ab-c', 'abc'])))
def test_no_name_is_taken_for_one_that_begins_like_it(organisations: Organisations, others: tuple[str, ...]) -> None:
    """CVE-2026-110697, the class of it."""
    mine, *rest = others
    for name in rest:
        organisations.add('acme', name, 'owner', by='')
        organisations.add(name, 'mia', 'owner', by='')
        organisations.grant('acme', name, 'admin', 'acme/**', by='')
        organisations.grant(name, 'web', 'admin', '**', by='')
        organisations.add_team(name, 'web', by='')
    assert organisations.place('acme', mine) == NOTHING and organisations.place(mine, 'mia') == NOTHING
    assert organisations.grants(mine) == [] and organisations.grants_of('acme', [mine]) == []
    assert organisations.teams(mine) == [] and organisations.of(mine) == []
    assert not organisations.has_team(mine, 'we') and set(organisations.of('mia')) == set(rest)


@pytest.mark.parametrize('pattern', ['acme/**', '**', 'acme/*/x', 'acme/web', '*'])
def test_a_grant_is_what_was_written(organisations: Organisations, pattern: str) -> None:
    organisations.grant('acme', 'web', 'write', pattern, by='')
    assert organisations.grants('acme') == [TeamGrant('web', 'write', pattern)]
    assert organisations.grants_of('acme', ['web']) == [Grant(pattern, Role.WRITE)]
    assert organisations.grants_of('acme', ['other']) == organisations.grants_of('acme', []) == []
    organisations.revoke('acme', 'web', 'read', pattern)
    assert len(organisations.grants('acme')) == 1, 'of another role'
    organisations.revoke('acme', 'web', 'write', pattern)
    assert organisations.grants('acme') == []


def test_a_team_that_ended_leaves_nothing_for_one_of_the_same_name() -> None:
    store = MemoryStore()
    organisations = Organisations(store)
    organisations.add('acme', 'mia', 'member', by='')
    before = {entry.key for entry in store.list('')}
    for team in ('web', 'web-b'):
        organisations.add_team('acme', team, by='')
        organisations.join('acme', 'mia', team, by='')
        organisations.grant('acme', team, 'write', 'acme/**', by='')
    organisations.remove_team('acme', 'web')
    assert organisations.teams('acme') == ['web-b'] and organisations.has_team('acme', 'web-b')
    assert organisations.place('acme', 'mia') == Place('member', frozenset({'web-b'}))
    organisations.remove_team('acme', 'web-b')
    assert {entry.key for entry in store.list('')} == before


@pytest.mark.parametrize('team', ['', 'A', 'a/b', '..', 'a b', 'team-', 'a\n', 'x' * 65])
def test_a_team_has_a_name(organisations: Organisations, team: str) -> None:
    with pytest.raises(NameRefused):
        organisations.add_team('acme', team, by='')


def test_whoever_two_change_at_once_stays_a_member() -> None:
    """One makes him an owner and the other a member, call by call in every order: he is one of both."""
    places = set()

    def run() -> Stage:
        stage, inner = Stage(), MemoryStore()
        for user in ('mia', 'olga'):
            Organisations(inner).add('acme', user, 'owner', by='')
        organisations = Organisations(SteppedStore(inner, stage))
        for role in ('owner', 'member'):
            stage.add(lambda role=role: organisations.add('acme', 'mia', role, by=''))
        stage.store = inner  # type: ignore[attr-defined]
        return stage

    for stage in schedules(run, 4):
        assert stage.results == [None, None]
        place = Organisations(stage.store).place('acme', 'mia')  # type: ignore[attr-defined]
        assert place.role in ('owner', 'member')
        places.add(place.role)
    assert places == {'owner', 'member'}


@pytest.mark.parametrize('call', [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize('fault', [Fault.STOP_BEFORE, Fault.STOP_AFTER])
def test_whoever_is_removed_has_no_right_from_the_first_write_on(call: int, fault: Fault) -> None:
    store: Store = MemoryStore()
    whole = Organisations(store)
    for user in ('mia', 'olga'):
        whole.add('acme', user, 'owner', by='')
    whole.join('acme', 'mia', 'web', by='')
    faulty = FaultyStore(store, nth(call, fault))
    with pytest.raises(Stop):
        Organisations(faulty).remove('acme', 'mia')
    is_done = call > 3 or (call, fault) == (3, Fault.STOP_AFTER)  # before, it is seen who owns it
    assert (whole.place('acme', 'mia') == NOTHING) is is_done


def test_a_right_that_was_taken_away_is_away_though_lists_still_show_it() -> None:
    lagging = LaggingStore(MemoryStore())
    organisations = Organisations(lagging)
    for user in ('mia', 'olga'):
        organisations.add('acme', user, 'owner', by='')
    organisations.join('acme', 'mia', 'web', by='')
    organisations.grant('acme', 'web', 'write', 'acme/**', by='')
    lagging.catch_up()
    assert organisations.place('acme', 'mia') == Place('owner', frozenset({'web'}))
    organisations.leave('acme', 'mia', 'web')
    organisations.add('acme', 'mia', 'member', by='')
    organisations.revoke('acme', 'web', 'write', 'acme/**')
    assert organisations.place('acme', 'mia') == Place('member')
    assert organisations.grants_of('acme', ['web']) == []
    organisations.remove('acme', 'mia')
    assert organisations.place('acme', 'mia') == NOTHING


def test_what_is_asked_at_each_request_is_one_call() -> None:
    counting = CountingStore(MemoryStore())
    organisations = Organisations(counting)
    organisations.add('acme', 'mia', 'member', by='')
    for team in range(20):
        organisations.join('acme', 'mia', f'team{team}', by='')
        organisations.grant('acme', f'team{team}', 'read', 'acme/**', by='')
    counting.reset()
    place = organisations.place('acme', 'mia')
    assert counting.calls == {'list': 1}
    organisations.grants_of('acme', place.teams)
    assert counting.calls == {'list': 2}
