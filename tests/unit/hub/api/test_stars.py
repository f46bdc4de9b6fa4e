"""Stars, as people give and take them."""

from __future__ import annotations

import pytest

from objreg.hub import keys
from tests.unit.hub.api.world import World

APP = '/repositories/acme/app/_star'


@pytest.fixture
def world(world: World) -> World:
    world.repository('acme/app', visibility='public')
    world.repository('acme/secret', visibility='private')
    return world


def test_a_star_is_given_counted_and_taken_back(world: World) -> None:
    assert world.ask('', 'GET', APP).data == {'stars': 0, 'mine': False}
    for _ in range(2):
        assert world.ask('eve', 'PUT', APP).data == {'stars': 1, 'mine': True}
    assert world.ask('alice', 'PUT', APP).data == {'stars': 2, 'mine': True}
    assert world.ask('bob', 'GET', APP).data == {'stars': 2, 'mine': False}
    assert world.ask('eve', 'GET', '/users/eve/stars').data == ['acme/app']
    for _ in range(2):
        assert world.ask('eve', 'DELETE', APP).status == 204
    assert world.ask('eve', 'GET', '/users/eve/stars').data == []
    assert world.ask('', 'GET', APP).data == {'stars': 1, 'mine': False}


def test_nobody_stars_what_he_does_not_see_nor_sees_what_others_star(world: World) -> None:
    secret = APP.replace('app', 'secret')
    for method in ('GET', 'PUT', 'DELETE'):
        assert world.ask('eve', method, secret).status == 404
    assert world.ask('', 'PUT', APP).status == 401
    assert world.ask('alice', 'PUT', APP.replace('app', 'none')).status == 404
    assert world.ask('bob', 'PUT', secret).status == 200
    assert world.ask('eve', 'GET', '/users/bob/stars').status == 403
    world.ask('alice', 'DELETE', '/organisations/acme/members/bob')
    assert world.ask('bob', 'GET', '/users/bob/stars').data == [], 'a name that he sees no more'
    assert world.operator('GET', '/users/bob/stars').data == ['acme/secret']


def test_only_people_give_stars(world: World) -> None:
    scopes = [{'actions': ['pull'], 'repositories': ['acme/**']}]
    world.ask('alice', 'POST', '/namespaces/acme/robots', {'name': 'ci', 'scopes': scopes})
    world.know('acme+ci', world.ask('alice', 'POST', '/namespaces/acme/robots/ci/tokens', {}).data['token'])
    for who in ('acme+ci', world.scoped('alice')):
        assert world.ask(who, 'PUT', APP).status == 403


def test_what_a_node_left_that_died_is_no_star(world: World) -> None:
    world.store.put(keys.starred('eve', 'acme/app'), b'{"at":1}')
    assert world.ask('eve', 'GET', '/users/eve/stars').data == []
    assert world.ask('eve', 'GET', APP).data == {'stars': 0, 'mine': False}
