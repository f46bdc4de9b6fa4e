"""Repositories: whoever may not see one learns nothing of it, not even that a page ended beside it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub.webhooks import Webhook, new_secret
from objreg.store import Page
from tests.unit.hub.api.world import World


@pytest.fixture
def several(world: World) -> World:
    world.repository('acme/open', 'busybox', visibility='public')
    world.repository('acme/inner', visibility='internal')
    world.repository('acme/hidden', 'acme/deep/er', visibility='private')
    world.repository('bob/own', 'zzz/nobodys')
    return world


def names(world: World, who: str, path: str) -> list[str]:
    """All pages, of two each."""
    found, after = [], ''
    while True:
        page = world.ask(who, 'GET', f'{path}?limit=2&after={quote(after)}').data
        found += [one['name'] for one in page['items']]
        after = page['next']
        if not after:
            return found


@pytest.mark.parametrize(('who', 'acme', 'others'), [
    ('', ['acme/open'], ['busybox']),
    ('eve', ['acme/inner', 'acme/open'], ['busybox']),
    ('bob', ['acme/deep/er', 'acme/hidden', 'acme/inner', 'acme/open'], ['bob/own', 'busybox']),
    ('alice', ['acme/deep/er', 'acme/hidden', 'acme/inner', 'acme/open'], ['busybox']),
    ('root-admin', ['acme/deep/er', 'acme/hidden', 'acme/inner', 'acme/open'], ['bob/own', 'busybox', 'zzz/nobodys']),
])
def test_a_list_has_what_one_may_pull(several: World, who: str, acme: list[str], others: list[str]) -> None:
    assert names(several, who, '/namespaces/acme/repositories') == acme
    assert names(several, who, '/repositories') == acme + others
    assert names(several, who, '/namespaces/library/repositories') == ['busybox']


def test_a_list_shows_as_much_as_each_repository_does(several: World) -> None:
    several.ask('alice', 'PUT', '/repositories/acme/hidden/_collaborators/eve', {'role': 'write'})
    for who in ('', 'eve', 'bob', 'alice', 'root-admin', several.scoped('bob'), several.scoped('root-admin')):
        for one in several.ask(who, 'GET', '/repositories').data['items']:
            assert several.ask(who, 'GET', f'/repositories/{one["name"]}').data == one, who
    listed = [one['name'] for one in several.ask('eve', 'GET', '/repositories').data['items']]
    assert 'acme/hidden' in listed


def test_where_a_page_goes_on_tells_nothing(world: World) -> None:
    world.repository(*[f'acme/hidden-{at:03d}' for at in range(450)], visibility='')
    world.repository('acme/seen', visibility='public')
    pages, after = [], ''
    while not pages or after:
        page = world.ask('', 'GET', f'/namespaces/acme/repositories?after={quote(after)}').data
        pages.append([one['name'] for one in page['items']])
        after = page['next']
        assert 'hidden' not in after
    assert pages == [[], [], ['acme/seen']]
    for forged in ('acme/a', 'x' * 2000, f'{"0" * 20}-00000000.AAAA', 'ä.ö'):
        assert world.ask('', 'GET', f'/repositories?after={quote(forged)}').status == 400, forged


def test_a_page_costs_a_bounded_number_of_calls() -> None:
    class Counting(MemoryStore):
        calls = 0

        def get(self, *given: Any, **more: Any) -> Any:
            self.calls += 1
            return super().get(*given, **more)

        def page(self, *given: Any, **more: Any) -> Page:
            self.calls += 1
            return super().page(*given, **more)

    store = Counting()
    world = World(store)
    world.user('eve')
    world.repository(*[f'acme/app-{at:04d}' for at in range(1000)])
    store.calls = 0
    assert world.ask('eve', 'GET', '/namespaces/acme/repositories').data['items'] == []
    assert store.calls < 420
    assert world.ask('eve', 'GET', '/repositories?limit=201').status == 400
    assert world.ask('eve', 'GET', '/repositories?limit=0').status == 400


def test_what_one_may_not_see_is_what_is_not_there(several: World) -> None:
    hidden = several.ask('eve', 'GET', '/repositories/acme/hidden')
    missing = several.ask('eve', 'GET', '/repositories/acme/missing')
    assert (hidden.status, hidden.data) == (missing.status, missing.data) == (404, missing.data)
    for method, path, body in [
        ('PATCH', '', {'visibility': 'public'}), ('GET', '/_collaborators', None),
        ('PUT', '/_collaborators/eve', {'role': 'admin'}), ('DELETE', '/_collaborators/eve', None),
    ]:
        assert several.ask('eve', method, f'/repositories/acme/hidden{path}', body).status == 404
        assert several.ask('eve', method, f'/repositories/acme/open{path}', body).status == 403
        assert several.ask('', method, f'/repositories/acme/open{path}', body).status == 401


def test_owners_change_who_sees_a_repository(several: World) -> None:
    assert several.ask('', 'GET', '/repositories/acme/hidden').status == 401
    changed = several.ask('alice', 'PATCH', '/repositories/acme/hidden', {'visibility': 'public'})
    assert changed.data == {'name': 'acme/hidden', 'visibility': 'public', 'role': 'admin'}
    assert several.ask('', 'GET', '/repositories/acme/hidden').data['role'] == 'read'
    assert several.ask('alice', 'PATCH', '/repositories/acme/typo', {'visibility': 'public'}).status == 404
    assert several.ask('alice', 'PATCH', '/repositories/acme/open', {'visibility': 'secret'}).status == 400
    scoped = several.scoped('alice')
    assert several.ask(scoped, 'PATCH', '/repositories/acme/open', {'visibility': 'private'}).status == 403


def test_webhooks_are_told_that_others_see_a_repository(several: World) -> None:
    several.hub.webhooks.add('acme', Webhook('https://example.org/hook', new_secret()))
    several.ask('alice', 'PATCH', '/repositories/acme/hidden', {'visibility': 'public'})
    queued, = several.store.list('hub/queue/')
    event = json.loads(several.store.read(queued.key))['event']
    assert (event['kind'], event['repository'], event['by']) == ('visibility', 'acme/hidden', 'alice')
    assert event['data'] == {'visibility': 'public'}


def test_collaborators_are_people_that_there_are(several: World) -> None:
    path = '/repositories/acme/hidden/_collaborators'
    for nobody in ('nobody', 'acme', 'acme+ci'):
        assert several.ask('alice', 'PUT', f'{path}/{nobody}', {'role': 'read'}).status == 404
    assert several.ask('alice', 'PUT', f'{path}/eve', {'role': 'write'}).status == 200
    assert several.ask('alice', 'GET', path).data == [{'user': 'eve', 'role': 'write'}]
    assert several.ask('eve', 'GET', '/repositories/acme/hidden').data['role'] == 'write'
    assert several.ask('eve', 'GET', path).status == 403
    assert several.ask('alice', 'DELETE', f'{path}/eve').status == 204
    assert several.ask('alice', 'DELETE', f'{path}/eve').status == 404
    assert several.ask('eve', 'GET', '/repositories/acme/hidden').status == 404
    assert 'subject-eve' in several.hub.denials.current()


def test_a_repository_may_be_named_like_what_is_below_one(world: World) -> None:
    world.repository('acme/app/collaborators', 'acme/app', visibility='public')
    assert world.ask('', 'GET', '/repositories/acme/app/collaborators').data['name'] == 'acme/app/collaborators'
    assert world.ask('', 'GET', '/repositories/acme%2Fapp').data['name'] == 'acme/app'
    assert world.ask('', 'GET', '/repositories/acme/_app').status == 404
    assert world.ask('', 'GET', '/repositories/acme/App').status == 400
