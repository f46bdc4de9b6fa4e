"""Webhooks and trusts, as their owner administers them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from objreg.hub import keys
from tests.unit.hub.api.world import World

HOOKS = '/namespaces/acme/webhooks'
URL = 'https://ci.example/hook'
TRUSTS = '/namespaces/acme/robots/ci/trusts'
MAIN = {'issuer': 'actions', 'claims': {'repository': 'acme/app', 'ref': 'refs/heads/main'}}


def test_a_webhook_is_added_shown_and_removed_and_its_secret_shown_once(world: World) -> None:
    made = world.ask('alice', 'POST', HOOKS, {'url': URL, 'repositories': ['acme/web/**']})
    assert made.status == 201 and made.data['secret'].startswith('whsec_') and made.data['by'] == 'alice'
    (listed,) = world.ask('alice', 'GET', HOOKS).data
    assert listed == made.data | {'secret': None}
    path = f'{HOOKS}/{made.data["id"]}'
    assert world.ask('alice', 'GET', f'{path}/attempts').data == []
    assert world.ask('alice', 'DELETE', path).status == 204
    assert world.ask('alice', 'GET', HOOKS).data == []
    assert world.ask('alice', 'DELETE', path).status == 404


@pytest.mark.parametrize('body', [
    {'url': 'http://ci.example/'}, {'url': 'https://169.254.169.254/'}, {'url': 'https://[::1]/'}, {'url': 'nowhere'},
    {'url': URL, 'repositories': ['bob/**']}, {'url': URL, 'repositories': ['**']}, {'url': URL, 'events': []},
    {'url': URL, 'events': ['login']}, {'url': URL, 'secret': 'whsec_mine'}, {'url': URL, 'form': 'xml'}, {},
])
def test_what_cannot_be_told_is_refused(world: World, body: dict[str, Any]) -> None:
    assert world.ask('alice', 'POST', HOOKS, body).status == 400
    assert world.ask('alice', 'GET', HOOKS).data == []


def test_a_test_is_queued_for_that_one_alone(world: World) -> None:
    ids = [world.ask('alice', 'POST', HOOKS, {'url': URL, 'events': ['delete']}).data['id'] for _ in range(2)]
    assert world.ask('alice', 'POST', f'{HOOKS}/{ids[0]}/test').status == 204
    (queued,) = world.store.list(keys.QUEUE)
    assert queued.key.endswith(f'-{ids[0]}')


def test_a_namespace_has_so_many_and_no_more(world: World) -> None:
    for _ in range(20):
        assert world.ask('alice', 'POST', HOOKS, {'url': URL}).status == 201
    assert world.ask('alice', 'POST', HOOKS, {'url': URL}).status == 400


@pytest.mark.parametrize('id', ['x', '..', '%2e%2e', 'a%2fb', '0' * 16])
def test_there_is_no_other_webhook(world: World, id: str) -> None:
    for method, path in (('DELETE', ''), ('POST', '/test'), ('GET', '/attempts')):
        assert world.ask('alice', method, f'{HOOKS}/{id}{path}').status == 404


@pytest.fixture
def trusting(tmp_path: Path) -> World:
    """acme+ci, in a hub that believes one service."""
    jwks = {'keys': [RSAKey.generate_key(2048, parameters={'kid': 'one'}).as_dict(private=False)]}
    (tmp_path / 'jwks.json').write_text(json.dumps(jwks))
    path = tmp_path / 'issuers.yml'
    path.write_text(json.dumps({
        'actions': {'issuer': 'https://ci.example', 'jwks': str(tmp_path / 'jwks.json'), 'audience': 'hub'},
    }))
    made = World(issuers=str(path))
    made.user('alice', 'bob')
    made.organisation('acme', 'alice')
    scope = {'actions': ['pull'], 'repositories': ['acme/app']}
    assert made.ask('alice', 'POST', '/namespaces/acme/robots', {'name': 'ci', 'scopes': [scope]}).status == 201
    return made


def test_a_trust_is_added_listed_and_removed(trusting: World) -> None:
    made = trusting.ask('alice', 'POST', TRUSTS, MAIN)
    assert made.status == 201
    assert trusting.ask('alice', 'GET', TRUSTS).data == [{'id': made.data['id'], **MAIN}]
    assert trusting.ask('alice', 'DELETE', f'{TRUSTS}/{made.data["id"]}').status == 204
    assert trusting.ask('alice', 'GET', TRUSTS).data == []
    assert f'credential-trust-{made.data["id"]}' in trusting.hub.denials.current()


@pytest.mark.parametrize('body', [
    {'issuer': 'another', 'claims': MAIN['claims']}, {'issuer': 'actions', 'claims': {}},
    {'issuer': 'actions', 'claims': {'repository': '*'}}, {'issuer': 'actions', 'claims': {'iss': 'x'}},
    {'issuer': 'actions'}, MAIN | {'robot': 'acme+other'},
])
def test_a_trust_that_names_nobody_is_refused(trusting: World, body: dict[str, Any]) -> None:
    assert trusting.ask('alice', 'POST', TRUSTS, body).status == 400
    assert trusting.ask('alice', 'GET', TRUSTS).data == []


def test_of_a_robot_that_is_not_there_there_is_none(trusting: World) -> None:
    assert trusting.ask('alice', 'GET', TRUSTS.replace('/ci/', '/cd/')).status == 404
    assert trusting.ask('alice', 'POST', TRUSTS.replace('/ci/', '/cd/'), MAIN).status == 404


def test_the_services_are_read_again_and_stay_where_they_cannot_be(
    trusting: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, another = tmp_path / 'issuers.yml', MAIN | {'issuer': 'another'}
    given = json.loads(path.read_text())
    path.write_text('actions: [')
    trusting.layer.reload()
    assert 'is not read again' in caplog.text
    assert trusting.ask('alice', 'POST', TRUSTS, MAIN).status == 201
    path.write_text(json.dumps({'another': given['actions']}))
    trusting.layer.reload()
    assert trusting.ask('alice', 'POST', TRUSTS, MAIN).status == 400
    assert trusting.ask('alice', 'POST', TRUSTS, another).status == 201
