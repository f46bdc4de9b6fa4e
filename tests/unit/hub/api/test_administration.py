"""What administrators see of the hub as a whole."""

from __future__ import annotations

from tests.unit.hub.api.world import World


def test_users_are_listed_page_by_page(world: World) -> None:
    found, after, pages = [], '', 0
    while not pages or after:
        page = world.ask('root-admin', 'GET', f'/users?limit=2&after={after}').data
        found += [one['name'] for one in page['items']]
        after, pages = page['next'], pages + 1
    assert (found, pages) == (['alice', 'bob', 'eve', 'root-admin'], 3)
    organisation, = world.ask('root-admin', 'GET', '/accounts?kind=organisation').data['items']
    assert (organisation['name'], organisation['by']) == ('acme', 'alice')
    world.ask('eve', 'DELETE', '/users/eve')
    assert [one['name'] for one in world.operator('GET', '/accounts?kind=deleted').data['items']] == ['eve']
    assert len(world.operator('GET', '/accounts').data['items']) == 5
    assert world.ask('alice', 'GET', '/users').status == 403
    assert world.operator('GET', '/accounts?kind=robot').status == 400


def test_keys_are_listed_and_rotated(world: World) -> None:
    first, = world.operator('GET', '/keys').data
    assert (first['algorithm'], first['signs']) == ('ES256', True)
    assert 'jwk' not in str(first)
    rotated = world.ask('root-admin', 'POST', '/keys/rotate')
    assert rotated.status == 200
    keys = world.operator('GET', '/keys').data
    assert keys == [rotated.data]
    assert keys[0]['id'] != first['id']
    assert world.ask('alice', 'POST', '/keys/rotate').status == 403
    assert world.ask('alice', 'GET', '/keys').status == 403
