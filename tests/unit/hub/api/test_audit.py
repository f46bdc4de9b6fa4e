"""The audit log, as it is searched."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from objreg.hub.audit import Audit
from tests.unit.hub.api.world import World

DAY = 86400


@pytest.fixture
def log(world: World) -> World:
    """Ten days, an event each, by turns on acme and on bob; the first nine days ago at 00:00 of 2026."""
    world.store.delete([entry.key for entry in world.store.list('hub/audit/')])
    begin = 1767225600
    for day in range(10):
        at = begin + day * DAY
        audit = Audit(world.store, now=lambda at=at: at)
        audit.write('token.add' if day % 3 else 'team.add', 'bob' if day % 2 else 'acme/app', by='alice', day=day)
    return world


def days(world: World, who: str = 'root-admin', path: str = '/audit', **query: Any) -> list[int]:
    answer = world.ask(who, 'GET', f'{path}?{urlencode(query)}')
    assert answer.status == 200, answer.data
    return [one['more']['day'] for one in answer.data['items']]


@pytest.mark.parametrize(('query', 'expected'), [
    ({}, list(range(10))),
    ({'target': 'acme'}, [0, 2, 4, 6, 8]),
    ({'target': 'acm'}, []),
    ({'action': 'token'}, [1, 2, 4, 5, 7, 8]),
    ({'action': 'team.add', 'target': 'bob'}, [3, 9]),
    ({'by': 'bob'}, []),
    ({'since': '2026-01-03'}, list(range(2, 10))),
    ({'since': '2026-01-03T00:00:00.000001Z', 'until': '2026-01-05T01:00:00+01:00'}, [3, 4]),
    ({'until': '2026-01-01T12:00Z'}, [0]),
    ({'since': '1m'}, []),
    ({'limit': 3}, [0, 1, 2]),
])
def test_a_search_finds_what_fits(log: World, query: dict[str, Any], expected: list[int]) -> None:
    assert days(log, **query) == expected


@pytest.mark.parametrize('query', ['since=yesterday', 'until=7y', 'limit=0', 'limit=501', 'after=acme', 'who=bob'])
def test_a_search_that_means_nothing_is_refused(log: World, query: str) -> None:
    assert log.ask('root-admin', 'GET', f'/audit?{query}').status == 400


def test_pages_have_everything_once(log: World) -> None:
    found, after = [], ''
    while True:
        page = log.ask('root-admin', 'GET', f'/audit?action=token&limit=2&after={after}').data
        found += [one['more']['day'] for one in page['items']]
        after = page['next']
        if not after:
            break
    assert found == [1, 2, 4, 5, 7, 8]


def test_a_page_ends_where_enough_was_looked_at(log: World) -> None:
    for at in range(600):
        Audit(log.store, now=lambda at=at: 1e9 + at).write('early', 'x', by='y')
    page = log.ask('root-admin', 'GET', '/audit?action=token').data
    assert (page['items'], bool(page['next'])) == ([], True)
    page = log.ask('root-admin', 'GET', f'/audit?action=token&after={page["next"]}').data
    assert (len(page['items']), page['next']) == (6, '')


def test_owners_see_what_was_done_to_their_namespace_only(log: World) -> None:
    path = '/namespaces/acme/audit'
    assert days(log, 'alice', path) == days(log, 'alice', path, target='acme/app') == [0, 2, 4, 6, 8]
    assert log.ask('alice', 'GET', f'{path}?target=bob').status == 400
    assert log.ask('alice', 'GET', f'{path}?target=acme2').status == 400
    assert log.ask('bob', 'GET', path).status == 403
    assert log.ask('alice', 'GET', '/audit').status == 403
    assert days(log, 'bob', '/namespaces/bob/audit') == [1, 3, 5, 7, 9]


def test_what_is_done_is_noted_with_who_and_whence(world: World) -> None:
    event, = world.ask('alice', 'GET', '/namespaces/acme/audit?action=organisation.member').data['items']
    assert (event['by'], event['target'], event['address']) == ('alice', 'acme', '192.0.2.7')
    assert event['more'] == {'user': 'bob', 'role': 'member'}
