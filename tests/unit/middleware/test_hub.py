"""The hub as a layer: its options, its paths, and the registry that trusts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from objreg import routes
from objreg.access import needed
from objreg.app import RESOURCES
from objreg.config import ConfigError
from objreg.drivers.memory import MemoryStore
from objreg.hub.api.operation import Needs
from objreg.hub.api.table import TABLE
from objreg.hub.policy import IN_TOKENS, Visibility
from objreg.manifest import OCI_MANIFEST
from objreg.middleware.hub import Hub
from objreg.names import Digest
from objreg.testing.fakes import FakeApp
from objreg.testing.faults import Fault, FaultyStore, always
from tests import documents
from tests.hubs import HOST, Site, claims
from tests.unit.middleware.calls import call

LAYER = b'a layer'
NAME = 'alice/app'


@pytest.fixture
def conf(tmp_path: Path, cheap_passwords: None) -> dict[str, str]:
    (tmp_path / 'stores.yml').write_text('default: {driver: memory}\nother: {driver: memory}\n')
    return {'here': str(tmp_path)}


# Options


@pytest.mark.parametrize(('options', 'problem'), [
    ({'visibility': 'secret'}, "^visibility: 'secret' is none of public, internal, private"),
    ({'algorithm': 'RS256'}, "^algorithm: 'RS256' is none of ES256, EdDSA"), ({'algorithm': 'HS256'}, '^algorithm: '),
    ({'key_days': 'ten'}, "^key_days: 'ten' is not a number of days"), ({'key_days': '0'}, '^key_days: .* from 1 to'),
    ({'key_days': 'nan'}, '^key_days: '), ({'refresh_days': '-1'}, '^refresh_days: '), ({'refresh_days': ''}, '^refr'),
    ({'lifetime': '1 s'}, '^lifetime: '), ({'lifetime': '1 hour'}, '^lifetime: '),
    ({'lifetime': 'long'}, 'is not like'),
    ({'services': ' '}, '^issuer and services'), ({'issuer': ''}, '^issuer and services'), ({'store': 'none'}, 'none'),
])
def test_an_option_that_makes_no_sense_stops_the_start(
    conf: dict[str, str], options: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        Hub(FakeApp(), conf, **options)


def test_the_options_are_what_tokens_say(tmp_path: Path, cheap_passwords: None) -> None:
    site = Site(
        tmp_path, hub='issuer = https://hub.example\nservices = one, two\nlifetime = 10 min\nalgorithm = EdDSA\n'
        'visibility = public\nrefresh_days = 1', auth='type = hub\nissuer = https://hub.example\nservice = two',
    )
    said = claims(site.token('', 'repository:bob/app:pull', service='two'))
    assert (said['iss'], said['aud'], said['exp'] - said['iat']) == ('https://hub.example', 'two', 600)
    assert said['access'], 'new repositories are public'
    assert site.hub.signing.jwks()['keys'][0]['alg'] == 'EdDSA'
    assert site.pull(site.token('', 'repository:bob/app:pull', service='two'), 'bob/app') == 404
    site.user('alice')
    site.as_user('alice', 'GET', '/token?service=one&offline_token=true')
    (held,) = site.hub.tokens.held_by('alice')
    assert held.token.expires - held.token.created == 86400 and held.token.service == 'one'


def test_layers_that_name_the_same_store_share_it(conf: dict[str, str]) -> None:
    one, other = Hub(FakeApp(), conf), Hub(FakeApp(), conf, store='other')
    assert Hub(FakeApp(), conf).registry is one.registry is not other.registry


# Paths


@pytest.mark.parametrize('path', [
    '/', '/v2/', '/v2/alice/app/tags/list', '/tokens', '/token/', '/TOKEN', '/api', '/api/v1', '/api/v2/me',
    '/.well-known/', '/.well-known/jwks.json/', '/livez', '/hub/signing',
])
def test_what_is_not_the_hubs_is_passed_on_as_it_came(conf: dict[str, str], path: str) -> None:
    app = FakeApp()
    layer = Hub(app, conf)
    call(layer, path)
    assert app.last['PATH_INFO'] == path and 'objreg.access' not in app.last


@pytest.mark.parametrize('path', ['/token', '/.well-known/jwks.json', '/api/v1/me', '/api/v1/nothing', '/api/v1/'])
def test_what_is_the_hubs_goes_no_further(conf: dict[str, str], path: str) -> None:
    app = FakeApp()
    assert call(Hub(app, conf), path).status_code in (200, 404)
    assert app.requests == []


def test_what_is_published_may_be_kept_for_a_minute(site: Site) -> None:
    for path, kind in (
        ('/.well-known/jwks.json', 'application/json'),
        ('/.well-known/objreg/certificates.pem', 'application/x-pem-file'),
    ):
        for method in ('GET', 'HEAD'):
            answer = site.ask(method, path)
            assert answer.status_code == 200 and answer.headers['Content-Type'] == kind
            assert answer.headers['Cache-Control'] == 'public, max-age=60'
        assert site.ask('POST', path).status_code == 405
        assert site.ask('POST', path).headers['Allow'] == 'GET, HEAD'
    denied = site.ask('GET', '/.well-known/objreg/denied.json')
    assert denied.json == {} and denied.headers['Cache-Control'] == 'no-store'


@pytest.mark.parametrize('path', [
    '/token?scope=repository:alice/app:pull', '/api/v1/users/alice', '/.well-known/jwks.json',
])
def test_a_store_that_does_not_answer_is_a_503(site: Site, path: str) -> None:
    pat = site.pat(site.user('alice'))
    broken = FaultyStore(MemoryStore(), always(Fault.UNAVAILABLE))
    for part in (site.hub.tokens, site.hub.accounts, site.hub.repositories, site.hub.signing, site.hub.authority):
        part._store = broken
    answer = site.ask('GET', path, authorization=f'Bearer {pat}' if 'api' in path else '')
    assert answer.status_code == 503 and answer.headers['Retry-After']
    assert b'hub/' not in answer.body, 'and says nothing of the inside'


# A registry that trusts it


def push(site: Site, token: str, name: str = NAME) -> list[int]:
    """A small image; the statuses."""
    found = []
    for data in (documents.CONFIG, LAYER):
        path = f'/v2/{name}/blobs/uploads/?digest={Digest.of(data)}'
        found.append(site.ask('POST', path, data, authorization=f'Bearer {token}').status_code)
    found.append(site.ask(
        'PUT', f'/v2/{name}/manifests/v1', documents.image(LAYER), authorization=f'Bearer {token}',
        CONTENT_TYPE=OCI_MANIFEST,
    ).status_code)
    return found


def pull(site: Site, token: str, name: str = NAME) -> list[int]:
    return [
        site.ask('GET', f'/v2/{name}/{path}', authorization=f'Bearer {token}' if token else '').status_code
        for path in ('manifests/v1', f'blobs/{Digest.of(LAYER)}', 'tags/list')
    ]


def test_from_the_first_login_to_a_pull_by_anybody(site: Site) -> None:
    """What ``docker login``, ``push`` and ``pull`` do, request by request."""
    site.user('alice')
    answer = site.ask('GET', '/v2/')
    assert answer.status_code == 401
    assert answer.headers['WWW-Authenticate'] == f'Bearer realm="http://{HOST}/token",service="registry"'
    assert site.ask('GET', '/v2/', authorization=f'Bearer {site.token("alice")}').status_code == 200

    answer = site.ask('POST', f'/v2/{NAME}/blobs/uploads/')
    assert answer.headers['WWW-Authenticate'] == (
        f'Bearer realm="http://{HOST}/token",service="registry",scope="repository:{NAME}:pull,push"'
    )
    assert push(site, site.token('alice', f'repository:{NAME}:pull,push')) == [201, 201, 201]
    assert pull(site, site.token('alice', f'repository:{NAME}:pull')) == [200, 200, 200]

    answer = site.ask('GET', f'/v2/{NAME}/manifests/v1')
    assert answer.status_code == 401
    assert answer.headers['WWW-Authenticate'] == (
        f'Bearer realm="http://{HOST}/token",service="registry",scope="repository:{NAME}:pull"'
    )
    nobodys = site.token('', f'repository:{NAME}:pull')
    assert pull(site, nobodys) == [401, 401, 401]
    answer = site.ask('GET', f'/v2/{NAME}/manifests/v1', authorization=f'Bearer {nobodys}')
    assert answer.headers['WWW-Authenticate'].endswith(',error="insufficient_scope"')

    site.hub.repositories.show(NAME, Visibility.PUBLIC, by='alice')
    assert pull(site, site.token('', f'repository:{NAME}:pull')) == [200, 200, 200]
    assert push(site, site.token('', f'repository:{NAME}:pull,push')) == [401, 401, 401]

    site.hub.repositories.show(NAME, Visibility.PRIVATE, by='alice')
    assert pull(site, site.token('', f'repository:{NAME}:pull')) == [401, 401, 401]


def test_a_layer_is_not_mounted_from_what_one_may_not_pull(site: Site) -> None:
    """CVE-2024-39897: the client asks for both scopes, and is granted one."""
    for user in ('alice', 'mallory'):
        site.user(user)
    assert push(site, site.token('alice', f'repository:{NAME}:pull,push')) == [201, 201, 201]
    path = f'/v2/mallory/app/blobs/uploads/?mount={Digest.of(LAYER)}&from={NAME}'
    scopes = ('repository:mallory/app:pull,push', f'repository:{NAME}:pull')
    assert site.ask('POST', path).headers['WWW-Authenticate'].endswith(f'scope="{" ".join(scopes)}"')
    token = site.token('mallory', *scopes)
    assert site.ask('POST', path, authorization=f'Bearer {token}').status_code == 202
    site.hub.repositories.show(NAME, Visibility.PUBLIC, by='')
    token = site.token('mallory', *scopes)
    assert site.ask('POST', path, authorization=f'Bearer {token}').status_code == 201


@pytest.mark.parametrize(('environ', 'realm'), [
    ({'wsgi.url_scheme': 'https'}, f'https://{HOST}/token'), ({'HTTP_HOST': 'other:5000'}, 'http://other:5000/token'),
    ({'HTTP_HOST': '[::1]:5000'}, 'http://[::1]:5000/token'), ({'SCRIPT_NAME': '/re gistry'}, f'http://{HOST}/re%20gistry/token'),
])
def test_the_challenge_leads_where_the_client_came(site: Site, environ: dict[str, str], realm: str) -> None:
    header = site.ask('GET', '/v2/', **environ).headers['WWW-Authenticate']
    assert header == f'Bearer realm="{realm}",service="registry"'


@pytest.mark.parametrize('host', ['a"b', 'a,b', 'a b', '', 'a/b', 'a@b', 'a\\b', 'x' * 99 + '!'])
def test_a_host_that_is_none_writes_nothing_into_the_challenge(site: Site, host: str) -> None:
    """CWE-113, CVE-2026-33540's ground: no realm of somebody else's choice."""
    answer = site.ask('GET', '/v2/', HTTP_HOST=host)
    assert answer.status_code == 400 and 'WWW-Authenticate' not in answer.headers


def test_the_realm_may_be_said(tmp_path: Path, cheap_passwords: None) -> None:
    site = Site(tmp_path, auth='type = hub\nrealm = https://hub.example/token\nservice = mine')
    assert site.ask('GET', '/v2/').headers['WWW-Authenticate'] == (
        'Bearer realm="https://hub.example/token",service="mine"'
    )


def test_a_hub_by_itself_has_no_registry(tmp_path: Path, cheap_passwords: None) -> None:
    site = Site(tmp_path, layers='errors limits hub nothing')
    assert site.ask('GET', '/token').status_code == 200
    assert site.ask('GET', '/v2/').status_code == 404


# All that there is has a row in a matrix

ROUTES: dict[str, dict[str, str]] = {
    '/v2/': {'GET': '', 'HEAD': '', 'POST': '', 'DELETE': ''},
    '/v2/_catalog': {'GET': 'catalog', 'HEAD': 'catalog', 'POST': 'catalog', 'DELETE': 'catalog'},
    '/v2/a/b/tags/list': {'GET': 'pull', 'HEAD': 'pull', 'POST': 'push', 'DELETE': 'delete'},
    '/v2/a/b/manifests/x': {'GET': 'pull', 'HEAD': 'pull', 'PUT': 'push', 'POST': 'push', 'DELETE': 'delete'},
    f'/v2/a/b/blobs/{Digest.of(b"")}': {'GET': 'pull', 'HEAD': 'pull', 'PUT': 'push', 'DELETE': 'delete'},
    '/v2/a/b/blobs/uploads/': {'GET': 'push', 'POST': 'push', 'DELETE': 'push'},
    '/v2/a/b/blobs/uploads/id': {'GET': 'push', 'PATCH': 'push', 'PUT': 'push', 'DELETE': 'push'},
    f'/v2/a/b/referrers/{Digest.of(b"")}': {'GET': 'pull', 'HEAD': 'pull', 'POST': 'push', 'DELETE': 'delete'},
}
OPERATIONS: dict[str, Needs] = {
    'list_trusts': Needs.OWNER, 'add_trust': Needs.OWNER, 'remove_trust': Needs.OWNER, 'list_webhooks': Needs.OWNER,
    'add_webhook': Needs.OWNER, 'remove_webhook': Needs.OWNER, 'test_webhook': Needs.OWNER,
    'list_attempts': Needs.OWNER,
    'list_users': Needs.ADMINISTRATOR, 'list_accounts': Needs.ADMINISTRATOR, 'list_keys': Needs.ADMINISTRATOR,
    'rotate_keys': Needs.ADMINISTRATOR, 'search_audit': Needs.ADMINISTRATOR,
    'search_audit_of_namespace': Needs.OWNER, 'who_am_i': Needs.NOTHING, 'add_user': Needs.ADMINISTRATOR,
    'show_user': Needs.ACCOUNT, 'change_user': Needs.SELF, 'set_password': Needs.SELF,
    'set_state': Needs.ADMINISTRATOR, 'delete_user': Needs.SELF, 'list_tokens': Needs.SELF, 'add_token': Needs.SELF,
    'revoke_token': Needs.SELF, 'show_settings': Needs.OWNER, 'put_settings': Needs.OWNER,
    'show_star': Needs.READER, 'add_star': Needs.READER, 'remove_star': Needs.READER, 'list_stars': Needs.SELF,
    'show_quota': Needs.OWNER, 'put_quota': Needs.ADMINISTRATOR, 'remove_quota': Needs.ADMINISTRATOR,
    'add_organisation': Needs.ACCOUNT, 'list_organisations': Needs.ACCOUNT, 'show_organisation': Needs.ACCOUNT,
    'change_organisation': Needs.OWNER, 'delete_organisation': Needs.OWNER, 'list_members': Needs.MEMBER,
    'put_member': Needs.OWNER, 'remove_member': Needs.OWNER, 'list_all_repositories': Needs.NOTHING,
    'list_repositories': Needs.NOTHING, 'show_repository': Needs.READER, 'change_repository': Needs.REPOSITORY,
    'list_collaborators': Needs.REPOSITORY, 'put_collaborator': Needs.REPOSITORY,
    'remove_collaborator': Needs.REPOSITORY, 'list_robots': Needs.OWNER, 'add_robot': Needs.OWNER,
    'show_robot': Needs.OWNER, 'delete_robot': Needs.OWNER, 'list_robot_tokens': Needs.OWNER,
    'add_robot_token': Needs.OWNER, 'revoke_robot_token': Needs.OWNER, 'sign_up': Needs.NOTHING,
    'add_invitation': Needs.ADMINISTRATOR, 'list_invitations': Needs.ADMINISTRATOR,
    'withdraw_invitation': Needs.ADMINISTRATOR, 'add_reset_code': Needs.ADMINISTRATOR,
    'reset_password': Needs.NOTHING, 'list_teams': Needs.MEMBER, 'add_team': Needs.OWNER, 'delete_team': Needs.OWNER,
    'put_team_member': Needs.OWNER, 'remove_team_member': Needs.OWNER, 'list_grants': Needs.MEMBER,
    'put_grant': Needs.OWNER, 'delete_grant': Needs.OWNER, 'log_in': Needs.NOTHING, 'show_session': Needs.NOTHING,
    'log_out': Needs.NOTHING, 'end_sessions': Needs.SELF, 'mail_reset_code': Needs.NOTHING,
    'prove_address': Needs.NOTHING, 'mail_address_code': Needs.SELF, 'make_first_administrator': Needs.NOTHING,
    'list_logins': Needs.NOTHING, 'list_links': Needs.SELF,
    'add_link': Needs.ADMINISTRATOR, 'remove_link': Needs.ADMINISTRATOR,
}
"""What each operation of the API needs, written a second time: who adds one says here whom he meant."""


def test_every_route_of_the_registry_is_in_the_matrix(site: Site) -> None:
    matched = {path: routes.match(path) for path in ROUTES}
    assert {route.resource for route in matched.values() if route} == set(RESOURCES), 'a new resource needs a row'
    for path, methods in ROUTES.items():
        route = matched[path]
        assert route is not None
        answered = RESOURCES[route.resource]
        verbs = {verb for verb in ('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE') if hasattr(answered, verb)}
        assert verbs <= set(methods), f'{path}: a new verb needs a row'
        for method, action in methods.items():
            assert needed(method, route) == (action, route.name), (method, path)
            assert action in ('', 'catalog', *IN_TOKENS)


@pytest.mark.parametrize('path', ROUTES)
def test_every_route_of_the_registry_asks_for_its_right(site: Site, path: str) -> None:
    """With each right alone, and with none: only the one that is needed opens it."""
    def token(kind: str, name: str, action: str) -> str:
        access = [{'type': kind, 'name': name, 'actions': [action]}] if action else []
        said = {'iss': 'objreg', 'aud': 'registry', 'sub': 'x', 'exp': 2**33, 'access': access}
        return site.hub.signing.sign(said)

    for method, action in ROUTES[path].items():
        assert site.ask(method, path).status_code == 401
        for right in ('', *IN_TOKENS):
            status = site.ask(method, path, authorization=f'Bearer {token("repository", "a/b", right)}').status_code
            assert (status == 401) is (action not in ('', right)), (method, right, status)
        status = site.ask(method, path, authorization=f'Bearer {token("registry", "catalog", "*")}').status_code
        assert (status == 401) is (action not in ('', 'catalog'))


def test_every_operation_of_the_api_is_in_the_matrix() -> None:
    assert {one.id: one.needs for one in TABLE} == OPERATIONS
    assert len(OPERATIONS) == len(TABLE), 'each has a name of its own'


def test_every_operation_is_described(site: Site) -> None:
    described: dict[str, Any] = site.ask('GET', '/api/v1/openapi.json').json
    found = {one['operationId'] for path in described['paths'].values() for one in path.values()}
    assert described['openapi'].startswith('3.1') and found == {one.id for one in TABLE}
