"""Organisations: made whole, never without an owner, ended without a way back."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub import keys
from objreg.hub.organisations import LastOwner, Organisations
from objreg.hub.webhooks import Webhook, new_secret
from objreg.store import Body, Capabilities, Entry, Page, Unavailable
from tests.unit.hub.api.world import World


class Dying(MemoryStore):
    """Fails at keys that have `word` in them, as a node does that dies there."""

    word = ''

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        if self.word and self.word in key:
            raise Unavailable('gone')
        super().put(key, body, size, if_absent=if_absent)


def test_whoever_makes_an_organisation_owns_it(world: World) -> None:
    made = world.ask('eve', 'POST', '/organisations', {'name': 'umbrella', 'full_name': 'Umbrella Ltd'})
    assert (made.status, made.data['role'], made.data['full_name']) == (201, 'owner', 'Umbrella Ltd')
    assert [one['name'] for one in world.ask('eve', 'GET', '/organisations').data] == ['umbrella']
    assert world.ask('bob', 'GET', '/organisations').data[0] | {'created': 0} == {
        'name': 'acme', 'full_name': '', 'created': 0, 'role': 'member',
    }
    assert world.ask('eve', 'GET', '/organisations/acme').data['role'] == ''
    assert list(world.store.list('hub/founding/')) == []


@pytest.mark.parametrize('name', ['acme', 'alice', 'a_cme', 'admin', 'X', 'acm/e', 'al.ice'])
def test_a_name_is_one_that_is_free(world: World, name: str) -> None:
    world.user('al-ice')
    world.organisation('a-cme', 'bob')
    made = world.ask('eve', 'POST', '/organisations', {'name': name})
    assert made.status in (400, 409)
    assert world.ask('eve', 'GET', '/organisations').data == []


def test_only_administrators_make_one_for_somebody_else(world: World) -> None:
    assert world.ask('eve', 'POST', '/organisations', {'name': 'trap', 'owner': 'bob'}).status == 403
    assert world.ask('root-admin', 'POST', '/organisations', {'name': 'trap', 'owner': 'nobody'}).status == 404
    assert world.ask('root-admin', 'POST', '/organisations', {'name': 'gift', 'owner': 'bob'}).status == 201
    assert world.hub.organisations.place('gift', 'bob').role == 'owner'
    assert world.operator('POST', '/organisations', {'name': 'other'}).status == 400


@pytest.mark.parametrize('again', ['list', 'create'])
def test_an_organisation_whose_making_died_is_its_makers_when_he_looks_again(again: str) -> None:
    store = Dying()
    world = World(store)
    world.user('alice', 'eve')
    store.word = '/owner'
    assert world.ask('alice', 'POST', '/organisations', {'name': 'acme'}).status == 503
    store.word = ''
    assert world.hub.accounts.find('acme') is not None
    assert world.hub.organisations.owners('acme') == []
    assert world.ask('eve', 'POST', '/organisations', {'name': 'acme'}).status == 409
    assert world.ask('eve', 'GET', '/organisations').data == []
    if again == 'list':
        assert [one['role'] for one in world.ask('alice', 'GET', '/organisations').data] == ['owner']
    else:
        assert world.ask('alice', 'POST', '/organisations', {'name': 'acme'}).status == 201
    assert world.hub.organisations.owners('acme') == ['alice']


def test_what_was_begun_gives_nobody_an_organisation_of_somebody_else(world: World) -> None:
    note = b'{"id":"0123","at":0}'
    world.store.put(keys.founding('eve', 'acme'), note)
    assert world.ask('eve', 'POST', '/organisations', {'name': 'acme'}).status == 409
    assert world.hub.organisations.place('acme', 'eve').role == ''
    assert not list(world.store.list('hub/founding/'))


def test_who_was_removed_does_not_come_back_as_its_maker() -> None:
    store = Dying()
    world = World(store)
    world.user('alice', 'bob')
    world.organisation('acme', 'alice', bob='owner')
    found = world.hub.accounts.find('acme')
    assert found is not None  # as if the note had outlived the owner's key
    store.put(keys.founding('alice', 'acme'), f'{{"id":"{found.id}","at":0}}'.encode())
    assert world.ask('bob', 'DELETE', '/organisations/acme/members/alice').status == 204
    assert world.ask('alice', 'GET', '/organisations').data == []
    assert world.ask('alice', 'POST', '/organisations', {'name': 'acme'}).status == 409


def test_members_are_put_and_removed(world: World) -> None:
    assert world.ask('bob', 'GET', '/organisations/acme/members').data == [
        {'user': 'alice', 'role': 'owner', 'teams': []}, {'user': 'bob', 'role': 'member', 'teams': []},
    ]
    assert world.ask('alice', 'PUT', '/organisations/acme/members/nobody', {'role': 'member'}).status == 404
    assert world.ask('alice', 'PUT', '/organisations/acme/members/acme', {'role': 'member'}).status == 404
    assert world.ask('alice', 'PUT', '/organisations/acme/members/eve', {'role': 'king'}).status == 400
    assert world.ask('alice', 'DELETE', '/organisations/acme/members/bob').status == 204
    assert world.ask('alice', 'DELETE', '/organisations/acme/members/bob').status == 404
    assert world.ask('bob', 'GET', '/organisations/acme/members').status == 403
    assert 'subject-bob' in world.hub.denials.current()


def test_who_comes_back_is_in_no_team_of_before(world: World) -> None:
    world.hub.organisations.remove('acme', 'bob')
    world.store.put(keys.in_team('acme', 'bob', 'core'), b'{"at":0}')  # written while he was removed
    world.ask('alice', 'PUT', '/organisations/acme/members/bob', {'role': 'member'})
    assert world.hub.organisations.place('acme', 'bob') == ('member', frozenset())


def test_the_last_owner_stays(world: World) -> None:
    removed = world.ask('alice', 'DELETE', '/organisations/acme/members/alice')
    demoted = world.ask('root-admin', 'PUT', '/organisations/acme/members/alice', {'role': 'member'})
    assert [(one.status, one.kind) for one in (removed, demoted)] == [(409, 'last-owner')] * 2
    assert world.hub.organisations.place('acme', 'alice').role == 'owner'
    world.ask('alice', 'PUT', '/organisations/acme/members/bob', {'role': 'owner'})
    assert world.ask('alice', 'DELETE', '/organisations/acme/members/alice').status == 204
    assert world.ask('bob', 'DELETE', '/organisations/acme/members/bob').status == 409


def test_an_owner_who_is_gone_is_none_although_a_list_shows_him() -> None:
    class Lagging(MemoryStore):
        capabilities = Capabilities(conditional_put=True, consistent_list=False)
        ghosts: tuple[str, ...] = ()

        def page(self, prefix: str, *given: Any, **more: Any) -> Page:
            found = super().page(prefix, *given, **more)
            ghosts = [Entry(key) for key in self.ghosts if key.startswith(prefix)]
            return Page(sorted({*found.entries, *ghosts}), found.more)

    store = Lagging()
    organisations = Organisations(store)
    organisations.add('acme', 'alice', 'owner', by='alice')
    store.ghosts = (keys.membership('acme', 'bob', 'owner'),)
    assert organisations.owners('acme') == ['alice']
    assert organisations.place('acme', 'bob').role == ''
    with pytest.raises(LastOwner):
        organisations.remove('acme', 'alice')


def test_two_owners_who_remove_each_other_leave_one_at_least() -> None:
    """At each round both have seen the other before either removes him."""
    class Meeting(Organisations):
        def owners(self, organisation: str) -> list[str]:
            found = super().owners(organisation)
            if waits:
                waits.pop()
                meet.wait(10)
            return found

    for _ in range(20):
        meet, waits = Barrier(2), [1, 1]
        organisations = Meeting(MemoryStore())
        for user in ('alice', 'bob'):
            organisations.add('acme', user, 'owner', by=user)
        threads = [Thread(target=_remove, args=(organisations, user)) for user in ('alice', 'bob')]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert waits == []
        assert organisations.owners('acme')


def _remove(organisations: Organisations, user: str) -> None:
    try:
        organisations.remove('acme', user)
    except LastOwner:
        return


def test_a_name_stays(world: World) -> None:
    refused = world.ask('alice', 'PATCH', '/organisations/acme', {'name': 'better'})
    assert (refused.status, refused.kind) == (409, 'renaming')
    assert 'copy the images' in refused.data['detail']
    assert world.ask('alice', 'PATCH', '/organisations/acme', {'full_name': 'Acme'}).data['full_name'] == 'Acme'


def test_an_organisation_with_repositories_is_not_deleted(world: World) -> None:
    world.repository('acme/app', 'acme/web', 'acme2/other')
    refused = world.ask('alice', 'DELETE', '/organisations/acme')
    assert (refused.status, refused.kind) == (409, 'repositories')
    assert refused.data['repositories'] == ['acme/app', 'acme/web']
    assert world.ask('bob', 'DELETE', '/organisations/acme').status == 403


def test_a_deleted_organisation_leaves_nobody_any_right(world: World) -> None:
    world.repository('acme/app', visibility='private')
    world.ask('alice', 'POST', '/organisations/acme/teams', {'name': 'core'})
    world.ask('alice', 'PUT', '/organisations/acme/teams/core/members/bob')
    world.ask('alice', 'PUT', '/organisations/acme/teams/core/grants', {'pattern': 'acme/**', 'role': 'admin'})
    scopes = [{'actions': ['pull'], 'repositories': ['acme/**']}]
    world.ask('alice', 'POST', '/namespaces/acme/robots', {'name': 'ci', 'scopes': scopes})
    token = world.ask('alice', 'POST', '/namespaces/acme/robots/ci/tokens', {}).data['token']
    world.know('acme+ci', token)
    assert world.ask('acme+ci', 'GET', '/repositories/acme/app').status == 200
    world.hub.webhooks.add('acme', Webhook('https://example.org/hook', new_secret()))
    assert world.ask('alice', 'DELETE', '/organisations/acme?repositories=keep').status == 204
    assert world.ask('acme+ci', 'GET', '/repositories/acme/app').status == 401
    for user in ('alice', 'bob'):
        assert world.ask(user, 'GET', '/repositories/acme/app').status == 404
    assert world.ask('root-admin', 'GET', '/repositories/acme/app').data['role'] == 'admin'
    for prefix in ('members', 'teams', 'grants', 'robots', 'organisations', 'webhooks'):
        assert not list(world.store.list(f'hub/{prefix}/')), prefix
    assert 'subject-acme+ci' in world.hub.denials.current()
    assert world.ask('alice', 'POST', '/organisations', {'name': 'acme'}).status == 409
    assert world.ask('alice', 'GET', '/organisations/acme').status == 404


@pytest.mark.parametrize('word', ['hub/grants/acme', 'hub/robots/acme', 'hub/members/acme'])
def test_a_deletion_that_dies_is_gone_on_with(word: str) -> None:
    class DyingAtDelete(MemoryStore):
        word = ''

        def delete(self, keys: object) -> None:
            listed = list(keys)  # type: ignore[call-overload]
            if self.word and any(key.startswith(self.word) for key in listed):
                raise Unavailable('gone')
            super().delete(listed)

    store = DyingAtDelete()
    world = World(store)
    world.user('root-admin', administrator=True)
    world.user('alice', 'bob')
    world.organisation('acme', 'alice', bob='member')
    world.hub.organisations.grant('acme', 'core', 'read', 'acme/*', by='alice')
    scopes = [{'actions': ['pull'], 'repositories': ['acme/**']}]
    assert world.ask('alice', 'POST', '/namespaces/acme/robots', {'name': 'ci', 'scopes': scopes}).status == 201
    store.word = word
    assert world.ask('alice', 'DELETE', '/organisations/acme').status == 503
    store.word = ''
    assert world.ask('alice', 'DELETE', '/organisations/acme').status == 204
    for prefix in ('members', 'grants', 'robots', 'organisations'):
        assert not list(world.store.list(f'hub/{prefix}/')), prefix


def test_a_user_is_deleted_with_all_that_he_holds(world: World) -> None:
    world.repository('bob/app', visibility='public')
    assert world.ask('bob', 'DELETE', '/users/bob').kind == 'repositories'
    assert world.ask('eve', 'DELETE', '/users/bob').status == 403
    alone = world.ask('alice', 'DELETE', '/users/alice')
    assert (alone.status, 'acme' in alone.data['detail']) == (409, True)
    assert world.ask('bob', 'DELETE', '/users/bob?repositories=keep').status == 204
    assert world.ask('bob', 'GET', '/me').status == 401
    assert world.hub.organisations.place('acme', 'bob').role == ''
    assert not list(world.store.list('hub/holders/bob/'))
    assert 'subject-bob' in world.hub.denials.current()
    assert world.ask('', 'GET', '/repositories/bob/app').status == 200
    assert world.operator('POST', '/users', {'name': 'bob', 'password': 'correct horse'}).status == 409
