"""What an old client asks the index about a repository, step by step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from objreg import keys
from objreg.hub.audit import Wanted
from objreg.hub.policy import Visibility
from objreg.hub.records import Scope
from tests.hubs import HOST, Site, basic
from tests.unit.hub.index.clients import (
    CHECKSUM,
    ONE,
    TWO,
    WANTS_TOKEN,
    announce,
    by_token,
    index,
    pull_token,
    push_token,
)


@pytest.fixture
def site(site: Site) -> Site:
    """With alice, who has a private repository and a public one, mallory, and an administrator."""
    for name in ('alice', 'mallory'):
        site.user(name)
    site.user('root2', is_administrator=True)
    for name, visibility in (('alice/private', Visibility.PRIVATE), ('alice/public', Visibility.PUBLIC)):
        site.hub.repositories.show(name, visibility, by='')
    return site


# Pushing


def test_a_push_is_announced_and_gets_a_token_and_a_place_to_go_to(site: Site) -> None:
    answer = announce(site, 'alice', 'alice/app', ONE, TWO)
    assert (answer.status_code, answer.json) == (200, '')
    token = answer.headers['X-Docker-Token']
    assert re.fullmatch(r'signature=[A-Za-z0-9._-]+,repository="alice/app",access=write', token)
    assert answer.headers['WWW-Authenticate'] == f'Token {token}'
    assert answer.headers['X-Docker-Endpoints'] == HOST
    assert answer.headers['X-Docker-Registry-Version'] and answer.headers['Cache-Control'] == 'no-cache'
    assert index(site, 'alice', 'GET', 'repositories/alice/app/images').json == [{'id': ONE}, {'id': TWO}]


def test_what_has_a_checksum_at_the_end_is_said_with_it(site: Site) -> None:
    token = push_token(site, 'alice', 'alice/app', ONE, TWO)
    done = by_token(site, token, 'PUT', 'repositories/alice/app/images', [{'id': TWO, 'checksum': CHECKSUM}])
    assert (done.status_code, done.body) == (204, b'')
    expected = [{'id': ONE}, {'id': TWO, 'checksum': CHECKSUM}]
    for _ in range(2):
        found = index(site, 'alice', 'GET', 'repositories/alice/app/images').json
        assert sorted(found, key=lambda one: one['id']) == expected
        push_token(site, 'alice', 'alice/app', TWO, ONE)  # by which a checksum is not forgotten


def test_docker_says_nothing_at_the_end(site: Site) -> None:
    token = push_token(site, 'alice', 'alice/app', ONE)
    before = [entry.key for entry in site.store.list('hub/announced/')]
    assert by_token(site, token, 'PUT', 'repositories/alice/app/images', []).status_code == 204
    assert index(site, 'alice', 'PUT', 'repositories/alice/app/images', []).status_code == 204, 'by password as well'
    assert [entry.key for entry in site.store.list('hub/announced/')] == before


def test_a_repository_stays_as_visible_as_it_is_when_it_is_first_pushed_to(site: Site) -> None:
    announce(site, 'alice', 'alice/new', ONE)
    assert site.hub.repositories.find('alice/new').is_settled


def test_the_library_is_the_administrators_by_either_name(site: Site) -> None:
    for path in ('app', 'library/app'):
        assert announce(site, 'alice', path, ONE).status_code == 403, 'everybody sees it'
        answer = announce(site, 'root2', path, ONE)
        assert answer.status_code == 200
        assert 'repository="library/app"' in answer.headers['X-Docker-Token']
        assert index(site, '', 'GET', f'repositories/{path}/images').json == [{'id': ONE}]


@pytest.mark.parametrize(('name', 'status'), [
    ('alice/private', 404), ('alice/nothing', 404), ('nobody/app', 404), ('alice/public', 403),
])
def test_who_may_not_push_is_told_no_more_than_he_may_see(site: Site, name: str, status: int) -> None:
    for method, path in (('PUT', ''), ('PUT', 'images'), ('DELETE', ''), ('DELETE', 'images')):
        assert index(site, 'mallory', method, f'repositories/{name}/{path}', []).status_code == status
        answer = index(site, '', method, f'repositories/{name}/{path}', [])
        assert answer.status_code == 401
        assert answer.headers['WWW-Authenticate'] == 'Basic realm="auth required",Token'
        assert answer.json == {'error': 'Requires authorization'}
    assert list(site.store.list('hub/announced/')) == []


def test_a_token_of_his_own_that_only_pulls_does_not_push(site: Site) -> None:
    pat = site.pat('alice', [Scope(actions=('pull',), repositories=('alice/**',))])
    path = '/v1/repositories/alice/private/images'
    assert site.ask('GET', path, authorization=basic('alice', pat)).status_code == 200
    assert site.ask('PUT', path, b'[]', authorization=basic('alice', pat)).status_code == 403


@pytest.mark.parametrize(('body', 'error'), [
    (b'', 'Error Decoding JSON'), (b'[', 'Error Decoding JSON'), (b'\xff', 'Error Decoding JSON'),
    (b'{}', 'Invalid data'), (b'"x"', 'Invalid data'), (b'null', 'Invalid data'), (b'[1]', 'Invalid data'),
    (b'[{}]', 'Invalid data'), (b'[{"id": ""}]', 'Invalid data'), (b'[{"id": "x"}]', 'Invalid data'),
    (b'[{"id": null}]', 'Invalid data'), (b'[{"id": ["a"]}]', 'Invalid data'),
    (b'[{"id": "%s\\n"}]' % ONE.encode(), 'Invalid data'), (b'[{"id": "%s"}]' % ONE.upper().encode(), 'Invalid data'),
    (b'[{"id": "%s", "checksum": 7}]' % ONE.encode(), 'Invalid data'),
])
@pytest.mark.parametrize('path', ['', 'images'])
def test_a_list_that_is_none_is_refused(site: Site, path: str, body: bytes, error: str) -> None:
    answer = site.as_user('alice', 'PUT', f'/v1/repositories/alice/app/{path}', body)
    assert answer.status_code == 400 and answer.json['error'].startswith(error)
    assert list(site.store.list('hub/announced/')) == []


# Pulling


def test_anybody_pulls_what_is_public_and_gets_a_token_when_he_asks_for_one(site: Site) -> None:
    announce(site, 'alice', 'alice/public', ONE)
    answer = index(site, '', 'GET', 'repositories/alice/public/images')
    assert answer.json == [{'id': ONE}] and 'X-Docker-Token' not in answer.headers
    assert answer.headers['X-Docker-Endpoints'] == HOST, 'docker up to 0.10 goes nowhere without'
    token = pull_token(site, '', 'alice/public')
    assert token.endswith(',access=read')
    assert by_token(site, token, 'GET', 'repositories/alice/public/images').json == [{'id': ONE}]
    assert index(site, '', 'HEAD', 'repositories/alice/public/images').status_code == 200


def test_what_one_may_not_see_is_not_there(site: Site) -> None:
    announce(site, 'alice', 'alice/private', ONE)
    there, gone = (index(site, 'mallory', 'GET', f'repositories/alice/{name}/images') for name in ('private', 'none'))
    assert there.status_code == gone.status_code == 404 and there.body == gone.body
    there, gone = (index(site, '', 'GET', f'repositories/alice/{name}/images') for name in ('private', 'none'))
    assert there.status_code == gone.status_code == 401 and there.body == gone.body
    assert index(site, 'alice', 'GET', 'repositories/alice/private/images').json == [{'id': ONE}]


def test_what_was_never_pushed_is_not_there_for_its_owner_either(site: Site) -> None:
    answer = index(site, 'alice', 'GET', 'repositories/alice/none/images')
    assert (answer.status_code, answer.json) == (404, {'error': 'images not found'})
    assert index(site, '', 'GET', 'repositories/nothing/images').status_code == 404


def test_what_was_pushed_by_the_second_version_is_pulled_by_the_first(site: Site) -> None:
    site.store.put(keys.catalog('alice/v2'), b'{}')
    answer = index(site, 'alice', 'GET', 'repositories/alice/v2/images', **WANTS_TOKEN)
    assert (answer.status_code, answer.json) == (200, []), 'docker takes the ids from the tags'
    assert answer.headers['X-Docker-Token']
    assert index(site, 'alice', 'GET', 'repositories/alice/private/images').json == [], 'pushed to another registry'


# What a registry of others asks


def test_a_registry_of_others_asks_whether_a_token_is_good(site: Site) -> None:
    token = push_token(site, 'alice', 'alice/private', ONE)
    answer = by_token(site, token, 'PUT', 'repositories/alice/private/auth')
    assert (answer.status_code, answer.json) == (200, 'OK')
    assert by_token(site, token, 'PUT', 'repositories/alice/public/auth').status_code == 403
    assert index(site, 'alice', 'PUT', 'repositories/alice/private/auth').status_code == 401, 'a token is asked for'
    assert by_token(site, token[:-20], 'PUT', 'repositories/alice/private/auth').status_code == 401


def test_it_asks_whether_an_image_belongs_to_a_repository(site: Site) -> None:
    token = push_token(site, 'alice', 'alice/private', ONE)
    for id, is_there in ((ONE, True), (TWO, False)):
        answer = by_token(site, token, 'GET', f'repositories/alice/private/layer/{id}/access')
        assert (answer.status_code, answer.json) == (200, {'access': is_there})
    assert by_token(site, token, 'GET', 'repositories/alice/private/images').json == [{'id': ONE}]
    assert index(site, 'mallory', 'GET', f'repositories/alice/private/layer/{ONE}/access').status_code == 404


# Deleting


def test_a_repository_is_deleted_in_two_steps(site: Site) -> None:
    announce(site, 'alice', 'alice/private', ONE)
    site.store.put(keys.tag('alice/private', 'latest'), b'{}')
    first = index(site, 'alice', 'DELETE', 'repositories/alice/private/', **WANTS_TOKEN)
    assert first.status_code == 202 and first.headers['X-Docker-Endpoints'] == HOST
    token = first.headers['X-Docker-Token']
    assert token.endswith(',access=delete')
    assert by_token(site, token, 'PUT', 'repositories/alice/private/auth').status_code == 200
    assert by_token(site, token, 'DELETE', 'repositories/alice/private/images').status_code == 204
    again = index(site, 'alice', 'DELETE', 'repositories/alice/private/')
    assert again.status_code == 202, 'the registry has not done its part'
    site.store.delete([keys.tag('alice/private', 'latest')])
    for _ in range(2):
        last = index(site, 'alice', 'DELETE', 'repositories/alice/private/')
        assert (last.status_code, last.json) == (200, '')
    assert index(site, 'alice', 'DELETE', 'repositories/alice/none/').status_code == 404
    events = [event for _, event in site.hub.audit.find(Wanted(action='repository.delete'))]
    assert [(event.target, event.by) for event in events] == [('alice/private', 'alice')] * 2


def test_the_registry_deletes_by_the_token(site: Site) -> None:
    """`DELETE` of a repository is the index's by password, and the registry's by a token."""
    announce(site, 'alice', 'alice/private', ONE)
    token = index(site, 'alice', 'DELETE', 'repositories/alice/private/').headers['X-Docker-Token']
    assert by_token(site, token, 'DELETE', 'repositories/alice/private/').status_code == 404, 'no v1 registry here'
    assert by_token(site, token, 'DELETE', 'repositories/alice/public/').status_code == 401


# Where no account is needed


def test_who_sits_at_the_machine_pushes_and_pulls_without_an_account(tmp_path: Path, cheap_passwords: None) -> None:
    site = Site(tmp_path, auth='type = hub\nopen = loopback')
    site.layer('Auth').listening(True)
    here = {'REMOTE_ADDR': '127.0.0.1', 'HTTP_HOST': 'localhost:5000', 'objreg.client': '127.0.0.1'}
    answer = announce(site, '', 'team/app', ONE, **here)
    assert answer.status_code == 200 and answer.headers['X-Docker-Endpoints'] == 'localhost:5000'
    token = answer.headers['X-Docker-Token']
    assert by_token(site, token, 'PUT', 'repositories/team/app/images', [], **here).status_code == 204
    assert index(site, '', 'GET', 'repositories/team/app/images', **here).json == [{'id': ONE}]
    assert index(site, '', 'DELETE', 'repositories/team/app/', **here).status_code == 202
    assert announce(site, '', 'team/app', ONE).status_code == 401, 'from elsewhere'
    assert announce(site, '', 'team/app', ONE, **here, HTTP_ORIGIN='https://evil.example').status_code == 401
    site.user('mallory')
    assert announce(site, 'mallory', 'team/app', ONE, **here).status_code == 404, 'who says who he is is that'
    site.layer('Auth').listening(False)
    assert announce(site, '', 'team/app', ONE, **here).status_code == 401


@pytest.mark.parametrize('layers', ['errors hub nothing', 'errors limits hub auth dedup registry'])
def test_it_answers_with_and_without_a_registry_beside(tmp_path: Path, cheap_passwords: None, layers: str) -> None:
    site = Site(tmp_path, layers=layers)
    site.user('alice')
    assert announce(site, '', 'alice/app', ONE).status_code == 401
    assert announce(site, 'alice', 'alice/app', ONE).status_code == 200
    for path in ('/_ping', '/v1/_ping'):
        answer = site.ask('GET', path)
        assert (answer.status_code, answer.json) == (200, {})
        assert answer.headers['X-Docker-Registry-Standalone'] == 'False'
        assert site.ask('HEAD', path).status_code == 200
    answer = site.ask('POST', '/v1/_ping')
    assert (answer.status_code, answer.headers['Allow']) == (405, 'GET')


def test_where_nobody_is_refused_anything_nobody_needs_an_account(tmp_path: Path, cheap_passwords: None) -> None:
    site = Site(tmp_path, layers='errors hub dedup registry')
    assert announce(site, '', 'team/app', ONE).status_code == 200


# Endpoints


def test_the_registries_that_the_operator_names_are_named(tmp_path: Path, cheap_passwords: None) -> None:
    site = Site(tmp_path, hub='endpoints = one.example weight=3; two.example:5000', layers='errors hub nothing')
    site.user('alice')
    site.hub_app.index.endpoints._ask = lambda scheme, host: True
    named = announce(site, 'alice', 'alice/app', ONE).headers['X-Docker-Endpoints']
    assert sorted(named.split(',')) == ['one.example', 'two.example:5000']
    old = site.as_user(
        'alice', 'GET', '/v1/repositories/alice/app/images', HTTP_USER_AGENT='docker/0.10.0 go/go1.2.1'
    )
    assert old.headers['X-Docker-Endpoints'] in named.split(',')


@pytest.mark.parametrize('host', ['a"b', 'a,b', 'a b', '', 'a/b', 'a@b', 'x' * 99 + '!'])
def test_a_host_that_is_none_is_not_named(site: Site, host: str) -> None:
    answer = announce(site, 'alice', 'alice/app', ONE, HTTP_HOST=host)
    assert answer.status_code == 400 and 'X-Docker-Endpoints' not in answer.headers
    assert 'X-Docker-Token' not in answer.headers


# Who sees it


def test_an_owner_says_who_sees_a_repository(site: Site) -> None:
    path = 'repositories/alice/private/properties'
    assert index(site, 'alice', 'GET', path).json == {'access': 'private'}
    assert index(site, '', 'GET', path).status_code == 401
    assert (index(site, 'alice', 'PUT', path, {'access': 'public'}).json) is True
    assert index(site, '', 'GET', path).json == {'access': 'public'}
    assert index(site, 'mallory', 'PUT', path, {'access': 'private'}).status_code == 403
    noted = [event for _, event in site.hub.audit.find(Wanted(action='repository.visibility'))]
    assert (noted[0].by, noted[0].target) == ('alice', 'alice/private')


def test_what_only_those_with_an_account_see_is_not_public(site: Site) -> None:
    site.hub.repositories.show('alice/private', Visibility.INTERNAL, by='')
    assert index(site, 'mallory', 'GET', 'repositories/alice/private/properties').json == {'access': 'private'}


@pytest.mark.parametrize('said', [{}, {'access': 'internal'}, {'access': None}, [], 'public', {'access': 'p' * 2000}])
def test_who_sees_it_is_said_in_two_words(site: Site, said: object) -> None:
    path = 'repositories/alice/private/properties'
    assert index(site, 'alice', 'PUT', path, said).status_code in (400, 413)
    assert index(site, 'alice', 'GET', path).json == {'access': 'private'}
    assert index(site, 'alice', 'PUT', 'repositories/alice/none/properties', {'access': 'public'}).status_code == 404
