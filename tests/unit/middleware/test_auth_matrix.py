"""Who may do what: every route and method, by every kind of user, against the registry itself."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from objreg.app import RegistryApp
from objreg.drivers.memory import MemoryStore
from objreg.manifest import SCHEMA_1
from objreg.middleware.ancestry import Ancestry
from objreg.middleware.auth import Auth
from objreg.middleware.dedup import Dedup
from objreg.names import Digest
from objreg.registry import Registry
from objreg.v1.image import EMPTY_DIGEST
from tests import documents
from tests.inprocess import Client
from tests.unit.middleware.calls import call
from tests.unit.middleware.keys import ISSUER, REALM, SERVICE, grants, token, write_jwks

LAYER = b'layer'
DIGEST = str(Digest.of(LAYER))
SECRET = b'only in private/image'
MANIFEST = documents.image(LAYER)

RULES = """
- {users: [anonymous], repositories: ['public/**'], actions: [pull]}
- {users: [reader], repositories: ['team/**'], actions: [pull]}
- {users: [writer], repositories: ['team/**'], actions: [pull, push]}
- {users: [owner], repositories: ['team/*'], actions: [pull, push, delete]}
"""
PULLS = [
    ('GET', 'manifests/tag'), ('HEAD', 'manifests/tag'), ('GET', f'blobs/{DIGEST}'), ('HEAD', f'blobs/{DIGEST}'),
    ('GET', 'tags/list'), ('HEAD', 'tags/list'), ('GET', f'referrers/{DIGEST}'),
    ('GET', f'blobs/{EMPTY_DIGEST}'), ('HEAD', f'blobs/{EMPTY_DIGEST}'),
]
PUSHES = [
    ('POST', 'blobs/uploads/'), ('POST', f'blobs/uploads/?digest={DIGEST}'), ('PUT', 'manifests/tag'),
    ('POST', f'blobs/uploads/?mount={DIGEST}&from=public/image'), ('PATCH', 'blobs/uploads/some-id'),
    ('PUT', f'blobs/uploads/some-id?digest={DIGEST}'), ('GET', 'blobs/uploads/some-id'),
    ('DELETE', 'blobs/uploads/some-id'), ('PATCH', 'manifests/tag'), ('BREW', 'manifests/tag'),
]
DELETES = [('DELETE', 'manifests/tag'), ('DELETE', f'blobs/{DIGEST}')]
RIGHTS: dict[str, dict[str, str]] = {
    'anonymous': {'public/image': 'pull'},
    'stranger': {'public/image': 'pull'},
    'reader': {'public/image': 'pull', 'team/image': 'pull', 'team/deep/image': 'pull'},
    'writer': {'public/image': 'pull', 'team/image': 'pull push', 'team/deep/image': 'pull push'},
    'owner': {'public/image': 'pull', 'team/image': 'pull push delete'},
}
REPOSITORIES = ['public/image', 'team/image', 'team/deep/image', 'team2/image', 'private/image']
HASHES = {user: bcrypt.hashpw(f'{user}-secret'.encode(), bcrypt.gensalt(4)).decode() for user in RIGHTS}


@pytest.fixture
def client() -> Client:
    """The registry without auth, with an image in each repository."""
    client = Client(MemoryStore())
    for name in REPOSITORIES:
        client.push_image(name, 'tag', LAYER)
    client.push_blob('private/image', SECRET)
    return client


def pipeline(shared: Registry, **options: Any) -> Auth:
    return Auth(Ancestry(Dedup(RegistryApp(shared), registry=shared), registry=shared), **options)


@pytest.fixture
def basic(tmp_path: Path, client: Client) -> Callable[..., Any]:
    """Makes a request as a user with a password."""
    (tmp_path / 'rules.yml').write_text(RULES)
    (tmp_path / 'htpasswd').write_text(''.join(f'{user}:{HASHES[user]}\n' for user in RIGHTS if user != 'anonymous'))
    layer = pipeline(
        client.registry, type='htpasswd', htpasswd=str(tmp_path / 'htpasswd'), rules=str(tmp_path / 'rules.yml')
    )

    def request(user: str, method: str, path: str, body: bytes = b'', **more: str) -> Any:
        given = base64.b64encode(f'{user}:{user}-secret'.encode()).decode()
        headers = {} if user == 'anonymous' else {'HTTP_AUTHORIZATION': f'Basic {given}'}
        return call(layer, path, method, body, **headers, **more)

    return request


@pytest.fixture
def bearer(tmp_path: Path, client: Client) -> Callable[..., Any]:
    """Makes a request as a user with a token that grants what the rules of the others say."""
    layer = pipeline(
        client.registry, type='token', realm=REALM, issuer=ISSUER, service=SERVICE,
        jwks=write_jwks(tmp_path / 'jwks'),
    )

    def request(user: str, method: str, path: str, body: bytes = b'', **more: str) -> Any:
        access = [grants(name, *rights.split()) for name, rights in RIGHTS[user].items()]
        sub = '' if user == 'anonymous' else user
        return call(layer, path, method, body, HTTP_AUTHORIZATION=f'Bearer {token(*access, sub=sub)}', **more)

    return request


@pytest.mark.parametrize('name', REPOSITORIES)
@pytest.mark.parametrize('user', RIGHTS)
@pytest.mark.parametrize('kind', ['basic', 'bearer'])
def test_the_matrix(request: pytest.FixtureRequest, kind: str, user: str, name: str) -> None:
    ask = request.getfixturevalue(kind)
    refused = 403 if kind == 'basic' and user != 'anonymous' else 401
    for action, requests in (('pull', PULLS), ('push', PUSHES), ('delete', DELETES)):
        for method, path in requests:
            answer = ask(user, method, f'/v2/{name}/{path}', LAYER if 'digest=' in path else b'')
            if action in RIGHTS[user].get(name, '').split():
                assert answer.status_code not in (401, 403), (method, path, answer.body)
            else:
                assert answer.status_code == refused, (method, path)
                assert answer.headers.get('WWW-Authenticate', '').startswith(
                    'Bearer realm=' if kind == 'bearer' else 'Basic realm=' if refused == 401 else ''
                )


@pytest.mark.parametrize('user', RIGHTS)
@pytest.mark.parametrize('kind', ['basic', 'bearer'])
def test_a_manifest_of_schema_1_takes_what_any_manifest_takes(
    request: pytest.FixtureRequest, kind: str, user: str,
) -> None:
    ask = request.getfixturevalue(kind)
    for name in REPOSITORIES:
        answer = ask(user, 'GET', f'/v2/{name}/manifests/tag', HTTP_ACCEPT=next(iter(SCHEMA_1)))
        if 'pull' in RIGHTS[user].get(name, ''):
            assert (answer.status_code, answer.json['errors'][0]['code']) == (404, 'MANIFEST_UNKNOWN')
            assert 'schema 1' in answer.json['errors'][0]['detail']  # its configuration says nothing of layers
        else:
            assert answer.status_code in (401, 403)


@pytest.mark.parametrize('kind', ['basic', 'bearer'])
def test_nothing_that_was_refused_was_done(request: pytest.FixtureRequest, kind: str, client: Client) -> None:
    ask, before = request.getfixturevalue(kind), [entry.key for entry in client.store.list('')]
    for user in ('anonymous', 'stranger', 'reader'):
        for method, path in PUSHES + DELETES:
            ask(user, method, f'/v2/private/image/{path}', LAYER if 'digest=' in path else MANIFEST)
        ask(user, 'PUT', '/v2/private/new/manifests/tag', MANIFEST)
        ask(user, 'POST', f'/v2/private/new/blobs/uploads/?mount={DIGEST}&from=public/image')
    assert [entry.key for entry in client.store.list('')] == before


def test_the_catalog_shows_a_user_what_he_may_pull(basic: Callable[..., Any]) -> None:
    assert basic('reader', 'GET', '/v2/_catalog').json == {
        'repositories': ['public/image', 'team/deep/image', 'team/image']
    }
    assert basic('owner', 'GET', '/v2/_catalog').json == {'repositories': ['public/image', 'team/image']}
    assert basic('anonymous', 'GET', '/v2/_catalog').json == {'repositories': ['public/image']}
    assert basic('stranger', 'GET', '/v2/_catalog?n=1').json == {'repositories': ['public/image']}


def test_the_base_asks_for_credentials(basic: Callable[..., Any], bearer: Callable[..., Any]) -> None:
    assert basic('anonymous', 'GET', '/v2/').status_code == 401
    assert basic('stranger', 'GET', '/v2/').status_code == 200
    assert bearer('stranger', 'GET', '/v2/').status_code == 200


@pytest.mark.parametrize('kind', ['basic', 'bearer'])
@pytest.mark.parametrize('source', ['&from=private/image', ''])
def test_no_mount_from_what_one_may_not_read(request: pytest.FixtureRequest, kind: str, source: str) -> None:
    """Whoever knows a digest does not get its bytes by it (CVE-2024-39897)."""
    ask, digest = request.getfixturevalue(kind), Digest.of(SECRET)
    assert ask('writer', 'POST', f'/v2/team/image/blobs/uploads/?mount={digest}{source}').status_code == 202
    assert ask('writer', 'GET', f'/v2/team/image/blobs/{digest}').status_code == 404


@pytest.mark.parametrize('kind', ['basic', 'bearer'])
def test_a_mount_from_what_one_may_read(request: pytest.FixtureRequest, kind: str) -> None:
    ask = request.getfixturevalue(kind)
    assert ask('writer', 'POST', f'/v2/team/image/blobs/uploads/?mount={DIGEST}&from=public/image').status_code == 201


def test_paths_outside_the_api_need_nothing(basic: Callable[..., Any]) -> None:
    for path in ('/', '/v2/x', '/favicon.ico'):
        assert basic('anonymous', 'GET', path).status_code == 404
    assert basic('anonymous', 'GET', '/v2/UPPER/manifests/x').status_code == 400
