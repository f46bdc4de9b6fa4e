"""Attacks on who asks and what he may do, each with its precedent, against the whole pipeline."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from objreg.access import access_of, needed
from objreg.app import RegistryApp
from objreg.drivers.memory import MemoryStore
from objreg.manifest import OCI_MANIFEST
from objreg.middleware.auth import Auth
from objreg.middleware.dedup import Dedup
from objreg.middleware.errors import Errors
from objreg.names import Digest
from objreg.registry import Registry
from objreg.routes import Route, match
from objreg.testing.fakes import FakeApp
from tests import documents
from tests.inprocess import Client
from tests.unit.middleware.calls import call
from tests.unit.middleware.keys import ISSUER, REALM, SERVICE, grants, token, write_jwks

Ask = Callable[..., Any]
LAYER = b'of the house only'
RULES = """
- {users: [ann, bob], repositories: ['house/**'], actions: [pull, push]}
- {users: [eve], repositories: ['house', 'hous*/app', 'own/**'], actions: [pull, push, delete]}
"""
USERS = ('ann', 'bob', 'eve')
HASHES = {user: bcrypt.hashpw(f'{user} knows'.encode(), bcrypt.gensalt(4)).decode() for user in USERS}


def given(user: str, password: str | None = None) -> dict[str, str]:
    text = f'{user}:{f"{user} knows" if password is None else password}'
    return {'HTTP_AUTHORIZATION': 'Basic ' + base64.b64encode(text.encode()).decode()} if user else {}


def bear(user: str) -> dict[str, str]:
    """The same rights as a token."""
    if not user:
        return {}
    rights = [grants('own/app', 'pull', 'push', 'delete')] if user == 'eve' else [grants('house/image', 'pull', 'push')]
    return {'HTTP_AUTHORIZATION': f'Bearer {token(*rights, sub=user)}'}


@pytest.fixture
def registry() -> Registry:
    client = Client(MemoryStore())
    client.push_image('house/image', 'tag', LAYER)
    return client.registry


def with_rules(rules: str, folder: Path, registry: Registry) -> Ask:
    """Makes a request as a user, to whom the rules apply."""
    (folder / 'rules.yml').write_text(rules)
    (folder / 'htpasswd').write_text(''.join(f'{user}:{HASHES[user]}\n' for user in USERS))
    app = Errors(Auth(
        Dedup(RegistryApp(registry), registry=registry), type='htpasswd', htpasswd=str(folder / 'htpasswd'),
        rules=str(folder / 'rules.yml'),
    ))
    return lambda user, method, path, body=b'', **more: call(app, path, method, body, **{**given(user), **more})


@pytest.fixture
def basic(tmp_path: Path, registry: Registry) -> Ask:
    return with_rules(RULES, tmp_path, registry)


@pytest.fixture
def bearer(tmp_path: Path, registry: Registry) -> Ask:
    app = Errors(Auth(
        Dedup(RegistryApp(registry), registry=registry), type='token', realm=REALM, issuer=ISSUER, service=SERVICE,
        jwks=write_jwks(tmp_path / 'jwks'),
    ))
    return lambda user, method, path, body=b'', **more: call(app, path, method, body, **{**bear(user), **more})


@pytest.fixture(params=['basic', 'bearer'])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Both."""
    asks: Ask = request.getfixturevalue(request.param)
    return asks


# Uploads of others


def test_the_upload_of_somebody_else_is_not_there(ask: Ask) -> None:
    """CVE-2026-32589: whoever saw its URL could go on with another user's upload.  Both may push there."""
    begun = ask('ann', 'POST', '/v2/house/image/blobs/uploads/')
    assert begun.status_code == 202
    url = begun.headers['Location']
    digest = Digest.of(LAYER)
    for method, target in (
        ('GET', url), ('PATCH', url), ('PUT', f'{url}&digest={digest}'), ('DELETE', url),
    ):
        answer = ask('bob', method, target, LAYER if method in ('PATCH', 'PUT') else b'')
        assert (answer.status_code, answer.json['errors'][0]['code']) == (404, 'BLOB_UPLOAD_UNKNOWN'), method
    assert ask('ann', 'PUT', f'{url}&digest={digest}', LAYER).status_code == 201


def test_an_upload_ends_in_the_repository_in_which_it_began(ask: Ask) -> None:
    """The right is asked for the name in the path, so the state has to be of that name too."""
    url = ask('eve', 'POST', '/v2/own/app/blobs/uploads/').headers['Location']
    stolen = url.replace('/own/app/', '/house/image/')
    assert ask('eve', 'PUT', f'{stolen}&digest={Digest.of(b"x")}', b'x').status_code in (401, 403)
    assert ask('ann', 'PUT', f'{stolen}&digest={Digest.of(b"x")}', b'x').status_code == 404


# What one may not read


def test_a_blob_of_others_is_not_told_apart_from_one_that_is_not_there(ask: Ask) -> None:
    """CVE-2024-39897: knowing a digest opened the blob, or told that it was there."""
    for query in ('&from=house/image', '', '&from=house/no-such', '&from=../house/image'):
        there, not_there = (
            ask('eve', 'POST', f'/v2/own/app/blobs/uploads/?mount={digest}{query}')
            for digest in (Digest.of(LAYER), Digest.of(b'nowhere'))
        )
        assert there.status_code == not_there.status_code == 202
        assert {*there.headers} == {*not_there.headers}
    assert ask('eve', 'HEAD', f'/v2/own/app/blobs/{Digest.of(LAYER)}').status_code == 404


def test_a_manifest_does_not_adopt_the_blobs_of_others(ask: Ask) -> None:
    """Class of CVE-2024-39897, by the manifest instead of by the mount."""
    manifest = documents.image(LAYER)
    answer = ask('eve', 'PUT', '/v2/own/app/manifests/tag', manifest, CONTENT_TYPE=media_type(manifest))
    assert (answer.status_code, answer.json['errors'][0]['code']) == (404, 'MANIFEST_BLOB_UNKNOWN')


def media_type(manifest: bytes) -> str:
    """What it says that it is."""
    return str(json.loads(manifest)['mediaType'])


def test_what_exists_and_what_does_not_are_refused_alike(ask: Ask) -> None:
    """CVE-2019-19030: the answer told strangers which repositories, tags and blobs there are."""
    for suffix in ('manifests/tag', f'blobs/{Digest.of(LAYER)}', 'tags/list', f'referrers/{Digest.of(LAYER)}'):
        there = ask('eve', 'GET', f'/v2/house/image/{suffix}')
        not_there = ask('eve', 'GET', f'/v2/house/nothing/{suffix}')
        assert there.status_code == not_there.status_code
        assert there.body.replace(b'house/image', b'house/nothing') == not_there.body


def test_rights_on_one_name_are_none_on_those_that_begin_like_it(basic: Ask) -> None:
    """CVE-2026-110697 is of this class: ``house`` and ``hous*/app`` are not ``house/image``."""
    assert basic('eve', 'GET', '/v2/house/tags/list').status_code == 404
    for name in ('house/image', 'house2', 'house/app/x', 'own2', 'ho/app'):
        assert basic('eve', 'GET', f'/v2/{name}/tags/list').status_code == 403, name
    assert basic('eve', 'GET', '/v2/house/app/tags/list').status_code == 404


# Ways around


@pytest.mark.parametrize('path', [
    '/v2/own/app/../../house/image/manifests/tag', '/v2//house/image/manifests/tag', '/v2/house//image/manifests/tag',
    '/v2/own/app/%2e%2e/house/image/manifests/tag', '/v2/house%2fimage/manifests/tag', '//v2/house/image/manifests/tag',
    '/v2/./house/image/manifests/tag', '/V2/house/image/manifests/tag', '/v2/house/image/manifests/tag/',
    '/v2/HOUSE/image/manifests/tag', '/v2/house/image/manifests/tag%00', '/v2/house/image;x/manifests/tag',
])
def test_no_spelling_of_a_path_goes_around(ask: Ask, path: str) -> None:
    """CVE-2020-1957: the layer that decides and the one that serves read a path alike."""
    for user in ('', 'eve'):
        assert ask(user, 'GET', path).status_code in (400, 401, 403, 404)


@pytest.mark.parametrize('name', [
    'X-HTTP-Method-Override', 'X-Original-URL', 'X-Rewrite-URL', 'X-Remote-User', 'Remote-User', 'X-Forwarded-User',
    'objreg.access', 'Objreg-Access',
])
def test_no_header_says_who_one_is(ask: Ask, name: str) -> None:
    """CVE-2025-29927 is of this class: what a client writes beside his credentials counts for nothing."""
    headers = {f'HTTP_{name.upper().replace("-", "_")}': 'ann'}
    assert ask('eve', 'GET', '/v2/house/image/manifests/tag', **headers).status_code in (401, 403)
    assert ask('eve', 'DELETE', '/v2/house/image/manifests/tag', **headers).status_code in (401, 403)


@pytest.mark.parametrize('header', [
    'Basic ' + base64.b64encode(b'ann:eve knows').decode(), 'Basic ' + base64.b64encode(b'ann\0:ann knows').decode(),
    'Basic ' + base64.b64encode(b'ANN:ann knows').decode(), 'Basic ' + base64.b64encode(b' ann:ann knows').decode(),
    'Basic ' + base64.b64encode(b'ann:ann knows\n').decode(), 'Basic ' + base64.b64encode(b'anonymous:').decode(),
    'Basic ' + base64.b64encode(b'authenticated:x').decode(), 'Basic ' + base64.b64encode(b'ann').decode(),
    'Basic ' + base64.b64encode('ａnn:ann knows'.encode()).decode(),
    pytest.param('Basic ' + base64.b64encode(b'ann:' + HASHES['ann'].encode()).decode(), id='the hash'),
    f'{given("eve")["HTTP_AUTHORIZATION"]},{given("ann")["HTTP_AUTHORIZATION"]}',
    f'Basic {given("ann")["HTTP_AUTHORIZATION"]}', 'Basic' + base64.b64encode(b'ann:ann knows').decode(),
])
def test_nothing_like_a_password_is_one(basic: Ask, header: str) -> None:
    answer = basic('', 'GET', '/v2/house/image/manifests/tag', HTTP_AUTHORIZATION=header)
    assert answer.status_code == 401
    assert basic('ann', 'GET', '/v2/house/image/manifests/tag').status_code == 200


def test_who_does_not_exist_and_who_mistypes_get_the_same_answer(basic: Ask) -> None:
    """CVE-2019-3990: users could be found out."""
    answers = [
        basic('', 'GET', '/v2/', **given(user, 'guess'), HTTP_X_REQUEST_ID='same') for user in ('ann', 'nobody')
    ]
    assert answers[0].body == answers[1].body
    assert [*answers[0].headers.items()] == [*answers[1].headers.items()]


def test_where_there_is_no_route_nobody_may_anything(tmp_path: Path) -> None:
    """A layer that serves other paths behind this one asks it, and is not told that there is no auth."""
    (tmp_path / 'htpasswd').write_text(f'ann:{HASHES["ann"]}\n')
    app = FakeApp()
    layer = Auth(app, type='htpasswd', htpasswd=str(tmp_path / 'htpasswd'))
    for path in ('/', '/v1/', '/v1/images/', '/v1/nothing', '/v1x', '/v2x', '/v2/x'):
        assert call(layer, path).status_code == 200
        access = access_of(app.last)
        assert not access.is_unrestricted and not access.may('pull', 'house/image')


@pytest.mark.parametrize('method', [
    'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'get', 'delete',
])
def test_every_method_on_every_route_needs_a_right(method: str) -> None:
    """CVE-2026-31801 is of this class: a way to write that needed the right to read."""
    routes = [
        match(f'/v2/a/{suffix}') for suffix in (
            'tags/list', 'manifests/x', 'blobs/x', 'blobs/uploads/', 'blobs/uploads/x', 'referrers/x',
        )
    ]
    for route in routes:
        assert route is not None
        action, name = needed(method, route)
        assert name == 'a'
        assert action in (('pull', 'push') if method in ('GET', 'HEAD') else ('push', 'delete')), route
    assert needed(method, Route('catalog')) == ('catalog', '')
    assert needed(method, Route('base')) == ('', '')


# What is written down


def test_no_secret_reaches_a_log(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """CVE-2025-48374: credentials in the log; here with every logger at its loudest."""
    caplog.set_level(logging.DEBUG)
    digest = Digest.of(LAYER)
    secrets = [given(user)['HTTP_AUTHORIZATION'].split()[1] for user in USERS] + [f'{user} knows' for user in USERS]
    for user in ('', *USERS):
        headers = bear(user or 'eve')['HTTP_AUTHORIZATION']
        secrets.append(headers.split()[1])
        for more in ({}, {'HTTP_AUTHORIZATION': headers}, {'HTTP_AUTHORIZATION': headers + 'x'}):
            url = ask(user, 'POST', '/v2/house/image/blobs/uploads/', **more).headers.get('Location', '/v2/')
            secrets += url.split('_state=')[1:]
            ask(user, 'PUT', f'{url}&digest={digest}', LAYER, **more)
            ask(user, 'GET', '/v2/_catalog', **more)
    assert caplog.text.count('/v2/house/image/blobs/uploads/') > 10
    for secret in secrets + list(HASHES.values()):
        assert secret not in caplog.text


def test_the_log_tells_who_was_refused(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert ask('eve', 'GET', '/v2/house/image/manifests/tag').status_code in (401, 403)
    assert ' eve "GET /v2/house/image/manifests/tag" ' in caplog.text


def test_a_name_cannot_write_a_line_of_its_own(bearer: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """CWE-117: the user's name comes from a token."""
    caplog.set_level(logging.INFO)
    name = 'eve\n2026-01-01T00:00:00Z 192.0.2.1 ann "GET /v2/" 200'
    more = {'HTTP_AUTHORIZATION': f'Bearer {token(grants("own/app", "pull"), sub=name)}'}
    assert bearer('', 'GET', '/v2/own/app/tags/list', **more).status_code == 404
    assert [len(record.getMessage().splitlines()) for record in caplog.records] == [1]
    assert ' ann ' not in caplog.text


# Create and update


@pytest.mark.parametrize('existing', [True, False])
@pytest.mark.parametrize('reference', ['latest', 'v1', 'v1.0-rc', 'by digest'])
@pytest.mark.parametrize('actions', ['pull', 'pull, push', 'pull, delete'])
def test_what_is_there_already_changes_no_right(
    actions: str, reference: str, existing: bool, tmp_path: Path, registry: Registry
) -> None:
    """CVE-2026-31801: who might only create could replace ``latest``."""
    client, before, after = Client(registry=registry), documents.image(LAYER), documents.image(LAYER, annotations={})
    if reference == 'by digest':
        before, reference = after, str(Digest.of(after))
    if existing:
        assert client.push('house/image', reference, before).status == 201
    ask = with_rules(f"- {{users: [ann], repositories: ['house/**'], actions: [{actions}]}}", tmp_path, registry)
    path = f'/v2/house/image/manifests/{reference}'
    may_push, may_delete = 'push' in actions, 'delete' in actions
    assert ask('ann', 'PUT', path, after, CONTENT_TYPE=OCI_MANIFEST).status_code == (201 if may_push else 403)
    is_there = existing or may_push
    assert ask('ann', 'GET', path).status_code == (200 if is_there else 404)
    assert ask('ann', 'DELETE', path).status_code == (403 if not may_delete else 202 if is_there else 404)
    assert client('GET', path).status == (200 if is_there and not may_delete else 404)
