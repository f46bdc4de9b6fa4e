"""Attacks on the API: on what is another's, and by what nobody asked for; each with its precedent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from objreg.hub import keys
from objreg.hub.api.operation import Needs, Operation
from objreg.hub.api.table import TABLE
from objreg.hub.policy import Visibility
from objreg.hub.records import Robot, Scope
from tests.hubs import Site, basic, password

EVERYTHING = Scope(('pull', 'push', 'delete'))


@pytest.fixture
def site(site: Site) -> Site:
    """With bob and an organisation of his, whose things alice is after."""
    for name in ('alice', 'bob'):
        site.user(name)
    site.organisation('acme', 'bob')
    for repository in ('bob/app', 'acme/app'):
        site.hub.repositories.show(repository, Visibility.PRIVATE, by='')
    site.hub.organisations.add_team('acme', 'web', by='')
    site.store.put(keys.robot('acme', 'web'), Robot((EVERYTHING,), 0).dump())
    return site


def path_of(one: Operation, owner: str, token: str) -> str:
    """Where it is, of what belongs to somebody."""
    values = {
        'user': 'bob' if owner == 'acme' else owner, 'namespace': owner, 'repository': f'{owner}/app', 'token': token,
        'team': 'web', 'robot': 'web', 'organisation': owner,
    }
    path = one.path
    for name in one.in_path:
        path = path.replace(f'{{{name}}}', values.get(name, 'web'))
    return path


def facts(site: Site) -> dict[str, bytes]:
    """All that the hub knows, but for when tokens were used."""
    return {
        entry.key: site.store.read(entry.key) for entry in site.store.list('hub/')
        if not entry.key.startswith(('hub/used/', 'hub/signing/'))
    }


def callers(site: Site) -> dict[str, str]:
    """Headers of those who may not do what is bob's."""
    alice = site.hub.accounts.find('alice')
    acme = site.hub.accounts.find('acme')
    robot = site.hub.tokens.issue('robot', 'acme+web', acme.id)
    return {
        'nobody': '', 'alice': basic('alice', password('alice')), 'her token': f'Bearer {site.pat("alice")}',
        'her token with scopes': f'Bearer {site.pat("alice", [EVERYTHING])}',
        'a robot of his': f'Bearer {robot}', 'the same by password': basic('acme+web', str(robot)),
        'his token with scopes': f'Bearer {site.pat("bob", [EVERYTHING])}',
        'his access token': f'Bearer {site.token("bob", "repository:bob/app:pull,push,delete")}',
        'his refresh token': f'Bearer {site.hub.tokens.issue("refresh", "bob", alice.id)}',
    }


@pytest.mark.parametrize('owner', ['bob', 'acme'])
@pytest.mark.parametrize('one', TABLE, ids=lambda one: one.id)
def test_what_is_anothers_is_his(site: Site, one: Operation, owner: str) -> None:
    """CVE-2022-31666 to -31671 (Harbor), CVE-2026-109194: every operation there is, with the name of another."""
    bobs = str(site.hub.tokens.issue('pat', 'bob', site.hub.accounts.find('bob').id))
    given = callers(site)
    before = facts(site)
    for who, header in given.items():
        is_of_pull = one.needs is Needs.READER and who.startswith(('his token', 'a robot', 'the same'))
        if one.needs is Needs.NOTHING or is_of_pull or (one.needs is Needs.ACCOUNT and who in ('alice', 'her token')):
            continue
        answer = site.api('', one.method, path_of(one, owner, bobs[11:27]), {}, authorization=header)
        expected = (401, 404) if one.needs is Needs.READER else (401,) if who == 'nobody' else (401, 403, 404)
        assert answer.status_code in expected, (who, answer.body)
        assert answer.headers['Content-Type'] == 'application/problem+json'
    assert facts(site) == before


@pytest.mark.parametrize('one', [one for one in TABLE if one.needs is Needs.SELF], ids=lambda one: one.id)
def test_what_is_ones_own_is_not_refused(site: Site, one: Operation) -> None:
    """Without which the test above would prove nothing."""
    token = site.pat('bob')[11:27]
    answer = site.api('bob', one.method, path_of(one, 'bob', token), {})
    assert answer.status_code not in (401, 403, 404, 405), answer.body


def test_anothers_token_is_not_found_among_ones_own(site: Site) -> None:
    """CVE-2024-22278: the id of another's thing, in a path that begins with one's own name."""
    pat = site.pat('bob')
    for id in (pat[11:27], 'x', '..', 'x' * 100, '%D9%A1', '%2e%2e'):
        assert site.api('alice', 'DELETE', f'/users/alice/tokens/{id}').status_code == 404
    assert site.token('bob', secret=pat)


# What is sent


def test_nobody_becomes_an_administrator_by_saying_so(site: Site) -> None:
    """CVE-2019-16097 (Harbor: sign-up with ``has_admin_role``), CVE-2019-19023."""
    more: list[dict[str, Any]] = [
        {'administrator': True}, {'is_admin': True}, {'has_admin_role': True}, {'role': 'admin'}, {'suspended': False},
        {'name': 'bob'}, {'hash': 'x'}, {'scopes': None}, {'id': 'x'}, {'kind': 'user'}, {'by': 'operator'},
    ]
    for fields in more:
        answer = site.api('alice', 'PATCH', '/users/alice', {'full_name': 'Alice', **fields})
        assert answer.status_code == 400 and answer.json['type'] == 'urn:objreg:problem:invalid'
        eve = {'name': 'eve', 'password': 'correct horse', **fields}
        assert site.api('alice', 'POST', '/users', eve).status_code == 403
        assert site.api('', 'POST', '/users', eve).status_code == 401
    assert site.hub.accounts.find('eve') is None and not site.hub.accounts.is_administrator('alice')
    assert site.hub.accounts.profile('alice').full_name == ''


@pytest.mark.parametrize('fields', [
    {'holder': 'bob'}, {'account': 'x'}, {'kind': 'refresh'}, {'expires': 0}, {'hash': 'x'}, {'service': 'other'},
    {'days': -1}, {'days': 10**9}, {'days': '90'}, {'days': 1.5}, {'label': 'x' * 101}, {'scopes': []} | {'x': 1},
    {'scopes': [{'actions': []}]}, {'scopes': [{'actions': ['administer']}]}, {'scopes': [{'actions': ['*']}]},
    {'scopes': [{'actions': ['pull'], 'repositorys': ['alice/app']}]}, {'scopes': [{'actions': ['pull'], 'until': 7}]},
    {'scopes': [{'actions': ['pull'], 'repositories': []}]}, {'scopes': [{'actions': ['pull'], 'repositories': ['A']}]},
    {'scopes': [{'actions': ['pull'], 'repositories': ['x' * 256]}]}, {'scopes': [{}]}, {'scopes': 'pull'},
    {'scopes': [{'actions': ['pull'], 'repositories': ['a/../b/x y']}]}, {'scopes': [{'repositories': ['**']}]},
])
def test_a_token_is_made_of_what_is_meant(site: Site, fields: dict[str, Any]) -> None:
    """CVE-2019-16097's class; and a field that is misspelt does not leave the token wider than it was meant."""
    before = facts(site)
    assert site.api('alice', 'POST', '/users/alice/tokens', fields).status_code == 400
    assert facts(site) == before


@pytest.mark.parametrize('body', [
    b'', b'{', b'[]', b'null', b'7', b'"x"', b'\xff', b'{"full_name":"a","full_name":7}', b'{"email":"x"}',
    b'{"email":"a@b\\n"}', b'{"email":"\\n"}', b'{"email":"a@b\\r\\nBcc: c@d"}', b'{"email":"a b@c"}',
    b'{"full_name":7}', b'{"full_name":"\\ud800"}', b'[' * 30_000, b'{"a":' * 10_000,
    b'{"full_name":"' + b'x' * 201 + b'"}', b'{"email":"' + b'x' * 300 + b'@y"}', b'{"full_name":NaN}',
])
def test_a_body_that_makes_no_sense_changes_nothing(site: Site, body: bytes) -> None:
    """CVE-2017-11468's class: bounded, and never a 500; nor a line break in what mail is sent to."""
    before = facts(site)
    header = basic('alice', password('alice'))
    answer = site.ask('PATCH', '/api/v1/users/alice', body, authorization=header, CONTENT_TYPE='application/json')
    assert answer.status_code == 400
    assert facts(site) == before


def test_a_body_is_bounded_and_of_its_type(site: Site) -> None:
    """CVE-2017-11468; and a form of another page (CVE-2019-19025, CSRF) is no JSON."""
    header, good = basic('alice', password('alice')), json.dumps({'full_name': 'x'}).encode()
    for kind in ('text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', '', 'application/jsonx'):
        answer = site.ask('PATCH', '/api/v1/users/alice', good, authorization=header, CONTENT_TYPE=kind)
        assert answer.status_code == 415
    large = json.dumps({'full_name': 'x' * 65536}).encode()
    for path in ('/users/alice', '/users/alice'):
        answer = site.ask('PATCH', f'/api/v1{path}', large, authorization=header, CONTENT_TYPE='application/json')
        assert answer.status_code == 413


@pytest.mark.parametrize('query', ['administrator=true', 'x=1', 'user=bob', '%ff=1', 'limit=99999999999'])
def test_a_parameter_that_is_not_there_is_refused(site: Site, query: str) -> None:
    assert site.api('alice', 'GET', f'/me?{query}').status_code == 400


@pytest.mark.parametrize('environ', [
    {'HTTP_OBJREG_HUB_OPERATOR': 'True'}, {'HTTP_X_OBJREG_HUB_OPERATOR': '1'}, {'HTTP_X_FORWARDED_USER': 'bob'},
    {'REMOTE_USER': 'bob'}, {'objreg.hub.operator': 'True'}, {'objreg.hub.operator': 1}, {'HTTP_X_REMOTE_USER': 'bob'},
])
def test_nobody_is_the_operator_by_a_header(site: Site, environ: dict[str, Any]) -> None:
    """CWE-290: only this program itself says so."""
    assert site.api('', 'GET', '/me', **environ).json == {'name': '', 'administrator': False, 'kind': 'user'}
    assert site.api('', 'GET', '/users/bob', **environ).status_code == 401


@pytest.mark.parametrize('path', [
    '//users/bob', '/users//bob', '/users/bob/', '/users/bob/../alice', '/./me', '/ME', '/me/', '/users/bob/tokens/',
    '/v2', '', '/..', '/openapi.json/',
])
def test_a_path_has_one_spelling(site: Site, path: str) -> None:
    """CVE-2021-3762's class: what is allowed at one path is not done at another."""
    assert site.api('bob', 'GET', path).status_code in (400, 404)


def test_others_see_neither_address_nor_state(site: Site) -> None:
    """CVE-2026-18255, CVE-2026-105447 (Quay): what is shown of somebody is chosen, field by field."""
    site.api('bob', 'PATCH', '/users/bob', {'email': 'bob@example.org', 'full_name': 'Bob'})
    site.hub.accounts.make_administrator('bob')
    shown = site.api('alice', 'GET', '/users/bob').json
    assert {name for name, value in shown.items() if value is not None} == {'name', 'full_name', 'created'}
    assert site.api('bob', 'GET', '/users/bob').json['email'] == 'bob@example.org'


def test_the_old_password_is_needed_for_a_new_one(site: Site) -> None:
    """CWE-620: who finds an open session does not keep the account."""
    pat = f'Bearer {site.pat("alice")}'
    for header in (pat, basic('alice', password('alice'))):
        for old in ('', 'wrong', site.pat('alice')):
            document = {'new': 'another horse', 'old': old}
            answer = site.api('', 'PUT', '/users/alice/password', document, authorization=header)
            assert answer.status_code == 400
    assert site.token('alice')
