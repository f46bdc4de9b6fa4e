"""Every operation there is, asked by everybody who may not."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from objreg.hub.api.operation import Needs, Operation
from objreg.hub.api.table import TABLE
from tests.unit.hub.api.world import World

GIVEN = {
    'namespace': 'acme', 'user': 'alice', 'repository': 'acme/app', 'team': 'core', 'robot': 'ci',
    'token': 'A' * 16, 'invitation': 'A' * 16, 'webhook': 'A' * 16, 'trust': 'A' * 16,
}
GUARDED = [pytest.param(one, id=one.id) for one in TABLE if one.needs is not Needs.NOTHING]
OF_SOMEBODY = {Needs.SELF, Needs.OWNER, Needs.MEMBER, Needs.ADMINISTRATOR, Needs.REPOSITORY}


def path(one: Operation) -> str:
    return re.sub(r'{(\w+)}', lambda found: GIVEN[found[1]], one.path)


def body(one: Operation) -> Any:
    """One that would be read."""
    return None if one.body is None else {}


def state(world: World) -> dict[str, bytes]:
    """All that the hub knows, but when tokens were used."""
    return {
        entry.key: world.store.read(entry.key) for entry in world.store.list('hub/')
        if not entry.key.startswith('hub/used/')
    }


@pytest.fixture(scope='module')
def shared() -> World:
    """Nothing here changes it, which each test looks at."""
    world = World()
    world.user('root-admin', administrator=True)
    world.user('alice', 'bob', 'eve')
    world.organisation('acme', 'alice', bob='member')
    world.repository('acme/app', visibility='private')
    scopes = [{'actions': ['pull', 'push', 'delete'], 'repositories': ['acme/**']}]
    assert world.ask('alice', 'POST', '/namespaces/acme/robots', {'name': 'ci', 'scopes': scopes}).status == 201
    world.know('acme+ci', world.ask('alice', 'POST', '/namespaces/acme/robots/ci/tokens', {}).data['token'])
    for who in ('alice', 'root-admin'):
        world.scoped(who)
    return world


@pytest.mark.parametrize('one', GUARDED)
def test_nobody_in_particular_may_not(one: Operation, shared: World) -> None:
    before = state(shared)
    assert shared.ask('', one.method, path(one), body(one)).status == 401
    assert state(shared) == before


@pytest.mark.parametrize('one', [one for one in GUARDED if one.values[0].needs in OF_SOMEBODY])  # type: ignore[union-attr]
def test_somebody_else_may_not(one: Operation, shared: World) -> None:
    before = state(shared)
    answer = shared.ask('eve', one.method, path(one), body(one))
    assert answer.status == (404 if one.needs is Needs.REPOSITORY else 403)
    assert state(shared) == before


@pytest.mark.parametrize('who', ['acme+ci', 'alice by a token', 'root-admin by a token'])
@pytest.mark.parametrize('one', [one for one in GUARDED if one.values[0].needs is not Needs.READER])  # type: ignore[union-attr]
def test_a_token_for_registries_administers_nothing(one: Operation, who: str, shared: World) -> None:
    before = state(shared)
    assert shared.ask(who, one.method, path(one), body(one)).status == 403
    assert state(shared) == before


@pytest.mark.parametrize('one', [
    one for one in GUARDED if one.values[0].needs in (Needs.OWNER, Needs.ADMINISTRATOR)  # type: ignore[union-attr]
])
def test_a_member_owns_nothing(one: Operation, shared: World) -> None:
    before = state(shared)
    assert shared.ask('bob', one.method, path(one), body(one)).status == 403
    assert state(shared) == before


def test_no_body_has_fields_that_it_does_not_say() -> None:
    for one in TABLE:
        if one.body is not None:
            assert one.body.__struct_config__.forbid_unknown_fields, one.id
            with pytest.raises(msgspec.ValidationError, match='unknown field'):
                msgspec.convert({'surprise': 1}, msgspec.defstruct('Any', [], bases=(one.body,)))
