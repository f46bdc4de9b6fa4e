"""Robots: within their namespace, never beyond it, and gone when they are gone."""

from __future__ import annotations

from typing import Any

import pytest

from objreg.hub.workload import Trust
from tests.unit.hub.api.world import World

ROBOTS = '/namespaces/acme/robots'


def scopes(*patterns: str) -> list[dict[str, Any]]:
    return [{'actions': ['pull', 'push'], 'repositories': list(patterns)}]


@pytest.fixture
def robot(world: World) -> World:
    """acme+deploy, that asks by a token of its own."""
    made = world.ask('alice', 'POST', ROBOTS, {'name': 'deploy', 'scopes': scopes('acme/app')})
    assert (made.status, made.data['login'], made.data['by']) == (201, 'acme+deploy', 'alice')
    token = world.ask('alice', 'POST', f'{ROBOTS}/deploy/tokens', {'label': 'runner'})
    assert token.status == 201
    world.know('acme+deploy', token.data['token'])
    world.repository('acme/app', 'acme/web', 'bob/app', visibility='private')
    return world


def test_a_robot_does_what_its_scopes_say(robot: World) -> None:
    assert robot.ask('acme+deploy', 'GET', '/me').data | {'administrator': 0} == {
        'name': 'acme+deploy', 'administrator': 0, 'kind': 'robot',
    }
    assert robot.ask('acme+deploy', 'GET', '/repositories/acme/app').data['role'] == 'write'
    assert robot.ask('acme+deploy', 'GET', '/repositories/acme/web').status == 404
    assert robot.ask('acme+deploy', 'GET', '/repositories/bob/app').status == 404
    assert [one['name'] for one in robot.ask('acme+deploy', 'GET', '/repositories').data['items']] == ['acme/app']
    assert robot.ask('acme+deploy', 'GET', ROBOTS).status == 403


@pytest.mark.parametrize('pattern', ['**', 'bob/*', 'acme', '*', 'acme2/app', '*/*'])
def test_its_scopes_lie_within_the_namespace(world: World, pattern: str) -> None:
    body = {'name': 'deploy', 'scopes': scopes('acme/ok', pattern)}
    assert world.ask('alice', 'POST', ROBOTS, body).status == 400
    assert world.ask('alice', 'GET', ROBOTS).data == []


def test_a_robot_of_the_library_has_names_of_one_component(world: World) -> None:
    path = '/namespaces/library/robots'
    assert world.ask('alice', 'POST', path, {'name': 'sync', 'scopes': scopes('busybox')}).status == 403
    assert world.ask('root-admin', 'POST', path, {'name': 'sync', 'scopes': scopes('acme/app')}).status == 400
    assert world.ask('root-admin', 'POST', path, {'name': 'sync', 'scopes': scopes('busy*')}).status == 201
    world.know('library+sync', world.ask('root-admin', 'POST', f'{path}/sync/tokens', {}).data['token'])
    world.repository('busybox', 'acme/app', visibility='private')
    assert world.ask('library+sync', 'GET', '/repositories/busybox').data['role'] == 'write'
    assert world.ask('library+sync', 'GET', '/repositories/acme/app').status == 404


def test_a_robot_is_made_once_and_shown(robot: World) -> None:
    again = robot.ask('alice', 'POST', ROBOTS, {'name': 'deploy', 'scopes': scopes('acme/**')})
    assert again.status == 409
    assert robot.ask('alice', 'GET', f'{ROBOTS}/deploy').data['scopes'] == scopes('acme/app')
    assert [one['name'] for one in robot.ask('alice', 'GET', ROBOTS).data] == ['deploy']
    assert robot.ask('alice', 'GET', f'{ROBOTS}/other').status == 404
    assert robot.ask('alice', 'POST', ROBOTS, {'name': 'x', 'scopes': []}).status == 400
    assert robot.ask('alice', 'POST', ROBOTS, {'name': 'a+b', 'scopes': scopes('acme/a')}).status == 400
    assert robot.ask('bob', 'POST', ROBOTS, {'name': 'x', 'scopes': scopes('acme/a')}).status == 403


def test_its_tokens_are_listed_without_secrets_and_revoked(robot: World) -> None:
    token, = robot.ask('alice', 'GET', f'{ROBOTS}/deploy/tokens').data
    assert (token['kind'], token['label'], token['token']) == ('robot', 'runner', None)
    assert robot.ask('alice', 'DELETE', f'{ROBOTS}/other/tokens/{token["id"]}').status == 404
    assert robot.ask('alice', 'DELETE', f'{ROBOTS}/deploy/tokens/x-y').status == 404
    assert robot.ask('alice', 'DELETE', f'{ROBOTS}/deploy/tokens/{token["id"]}').status == 204
    assert robot.ask('acme+deploy', 'GET', '/me').status == 401
    assert f'credential-{token["id"]}' in robot.hub.denials.current()


def test_nobody_revokes_a_token_of_a_person_as_that_of_a_robot(robot: World) -> None:
    token, = robot.ask('bob', 'GET', '/users/bob/tokens').data
    assert robot.ask('alice', 'DELETE', f'{ROBOTS}/deploy/tokens/{token["id"]}').status == 404
    assert robot.ask('bob', 'GET', '/me').data['name'] == 'bob'


def test_a_token_that_outlived_its_robot_is_not_that_of_the_next(robot: World) -> None:
    token, = robot.ask('alice', 'GET', f'{ROBOTS}/deploy/tokens').data
    kept = robot.store.read(f'hub/tokens/{token["id"]}')
    robot.ask('alice', 'DELETE', f'{ROBOTS}/deploy')
    robot.store.put(f'hub/tokens/{token["id"]}', kept)  # as if no list had shown it
    robot.ask('alice', 'POST', ROBOTS, {'name': 'deploy', 'scopes': scopes('acme/**')})
    assert robot.ask('acme+deploy', 'GET', '/me').status == 401


def test_no_job_acts_as_the_next_robot_of_that_name(robot: World) -> None:
    trust = Trust('github', {'repository': 'acme/app'})
    robot.hub.trusts.add('acme', 'deploy', trust)
    robot.ask('alice', 'DELETE', f'{ROBOTS}/deploy')
    assert robot.hub.trusts.of('acme', 'deploy') == {}
    robot.hub.trusts.add('acme', 'deploy', trust)  # as if no list had shown it
    assert robot.ask('alice', 'POST', ROBOTS, {'name': 'deploy', 'scopes': scopes('acme/**')}).status == 201
    assert robot.hub.trusts.of('acme', 'deploy') == {}
    robot.hub.trusts.add('acme', 'deploy', trust)
    assert robot.ask('alice', 'POST', ROBOTS, {'name': 'deploy', 'scopes': scopes('acme/**')}).status == 409
    assert len(robot.hub.trusts.of('acme', 'deploy')) == 1


def test_a_robot_that_is_deleted_is_nobody(robot: World) -> None:
    assert robot.ask('alice', 'DELETE', f'{ROBOTS}/deploy').status == 204
    assert robot.ask('acme+deploy', 'GET', '/me').status == 401
    assert 'subject-acme+deploy' in robot.hub.denials.current()
    assert robot.ask('alice', 'POST', ROBOTS, {'name': 'deploy', 'scopes': scopes('acme/**')}).status == 201
    assert robot.ask('acme+deploy', 'GET', '/me').status == 401  # by the token of the former one
    assert robot.ask('alice', 'GET', f'{ROBOTS}/deploy/tokens').data == []
