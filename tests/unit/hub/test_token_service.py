"""``/token``: as distribution's "Token Authentication Specification" and its OAuth 2 supplement have it."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from objreg.hub.policy import Visibility
from objreg.hub.records import Scope
from tests.hubs import Site, basic, claims, granted, password

ALL = 'repository:alice/app:pull,push,delete'


@pytest.fixture
def site(site: Site) -> Site:
    """With alice and bob, of whose repositories one is public."""
    site.user('alice')
    site.user('bob')
    site.hub.repositories.show('bob/public', Visibility.PUBLIC, by='')
    site.hub.repositories.show('bob/private', Visibility.PRIVATE, by='')
    return site


def get(site: Site, query: str, user: str = '', secret: str = '') -> Any:
    header = basic(user, secret or password(user)) if user else ''
    return site.ask('GET', f'/token?{query}', authorization=header)


# GET


def test_the_example_of_the_specification(site: Site) -> None:
    """`Requesting a Token`: ``GET /token?service=registry.docker.io&scope=repository:samalba/my-app:pull,push``."""
    before = int(time.time())
    answer = get(site, 'service=registry&scope=repository:alice/app:pull,push', 'alice')
    assert answer.status_code == 200
    assert answer.headers['Content-Type'] == 'application/json' and answer.headers['Cache-Control'] == 'no-store'
    document = answer.json
    assert set(document) == {'token', 'access_token', 'expires_in', 'issued_at', 'scope'}
    assert document['token'] == document['access_token'] and document['expires_in'] == 300
    assert document['scope'] == 'repository:alice/app:pull,push'
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', document['issued_at'])
    said = claims(document['token'])
    assert (said['iss'], said['sub'], said['aud']) == ('objreg', 'alice', 'registry')
    assert before <= said['iat'] <= time.time() and said['exp'] == said['iat'] + 300 and said['nbf'] <= said['iat']
    assert said['access'] == [{'type': 'repository', 'name': 'alice/app', 'actions': ['pull', 'push']}]


def test_two_tokens_are_never_the_same(site: Site) -> None:
    assert claims(site.token('alice', ALL))['jti'] != claims(site.token('alice', ALL))['jti']


def test_what_clients_say_besides(site: Site) -> None:
    """``docker login`` and ``docker pull`` add these; none of them changes who it is."""
    answer = get(site, f'account=mallory&client_id=docker&offline_token=false&service=registry&scope={ALL}', 'alice')
    assert claims(answer.json['token'])['sub'] == 'alice' and 'refresh_token' not in answer.json


@pytest.mark.parametrize('query', [
    'scope=repository:alice/app:pull&scope=repository:bob/public:pull,push',
    'scope=repository:alice/app:pull%20repository:bob/public:pull,push',
    'scope=repository:alice/app:pull+repository:bob/public:pull&scope=repository:bob/public:push',
    'scope=repository:alice/app:pull&scope=&scope=repository:bob/public:pull&scope=repository:bob/private:pull',
])
def test_several_scopes_are_asked_for_at_once(site: Site, query: str) -> None:
    assert granted(get(site, query, 'alice').json['token']) == {'alice/app': ['pull'], 'bob/public': ['pull']}


@pytest.mark.parametrize(('user', 'scope', 'expected'), [
    ('alice', ALL, 'repository:alice/app:pull,push,delete'),
    ('alice', 'repository:alice/app:*', 'repository:alice/app:pull,push,delete'),
    ('alice', 'repository:alice/app:push,pull,push', 'repository:alice/app:push,pull'),
    ('alice', 'repository:alice/app:administer,fly', ''),
    ('alice', 'repository:alice/app:', ''),
    ('alice', 'repository(plugin):alice/app:pull', 'repository:alice/app:pull'),
    ('alice', 'repository:bob/public:pull,push,delete', 'repository:bob/public:pull'),
    ('alice', 'repository:bob/private:pull,push,delete', ''),
    ('alice', 'repository:bob/public:*', 'repository:bob/public:pull'),
    ('', 'repository:bob/public:pull,push', 'repository:bob/public:pull'),
    ('', 'repository:bob/private:pull', ''), ('', ALL, ''), ('', 'repository:bob/none:pull', ''),
    ('alice', 'plugin:alice/app:pull', ''), ('alice', 'user:alice:*', ''), ('', '', ''),
])
def test_what_is_not_granted_is_left_out(site: Site, user: str, scope: str, expected: str) -> None:
    answer = get(site, f'scope={scope}', user)
    assert answer.status_code == 200 and answer.json['scope'] == expected
    assert len(claims(answer.json['token'])['access']) == bool(expected)


def test_nobody_is_told_which_private_repositories_there_are(site: Site) -> None:
    there, none = (get(site, f'scope=repository:bob/{name}:pull', 'alice').json for name in ('private', 'none'))
    assert there['scope'] == none['scope'] == '' and set(there) == set(none)


def test_the_catalog_is_for_administrators(site: Site) -> None:
    site.user('ada', is_administrator=True)
    whole = [{'type': 'registry', 'name': 'catalog', 'actions': ['*']}]
    wanted = 'registry:catalog:*'
    assert claims(site.token('ada', wanted))['access'] == whole
    assert claims(site.token('ada', wanted, secret=site.pat('ada')))['access'] == whole
    scoped = site.pat('ada', [Scope(('pull', 'push', 'delete'))])
    assert claims(site.token('ada', wanted, secret=scoped))['access'] == []
    for user in ('', 'alice'):
        assert claims(site.token(user, wanted, 'registry:other:*'))['access'] == []
        assert claims(site.token(user, 'registry:catalog:search,*'))['access'] == [
            {'type': 'registry', 'name': 'catalog', 'actions': ['search']}
        ]


def test_a_token_with_scopes_narrows_what_is_granted(site: Site) -> None:
    pat = site.pat('alice', [Scope(('pull',), ('alice/app',))])
    wanted = [ALL, 'repository:alice/other:pull,push', 'repository:bob/public:pull']
    assert granted(site.token('alice', *wanted, secret=pat)) == {'alice/app': ['pull'], 'bob/public': ['pull']}


def test_the_access_token_says_for_which_credential_it_is(site: Site) -> None:
    """So that it can be withdrawn with it; of a password there is none to say."""
    pat = site.pat('alice')
    assert claims(site.token('alice', ALL, secret=pat))['credential'] == pat[11:27]
    assert 'credential' not in claims(site.token('alice', ALL))


@pytest.mark.parametrize('query', [
    'scope=repository', 'scope=repository:alice/app', 'scope=repository:UPPER:pull', 'scope=repository::pull',
    'scope=repository:alice/../bob:pull', 'scope=repository:alice//app:pull', 'scope=repository:alice%2f:pull',
    'scope=pull', 'scope=%ff', 'scope=repository:a%00b:pull', 'scope=' + 'x' * 5000,
    '&'.join(f'scope=repository:a/b{number}:pull' for number in range(101)),
    'service=other', 'service=registry%00', 'service=REGISTRY', 'service=registry.evil', 'service=*', 'service=%ff',
])
def test_what_makes_no_sense_is_a_400(site: Site, query: str) -> None:
    answer = get(site, query, 'alice')
    assert answer.status_code == 400
    assert set(answer.json) == {'errors'} and len(answer.body) < 1000


@pytest.mark.parametrize('header', [
    basic('alice', 'wrong'), basic('nobody', 'wrong'), 'Basic !!!', 'Basic YWxpY2U=', 'Basic /w==', 'Bearer x',
    'Digest username="alice"', basic('', 'x'), 'Basic ' + 'A' * 5000,
])
def test_wrong_credentials_are_a_401_with_a_challenge(site: Site, header: str) -> None:
    answer = site.ask('GET', f'/token?scope={ALL}', authorization=header)
    assert answer.status_code == 401
    assert answer.headers['WWW-Authenticate'] == 'Basic realm="objreg", charset="UTF-8"'
    assert answer.json['errors'][0]['code'] == 'UNAUTHORIZED' and 'token' not in answer.json


def test_credentials_that_are_empty_are_none(site: Site) -> None:
    """What some clients send who have none."""
    for header in (basic('', ''), 'Basic', 'Basic '):
        answer = site.ask('GET', '/token', authorization=header)
        assert answer.status_code == 200 and claims(answer.json['token'])['sub'] == ''


@pytest.mark.parametrize('method', ['PUT', 'DELETE', 'PATCH', 'HEAD', 'BREW'])
def test_other_methods_are_refused(site: Site, method: str) -> None:
    answer = site.ask(method, '/token')
    assert answer.status_code == 405 and answer.headers['Allow'] == 'GET, POST'


def test_of_several_services_one_has_to_be_named(tmp_path: Path, cheap_passwords: None) -> None:
    site = Site(tmp_path, hub='services = one two', auth='type = hub\nservice = one')
    assert claims(site.token('', service='two'))['aud'] == 'two'
    assert site.ask('GET', '/token').status_code == 400


# POST


def test_the_example_of_oauth_with_a_password(site: Site) -> None:
    """`Getting a token`: grant_type, service, client_id, access_type, scope, username, password."""
    answer = site.form(
        grant_type='password', service='registry', client_id='dockerengine', access_type='offline', scope=ALL,
        username='alice', password=password('alice'),
    )
    assert answer.status_code == 200 and answer.headers['Cache-Control'] == 'no-store'
    document = answer.json
    assert set(document) == {'access_token', 'token_type', 'expires_in', 'issued_at', 'scope', 'refresh_token'}
    assert document['token_type'] == 'Bearer' and document['scope'] == ALL
    assert granted(document['access_token']) == {'alice/app': ['pull', 'push', 'delete']}
    assert document['refresh_token'].startswith('objreg_refresh_')


def test_the_example_of_oauth_with_a_refresh_token(site: Site) -> None:
    """Which stays what it was, and is good for other scopes later."""
    refresh = site.form(
        grant_type='password', service='registry', client_id='x', access_type='offline', username='alice',
        password=password('alice'),
    ).json['refresh_token']
    for scope, expected in ((ALL, ALL), ('repository:bob/public:pull,push', 'repository:bob/public:pull'), ('', '')):
        answer = site.form(
            grant_type='refresh_token', service='registry', client_id='dockerengine', scope=scope,
            refresh_token=refresh,
        )
        assert answer.status_code == 200 and answer.json['refresh_token'] == refresh
        assert answer.json['scope'] == expected and claims(answer.json['access_token'])['sub'] == 'alice'


def test_a_refresh_token_is_given_on_demand_and_for_a_password_only(site: Site) -> None:
    form = {'grant_type': 'password', 'service': 'registry', 'username': 'alice', 'password': password('alice')}
    assert 'refresh_token' not in site.form(**form).json
    assert 'refresh_token' not in site.form(**form, access_type='online').json
    offline = 'service=registry&offline_token=true&client_id=docker'
    assert get(site, offline, 'alice').json['refresh_token'].startswith('objreg_refresh_')
    assert 'refresh_token' not in get(site, offline).json, 'nobody in particular needs none'
    pat = site.pat('alice', [Scope(('pull',))])
    assert 'refresh_token' not in get(site, offline, 'alice', pat).json, 'it would outlive the token, and its scopes'
    assert 'refresh_token' not in site.form(**{**form, 'password': pat}, access_type='offline').json


def test_a_token_is_a_password_here_too(site: Site) -> None:
    pat = site.pat('alice', [Scope(('pull',))])
    answer = site.form(grant_type='password', service='registry', username='alice', password=pat, scope=ALL)
    assert answer.json['scope'] == 'repository:alice/app:pull'


@pytest.mark.parametrize(('fields', 'status', 'error'), [
    ({'grant_type': 'password', 'username': 'alice', 'password': 'wrong'}, 401, 'invalid_grant'),
    ({'grant_type': 'password', 'username': 'nobody', 'password': 'wrong'}, 401, 'invalid_grant'),
    ({'grant_type': 'password'}, 401, 'invalid_grant'),
    ({'grant_type': 'refresh_token'}, 401, 'invalid_grant'),
    ({'grant_type': 'refresh_token', 'refresh_token': 'x'}, 401, 'invalid_grant'),
    ({'grant_type': 'client_credentials'}, 400, 'unsupported_grant_type'), ({}, 400, 'unsupported_grant_type'),
    ({'grant_type': 'password', 'service': 'other'}, 400, 'invalid_request'),
    ({'grant_type': 'password', 'scope': 'repository:A:pull'}, 400, 'invalid_scope'),
])
def test_errors_are_those_of_rfc_6749(site: Site, fields: dict[str, str], status: int, error: str) -> None:
    answer = site.form(**fields)
    assert answer.status_code == status and answer.json['error'] == error
    assert set(answer.json) == {'error', 'error_description'} and answer.headers['Cache-Control'] == 'no-store'


@pytest.mark.parametrize(('kind', 'body', 'status'), [
    ('application/json', b'{"grant_type":"password"}', 400), ('', b'grant_type=password', 400),
    ('multipart/form-data; boundary=x', b'--x--', 400), ('application/x-www-form-urlencoded', b'\xff=%ff', 400),
    ('application/x-www-form-urlencoded', b'a=' + b'x' * 64 * 1024, 413),
    ('application/x-www-form-urlencoded', b'', 400),
])
def test_a_body_that_is_no_form_is_refused(site: Site, kind: str, body: bytes, status: int) -> None:
    answer = site.ask('POST', '/token', body, CONTENT_TYPE=kind)
    assert answer.status_code == status and answer.json


def test_credentials_in_the_query_of_a_post_are_not_looked_at(site: Site) -> None:
    """RFC 6749 section 2.3.1: they would be in every log."""
    answer = site.ask(
        'POST', '/token?grant_type=password&username=alice&password=alice%20has%20a%20secret',
        CONTENT_TYPE='application/x-www-form-urlencoded',
    )
    assert answer.status_code == 400


def test_nothing_is_written_for_nobody(site: Site) -> None:
    """Who may not push leaves nothing in the bucket, however much he asks for."""
    site.token('')
    before = [entry.key for entry in site.store.list('')]
    for scope in (ALL, 'repository:bob/public:pull,push', 'repository:some/new:push', 'registry:catalog:*'):
        site.token('', scope)
    assert [entry.key for entry in site.store.list('')] == before
