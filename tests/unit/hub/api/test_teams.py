"""Teams and the settings of namespaces, and what they let people do."""

from __future__ import annotations

import pytest

from tests.unit.hub.api.world import World

TEAMS = '/organisations/acme/teams'


@pytest.fixture
def team(world: World) -> World:
    world.repository('acme/app', 'acme/web', visibility='private')
    assert world.ask('alice', 'PUT', '/namespaces/acme', {'members': 'none'}).status == 200
    assert world.ask('alice', 'POST', TEAMS, {'name': 'core'}).status == 201
    return world


def test_a_team_grants_what_its_patterns_say(team: World) -> None:
    assert team.ask('bob', 'GET', '/repositories/acme/app').status == 404
    assert team.ask('alice', 'PUT', f'{TEAMS}/core/members/bob').status == 204
    granted = team.ask('alice', 'PUT', f'{TEAMS}/core/grants', {'pattern': 'acme/a*', 'role': 'write'})
    assert granted.data == {'pattern': 'acme/a*', 'role': 'write'}
    assert team.ask('bob', 'GET', '/repositories/acme/app').data['role'] == 'write'
    assert team.ask('bob', 'GET', '/repositories/acme/web').status == 404
    assert team.ask('bob', 'GET', TEAMS).data == [{'name': 'core', 'members': ['bob']}]
    assert team.ask('alice', 'DELETE', f'{TEAMS}/core/members/bob').status == 204
    assert team.ask('alice', 'DELETE', f'{TEAMS}/core/members/bob').status == 404
    assert team.ask('bob', 'GET', '/repositories/acme/app').status == 404


def test_a_grant_replaces_the_role_that_was_there(team: World) -> None:
    for role in ('admin', 'read'):
        team.ask('alice', 'PUT', f'{TEAMS}/core/grants', {'pattern': 'acme/**', 'role': role})
    assert team.ask('bob', 'GET', f'{TEAMS}/core/grants').data == [{'pattern': 'acme/**', 'role': 'read'}]
    assert team.ask('alice', 'DELETE', f'{TEAMS}/core/grants?pattern=acme/app').status == 404
    assert team.ask('alice', 'DELETE', f'{TEAMS}/core/grants?pattern=acme/**').status == 204
    assert team.ask('alice', 'GET', f'{TEAMS}/core/grants').data == []


@pytest.mark.parametrize('pattern', [
    '**', '*', 'acme', 'acme**', 'acme-2/app', 'other/app', '*/app', 'acme/', 'acme/A', '', f'acme/{"*" * 60}',
])
def test_a_pattern_is_within_the_organisation(team: World, pattern: str) -> None:
    assert team.ask('alice', 'PUT', f'{TEAMS}/core/grants', {'pattern': pattern, 'role': 'read'}).status == 400
    assert team.ask('alice', 'GET', f'{TEAMS}/core/grants').data == []


def test_only_members_are_in_teams_that_there_are(team: World) -> None:
    assert team.ask('alice', 'PUT', f'{TEAMS}/core/members/eve').kind == 'no-member'
    assert team.ask('alice', 'PUT', f'{TEAMS}/other/members/bob').status == 404
    assert team.ask('alice', 'PUT', f'{TEAMS}/_x/members/bob').status == 400
    assert team.ask('alice', 'POST', TEAMS, {'name': 'core'}).status == 409
    assert team.ask('alice', 'POST', TEAMS, {'name': 'a/b'}).status == 400


def test_a_new_team_has_nothing_of_a_former_one_of_its_name(team: World) -> None:
    team.hub.organisations.join('acme', 'bob', 'next', by='alice')
    team.hub.organisations.grant('acme', 'next', 'admin', 'acme/**', by='alice')
    assert team.ask('alice', 'POST', TEAMS, {'name': 'next'}).status == 201
    assert team.hub.organisations.place('acme', 'bob').teams == frozenset()
    assert team.ask('alice', 'GET', f'{TEAMS}/next/grants').data == []


def test_a_team_that_ends_grants_nothing(team: World) -> None:
    team.ask('alice', 'PUT', f'{TEAMS}/core/members/bob')
    team.ask('alice', 'PUT', f'{TEAMS}/core/grants', {'pattern': 'acme/**', 'role': 'admin'})
    assert team.ask('bob', 'DELETE', f'{TEAMS}/core').status == 403
    assert team.ask('alice', 'DELETE', f'{TEAMS}/core').status == 204
    assert team.ask('bob', 'GET', '/repositories/acme/app').status == 404
    assert team.ask('bob', 'GET', TEAMS).data == []


def test_settings_hold_for_new_repositories_and_for_members(world: World) -> None:
    assert world.ask('alice', 'GET', '/namespaces/acme').data == {
        'visibility': None, 'members': 'read', 'new_repositories': 'private',
    }
    shown = world.ask('alice', 'PUT', '/namespaces/acme', {'visibility': 'internal', 'members': 'write'})
    assert shown.data['new_repositories'] == 'internal'
    world.repository('acme/app')
    assert world.ask('bob', 'GET', '/repositories/acme/app').data['role'] == 'write'
    assert world.ask('eve', 'GET', '/repositories/acme/app').data['role'] == 'read'
    assert world.ask('', 'GET', '/repositories/acme/app').status == 401


def test_everybody_has_a_namespace_and_administrators_have_the_library(world: World) -> None:
    assert world.ask('eve', 'PUT', '/namespaces/eve', {'visibility': 'public'}).status == 200
    assert world.ask('eve', 'PUT', '/namespaces/eve', {'members': 'write'}).status == 400
    assert world.ask('eve', 'PUT', '/namespaces/library', {'visibility': 'private'}).status == 403
    assert world.ask('root-admin', 'PUT', '/namespaces/library', {'visibility': 'private'}).status == 200
    assert world.ask('root-admin', 'GET', '/namespaces/nobody').status == 404
