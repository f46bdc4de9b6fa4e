"""Attacks on the first version of the API: its tokens at the registry, and its index; with precedents."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from objreg.access import access_of, repository_of
from objreg.hub.index.announced import LARGEST
from objreg.hub.policy import Visibility
from objreg.testing.fakes import FakeApp
from objreg.v1.tokens import parse
from tests.hubs import HOST, Site, basic, password
from tests.unit.hub.index.clients import ONE, WANTS_TOKEN, announce, by_token, index, pull_token, push_token

PRIVATE, PUBLIC = 'alice/private', 'alice/public'


@pytest.fixture
def site(site: Site) -> Site:
    """With alice, who has a private repository and a public one, and mallory; behind `auth` is what records."""
    for name in ('alice', 'mallory'):
        site.user(name)
    site.hub.repositories.show(PRIVATE, Visibility.PRIVATE, by='')
    site.hub.repositories.show(PUBLIC, Visibility.PUBLIC, by='')
    for name in (PRIVATE, PUBLIC):
        announce(site, 'alice', name, ONE)
    return site


@pytest.fixture
def passed(site: Site) -> FakeApp:
    """What `auth` lets through."""
    app = FakeApp()
    site.layer('Auth').app = app
    return app


READS = ['repositories/{}/tags', 'repositories/{}/tags/x', 'repositories/{}/tags/x/json', 'repositories/{}/json']


def status(site: Site, token: str, method: str, path: str) -> int:
    return by_token(site, token, method, path).status_code


# At the registry


def test_a_token_is_good_for_its_repository_and_its_purpose(site: Site, passed: FakeApp) -> None:
    """Without which nothing here would prove anything."""
    token = pull_token(site, 'alice', PRIVATE)
    for path in READS:
        assert status(site, token, 'GET', path.format(PRIVATE)) == 200
        assert status(site, token, 'HEAD', path.format(PRIVATE)) == 200, 'what reads may ask for the head of it'
    assert status(site, token, 'GET', f'images/{ONE}/json') == 200
    access = access_of(passed.last)
    assert repository_of(access) == PRIVATE and access.may('pull', PRIVATE) and not access.may('push', PRIVATE)
    token = push_token(site, 'alice', PRIVATE)
    assert status(site, token, 'PUT', f'images/{ONE}/layer') == status(site, token, 'GET', f'images/{ONE}/json') == 200


@pytest.mark.parametrize('path', READS)
def test_a_token_for_one_repository_is_none_for_another(site: Site, passed: FakeApp, path: str) -> None:
    """CVE-2026-27771 is of this class: who may read something could read everything."""
    announce(site, 'mallory', 'mallory/app', ONE)
    for token in (pull_token(site, 'mallory', 'mallory/app'), push_token(site, 'mallory', 'mallory/app'),
                  pull_token(site, '', PUBLIC)):
        for method in ('GET', 'PUT', 'DELETE'):
            assert status(site, token, method, path.format(PRIVATE)) == 401
            assert status(site, token, method, path.format(PRIVATE) + '/') in (401, 404)
            assert status(site, token, method, path.format('alice/mallory')) == 401
    assert passed.requests == []


def test_whose_image_it_is_is_asked_of_the_token(site: Site, passed: FakeApp) -> None:
    """The original let the token of any repository read the layers of all, if their ids were known."""
    announce(site, 'mallory', 'mallory/app', ONE)
    assert status(site, push_token(site, 'mallory', 'mallory/app'), 'GET', f'images/{ONE}/layer') == 200
    access = access_of(passed.last)
    assert repository_of(access) == 'mallory/app'
    assert not access.may('pull', PRIVATE) and not access.may('pull', '') and not access.is_unrestricted


def test_a_token_does_what_it_is_for_and_nothing_else(site: Site, passed: FakeApp) -> None:
    """CVE-2026-31801 is of this class: a way to write that needed the right to read."""
    read = pull_token(site, 'alice', PRIVATE)
    write = push_token(site, 'alice', PRIVATE)
    delete = index(site, 'alice', 'DELETE', f'repositories/{PRIVATE}/').headers['X-Docker-Token']
    for method, path, good in (
        ('GET', f'repositories/{PRIVATE}/tags', {read, write}), ('PUT', f'repositories/{PRIVATE}/tags/x', {write}),
        ('DELETE', f'repositories/{PRIVATE}/tags/x', {delete}), ('DELETE', f'repositories/{PRIVATE}/tags', {delete}),
        ('DELETE', f'repositories/{PRIVATE}/', {delete}),
        ('GET', f'images/{ONE}/json', {read, write}), ('GET', f'images/{ONE}/layer', {read, write}),
        ('PUT', f'images/{ONE}/json', {write}), ('PUT', f'images/{ONE}/layer', {write}),
        ('PUT', f'images/{ONE}/checksum', {write}), ('DELETE', f'images/{ONE}/json', {delete}),
        ('PATCH', f'images/{ONE}/json', {write}), ('POST', f'repositories/{PRIVATE}/tags/x', {write}),
        ('BREW', f'repositories/{PRIVATE}/tags/x', {write}),
    ):
        for token in (read, write, delete):
            assert (status(site, token, method, path) == 200) is (token in good), (method, path, token[-12:])


def test_who_sees_a_repository_is_told_by_its_token_and_said_by_none(site: Site) -> None:
    read, write = pull_token(site, 'alice', PRIVATE), push_token(site, 'alice', PRIVATE)
    delete = index(site, 'alice', 'DELETE', f'repositories/{PRIVATE}/').headers['X-Docker-Token']
    path = f'repositories/{PRIVATE}/properties'
    assert [status(site, token, 'GET', path) for token in (read, write, delete)] == [200, 200, 404]
    for token, refused in ((read, 403), (write, 403), (delete, 404)):
        assert by_token(site, token, 'PUT', path, {'access': 'public'}).status_code == refused
    announce(site, 'mallory', 'mallory/app', ONE)
    assert status(site, push_token(site, 'mallory', 'mallory/app'), 'GET', path) == 404
    assert index(site, 'alice', 'GET', path).json == {'access': 'private'}


def test_a_token_to_delete_reads_nothing_at_the_index_either(site: Site) -> None:
    delete = index(site, 'alice', 'DELETE', f'repositories/{PRIVATE}/').headers['X-Docker-Token']
    assert status(site, delete, 'GET', f'repositories/{PRIVATE}/images') == 404
    assert status(site, delete, 'PUT', f'repositories/{PRIVATE}/images') == 404
    assert status(site, pull_token(site, 'alice', PUBLIC), 'PUT', f'repositories/{PUBLIC}/') == 403
    assert status(site, pull_token(site, 'alice', PUBLIC), 'DELETE', f'repositories/{PUBLIC}/images') == 403


def test_a_token_does_not_renew_itself(site: Site) -> None:
    token = push_token(site, 'alice', PRIVATE)
    for method in ('GET', 'PUT'):
        answer = by_token(site, token, method, f'repositories/{PRIVATE}/images', [], **WANTS_TOKEN)
        assert 'X-Docker-Token' not in answer.headers
    assert 'X-Docker-Token' not in by_token(site, token, 'PUT', f'repositories/{PRIVATE}/', []).headers


@pytest.mark.parametrize(('old', 'new'), [
    ('alice/public', 'alice/private'), ('alice/public', 'alice/public,repository=alice/private'),
    ('access=read', 'access=write'), ('access=read', 'access=read,access=write'), ('access=read', 'access=delete'),
])
def test_what_a_token_says_in_plain_is_not_believed(site: Site, passed: FakeApp, old: str, new: str) -> None:
    """RFC 8725 section 2.4: the part that is not signed."""
    token = pull_token(site, '', PUBLIC).replace(old, new)
    for name in (PRIVATE, PUBLIC):
        for method in ('GET', 'PUT', 'DELETE'):
            assert status(site, token, method, f'repositories/{name}/tags/x') == 401
            assert status(site, token, method, f'images/{ONE}/json') == 401


def test_a_signature_is_put_beside_no_other_words(site: Site, passed: FakeApp) -> None:
    """Two tokens of which one is good for the name, and the other for the purpose."""
    public, own = pull_token(site, '', PUBLIC), push_token(site, 'mallory', 'mallory/app')
    mixed = own.replace(parse(f'Token {own}')['signature'], parse(f'Token {public}')['signature'])
    assert status(site, mixed, 'PUT', 'repositories/mallory/app/tags/x') == 401
    assert status(site, f'{public},{own}', 'PUT', 'repositories/mallory/app/tags/x') == 401


# One kind of token for another


def test_no_token_passes_for_one_of_another_kind(site: Site) -> None:
    """RFC 8725 section 3.12, CVE-2026-123710: what was signed for one thing, used for another."""
    signature = parse(f'Token {push_token(site, "alice", PRIVATE)}')['signature']
    for path in (f'/v2/{PRIVATE}/tags/list', '/v2/', '/v2/_catalog', '/api/v1/me', '/v1/search', '/v1/users/'):
        assert site.ask('GET', path, authorization=f'Bearer {signature}').status_code == 401
        if path != '/v2/':
            assert site.ask('GET', path, authorization=f'Basic {signature}').status_code == 401
    assert site.ask('GET', '/token', authorization=basic('alice', signature)).status_code == 401
    bearer = site.token('alice', f'repository:{PRIVATE}:pull,push,delete', 'registry:catalog:search')
    pat = site.pat('alice')
    for secret in (bearer, pat, password('alice')):
        for access in ('read', 'write', 'delete'):
            token = f'signature={secret},repository="{PRIVATE}",access={access}'
            assert status(site, token, 'GET', f'repositories/{PRIVATE}/tags') == 401
            assert status(site, token, 'PUT', f'repositories/{PRIVATE}/images') == 401
    for header in (f'Bearer {bearer}', f'Bearer {pat}', basic('alice', password('alice')), basic('alice', pat)):
        answer = site.ask('GET', f'/v1/repositories/{PRIVATE}/tags', authorization=header)
        assert answer.status_code == 401 and answer.headers['WWW-Authenticate'] == 'Token'


def test_a_browser_that_is_logged_in_is_nobody_here(site: Site) -> None:
    """CWE-352: what a browser sends by itself counts for nothing; nor does what is sealed in it pass for a token."""
    answer = site.ask(
        'POST', '/api/v1/session', json.dumps({'name': 'alice', 'password': password('alice')}).encode(),
        CONTENT_TYPE='application/json', HTTP_ORIGIN=f'http://{HOST}',
    )
    cookie = answer.headers['Set-Cookie'].partition(';')[0]
    assert site.ask('GET', '/api/v1/me', HTTP_COOKIE=cookie).json['name'] == 'alice'
    for method, path in (
        ('GET', 'users/'), ('GET', 'repositories/alice/private/images'), ('PUT', 'repositories/a/'),
    ):
        assert site.ask(method, f'/v1/{path}', b'[]', HTTP_COOKIE=cookie).status_code == 401
    token = f'signature={cookie.partition("=")[2]},repository="{PRIVATE}",access=read'
    assert status(site, token, 'GET', f'repositories/{PRIVATE}/tags') == 401
    signature = parse(f'Token {push_token(site, "alice", PRIVATE)}')['signature']
    assert site.ask('GET', '/api/v1/me', HTTP_COOKIE=f'{cookie.partition("=")[0]}={signature}').json['name'] == ''


def test_a_bearer_token_is_good_for_a_search_alone(site: Site) -> None:
    bearer = site.token('alice', 'registry:catalog:search', f'repository:{PRIVATE}:pull,push,delete')
    for method, path in (
        ('GET', 'users/'), ('PUT', 'users/alice/'), ('PUT', f'repositories/{PRIVATE}/'),
        ('GET', f'repositories/{PRIVATE}/images'), ('DELETE', f'repositories/{PRIVATE}/'),
    ):
        assert site.ask(method, f'/v1/{path}', authorization=f'Bearer {bearer}').status_code == 401


# Its end


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that pass, for clocks of both kinds."""
    now = [0.0]
    real, steady = time.time, time.monotonic
    monkeypatch.setattr(time, 'time', lambda: real() + now[0])
    monkeypatch.setattr(time, 'monotonic', lambda: steady() + now[0])
    return now


def test_a_token_ends_with_its_hour(site: Site, passed: FakeApp, passing: list[float]) -> None:
    token = push_token(site, 'alice', PRIVATE)
    passing[0] = 3500
    assert status(site, token, 'GET', f'repositories/{PRIVATE}/tags') == 200
    passing[0] = 3700
    assert status(site, token, 'GET', f'repositories/{PRIVATE}/tags') == 401
    assert status(site, token, 'GET', f'repositories/{PRIVATE}/images') == 401


def test_what_was_withdrawn_stays_so_until_the_last_token_has_expired(
    tmp_path: Path, cheap_passwords: None, passing: list[float]
) -> None:
    """The list must not forget sooner than tokens end."""
    site = Site(tmp_path, hub='index_lifetime = 2 hours')
    site.user('alice')
    pat = site.pat('alice')
    answer = site.ask('PUT', f'/v1/repositories/{PRIVATE}/', b'[]', authorization=basic('alice', pat))
    token = answer.headers['X-Docker-Token']
    site.layer('Auth').app = FakeApp()
    passing[0] = 5
    assert status(site, token, 'GET', f'repositories/{PRIVATE}/tags') == 200
    held = site.hub.tokens.held_by('alice')[0]
    site.hub.tokens.revoke(held.id, 'alice')
    site.hub.denials.deny('credential', held.id)
    for seconds in (25, 3600, 3700, 7100, 7250, 9500):
        passing[0] = seconds
        assert status(site, token, 'GET', f'repositories/{PRIVATE}/tags') == 401, seconds
        assert status(site, token, 'PUT', f'repositories/{PRIVATE}/images') == 401, seconds


@pytest.mark.parametrize('how', ['suspended', 'password', 'deleted', 'key'])
def test_a_token_ends_with_whose_it_is(site: Site, passed: FakeApp, passing: list[float], how: str) -> None:
    site.user('root2', is_administrator=True)
    token = push_token(site, 'alice', PRIVATE)
    assert status(site, token, 'GET', f'repositories/{PRIVATE}/tags') == 200
    if how == 'suspended':
        site.api('root2', 'PUT', '/users/alice/state', {'suspended': True})
    elif how == 'password':
        assert index(site, 'alice', 'PUT', 'users/alice/', {'password': 'another secret'}).status_code == 204
    elif how == 'deleted':
        site.api('root2', 'DELETE', '/users/alice?repositories=keep')
    else:
        site.hub.signing.rotate()
    passing[0] = 60
    assert status(site, token, 'GET', f'repositories/{PRIVATE}/tags') == 401
    assert status(site, token, 'PUT', f'repositories/{PRIVATE}/images') == 401


# Names


@pytest.mark.parametrize('path', [
    'repositories/alice/public/../private/images', 'repositories/alice/public/%2e%2e/private/images',
    'repositories/alice//private/images', 'repositories//alice/private/images', 'repositories/./alice/private/images',
    'repositories/ALICE/private/images', 'repositories/alice/private%00/images', 'repositories/alice/private%0a/images',
    'repositories/alice%252fprivate/images', '/repositories/alice/private/images',
    '../v1/repositories/alice/private/images',
    'repositories/library/alice/private/images', 'repositories/alice/private/images/images', 'images/../repositories/x',
    f'images/{ONE}%2f..%2f{ONE}/json', f'images/{ONE}/../{ONE}/json', 'images/../../hub/signing/json',
])
def test_no_spelling_of_a_path_goes_around(site: Site, passed: FakeApp, path: str) -> None:
    """CVE-2020-1957: the layer that decides and the one that serves read a path alike."""
    token = pull_token(site, '', PUBLIC)
    for header in ('', basic('mallory', password('mallory')), f'Token {token}'):
        for method in ('GET', 'PUT', 'DELETE'):
            answer = site.ask(method, f'/v1/{path}', b'[]', authorization=header)
            if answer.status_code == 200:  # passed on by `auth`, as nobody's
                assert not access_of(passed.last).may('pull', PRIVATE), (method, path)
            assert b'aaaa' not in answer.body
    assert len(list(site.store.list('hub/announced/'))) == 2


def test_a_reading_of_a_path_by_another_method_is_not_that_of_this_one(site: Site, passed: FakeApp) -> None:
    """`PUT …/alice/tags/` is of the repository `alice/tags`, and `PUT …/alice/tags` of `alice`: neither opens both."""
    announce(site, 'alice', 'alice/tags', ONE)
    token = index(site, 'alice', 'DELETE', 'repositories/alice/tags/').headers['X-Docker-Token']
    assert status(site, token, 'DELETE', 'repositories/alice/tags/') == 200
    assert status(site, token, 'DELETE', 'repositories/alice/tags') == 401
    assert status(site, token, 'DELETE', 'repositories/alice/tags/tags') == 200


# Who is there


def test_wrong_names_and_wrong_passwords_are_answered_alike(site: Site) -> None:
    """CVE-2019-3990: users could be found out."""
    for method, path in (
        ('GET', 'users/'), ('PUT', 'users/alice/'), ('PUT', 'repositories/alice/private/'),
        ('GET', 'repositories/alice/private/images'), ('GET', 'search?q=a'),
    ):
        known, unknown = (
            site.ask(method, f'/v1/{path}', b'{}', authorization=basic(name, 'wrong'), HTTP_X_REQUEST_ID='same')
            for name in ('alice', 'nobody')
        )
        assert known.status_code == unknown.status_code == 401
        assert known.body == unknown.body and [*known.headers.items()] == [*unknown.headers.items()]


def test_the_index_is_no_way_around_the_guard(site: Site) -> None:
    """CWE-307: guesses at one door are counted with those at the others."""
    for _ in range(10):
        site.ask('GET', '/v1/users/', authorization=basic('alice', 'wrong'))
    answer = site.ask('GET', '/v1/users/', authorization=basic('alice', password('alice')))
    assert answer.status_code == 429 and answer.headers['Retry-After'] and answer.json['error']
    assert site.as_user('alice', 'GET', '/token').status_code == 429
    elsewhere = site.ask(
        'GET', '/v1/users/', authorization=basic('alice', password('alice')), REMOTE_ADDR='198.51.100.1'
    )
    assert elsewhere.status_code == 200


def test_a_search_counts_nothing_that_is_not_shown(site: Site) -> None:
    """CVE-2019-19030: the number of results told of private repositories."""
    for name in ('alice/private', 'alice/public'):
        site.store.put(f'catalog/{name}', b'{}')
    for header in ('', basic('mallory', password('mallory'))):
        answer = site.ask('GET', '/v1/search?q=alice', authorization=header)
        assert answer.json['num_results'] == len(answer.json['results']) == 1 and answer.json['num_pages'] == 1
        assert site.ask('GET', '/v1/search?q=alice/priv', authorization=header).json['num_results'] == 0


# What is too much


def test_a_list_that_is_too_long_is_refused_before_it_is_read(site: Site) -> None:
    """CWE-770."""
    for path in ('', 'images'):
        answer = site.as_user('alice', 'PUT', f'/v1/repositories/alice/app/{path}', b' ' * (LARGEST + 1))
        assert answer.status_code == 413
    answer = site.ask('POST', '/v1/users/', b' ' * 20_000)
    assert answer.status_code == 413
    assert len(list(site.store.list('hub/announced/'))) == 2


@pytest.mark.parametrize('body', [
    b'[' * 100_000, b'[{"id":"%s","more":' % ONE.encode() + b'[' * 100_000, b'{"a":' * 80_000,
    b'[' * 50_000 + b']' * 50_000,
])
def test_json_that_is_deep_is_a_bad_request(site: Site, body: bytes) -> None:
    """CWE-674: the original answered 500."""
    for method, path in (('PUT', 'repositories/alice/app/'), ('PUT', 'repositories/alice/app/images')):
        assert site.as_user('alice', method, f'/v1/{path}', body).status_code == 400
    assert site.ask('POST', '/v1/users/', body[:16_000]).status_code == 400


def test_announcements_of_one_repository_do_not_grow_without_bound(site: Site) -> None:
    for number in range(40):
        announce(site, 'mallory', 'mallory/app', f'{number:064x}')
    assert len(list(site.store.list('hub/announced/mallory/'))) <= 8
