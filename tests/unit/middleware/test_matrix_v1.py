"""Who may do what by the first version of the API: every route has a row here, and a new one without fails."""

from __future__ import annotations

from typing import Any

import pytest

from objreg.access import needed_v1
from objreg.hub.policy import IN_TOKENS, Visibility
from objreg.testing.fakes import FakeApp
from objreg.v1.routes import INDEX, METHODS, match_v1
from objreg.v1.tokens import GRANTED, Issuer
from tests.hubs import Site
from tests.unit.hub.index.clients import ONE, index
from tests.unit.middleware.calls import call

NAME = 'alice/app'
OPEN, PASSWORD = 'open', 'password'

ROUTES: dict[str, dict[str, str]] = {
    '/_ping': {'GET': '', 'PUT': ''},
    '/v1/_ping': {'GET': '', 'PUT': ''},
    '/v1/users/': {'GET': '', 'POST': '', 'PUT': ''},
    '/v1/users/alice/': {'PUT': '', 'GET': ''},
    '/v1/search': {'GET': 'catalog', 'POST': 'push'},
    f'/v1/repositories/{NAME}/': {'PUT': 'push', 'DELETE': 'delete'},
    f'/v1/repositories/{NAME}/images': {'GET': 'pull', 'PUT': 'push', 'DELETE': 'delete', 'POST': 'push'},
    f'/v1/repositories/{NAME}/auth': {'PUT': '', 'GET': ''},
    f'/v1/repositories/{NAME}/layer/{ONE}/access': {'GET': 'pull', 'PUT': 'push'},
    f'/v1/repositories/{NAME}/tags': {'GET': 'pull', 'DELETE': 'delete', 'PUT': 'push'},
    f'/v1/repositories/{NAME}/tags/x': {'GET': 'pull', 'PUT': 'push', 'DELETE': 'delete', 'POST': 'push'},
    f'/v1/repositories/{NAME}/tags/x/json': {'GET': 'pull', 'PUT': 'push'},
    f'/v1/repositories/{NAME}/json': {'GET': 'pull', 'DELETE': 'delete'},
    f'/v1/repositories/{NAME}/properties': {'GET': 'pull', 'PUT': 'delete'},
    f'/v1/images/{ONE}/json': {'GET': 'pull', 'PUT': 'push', 'DELETE': 'delete'},
    f'/v1/images/{ONE}/layer': {'GET': 'pull', 'PUT': 'push', 'POST': 'push'},
    f'/v1/images/{ONE}/checksum': {'PUT': 'push', 'GET': 'pull'},
    f'/v1/images/{ONE}/ancestry': {'GET': 'pull', 'PUT': 'push'},
    f'/v1/images/{ONE}/files': {'GET': 'pull', 'PUT': 'push'},
    f'/v1/images/{ONE}/diff': {'GET': 'pull', 'PUT': 'push'},
}
"""What each takes at the registry, written a second time: who adds one says here what he meant."""

STRANGER = {'': 401, 'mallory': 404, 'bob': 403, 'alice': 0, 'root2': 0}
"""Of a private repository of alice's: what nobody in particular, a stranger and somebody who may pull are told."""
READER = {**STRANGER, 'bob': 0}
ANYBODY = dict.fromkeys(STRANGER, 0)
KNOWN = {**ANYBODY, '': 401}
AT_INDEX: dict[tuple[str, str], dict[str, int]] = {
    ('ping', 'GET'): ANYBODY, ('users', 'GET'): KNOWN, ('users', 'POST'): ANYBODY,
    ('user', 'PUT'): {'': 401, 'mallory': 403, 'bob': 403, 'alice': 0, 'root2': 403},
    ('search', 'GET'): ANYBODY, ('repository', 'PUT'): STRANGER, ('repository', 'DELETE'): STRANGER,
    ('images', 'GET'): READER, ('images', 'PUT'): STRANGER, ('images', 'DELETE'): STRANGER,
    ('properties', 'GET'): READER, ('properties', 'PUT'): STRANGER,
    ('access', 'GET'): READER, ('auth', 'PUT'): dict.fromkeys(STRANGER, 401),  # a token is what it is about
}
"""What the index tells to whom, by password; 0: whatever comes of it, he is not refused."""


@pytest.fixture
def site(site: Site) -> Site:
    """Alice, whose repository bob may pull; mallory; and an administrator.  Behind `auth` is what answers anything."""
    for user in ('alice', 'bob', 'mallory'):
        site.user(user)
    site.user('root2', is_administrator=True)
    site.hub.repositories.show(NAME, Visibility.PRIVATE, by='')
    site.hub.repositories.invite(NAME, 'bob', 'read', by='alice')
    site.layer('Auth').app = FakeApp()
    return site


def test_every_route_is_in_the_matrix() -> None:
    found = {path: {method: match_v1(path, method) for method in methods} for path, methods in ROUTES.items()}
    known = {route.resource for methods in found.values() for route in methods.values() if route}
    assert known == set(METHODS), 'a new resource needs a row'
    for path, methods in found.items():
        for method, route in methods.items():
            assert route is not None, (method, path)
            assert set(route.methods) <= set(methods), f'{path}: a new verb needs a row'
            name = NAME if '/repositories/' in path else ''
            assert needed_v1(method, route) == (ROUTES[path][method], name), (method, path)
            if method == 'GET':
                assert needed_v1('HEAD', route) == needed_v1('GET', route)


def test_every_route_of_the_index_is_in_its_matrix(site: Site) -> None:
    served = {(resource, verb) for resource, verbs in site.hub_app.index._table.items() for verb in verbs}
    assert served == set(AT_INDEX), 'a new route needs a row'
    assert {resource for resource, _ in served} == {*INDEX, 'ping'}
    for resource, verb in served:
        assert verb in METHODS[resource]


@pytest.mark.parametrize('path', ROUTES)
def test_every_route_asks_for_its_right_at_the_registry(site: Site, path: str) -> None:
    """With each kind of token, of this repository and of another, and with none."""
    auth, issuer = site.layer('Auth'), Issuer(site.hub.signing, 'objreg', ['registry'], 60)
    for method, action in ROUTES[path].items():
        is_open = path.endswith('_ping')
        assert ask(auth, method, path) == (200 if is_open else 401)
        for access, actions in GRANTED.items():
            for name in (NAME, 'alice/other'):
                is_his = name == NAME or '/images/' in path
                is_granted = action == '' or (action in actions and is_his and action in IN_TOKENS)
                if path.startswith(('/v1/search', '/v1/users')) and action:
                    is_granted = False
                token = issuer.issue(name, access, subject='alice')
                status = ask(auth, method, path, f'Token {token}')
                assert status == (200 if is_open or is_granted else 401), (method, path, access, name)


def ask(auth: Any, method: str, path: str, authorization: str = '') -> int:
    given = {'HTTP_AUTHORIZATION': authorization} if authorization else {}
    return call(auth, path, method, **given).status_code


@pytest.mark.parametrize(('resource', 'method'), AT_INDEX)
def test_every_route_asks_for_its_right_at_the_index(site: Site, resource: str, method: str) -> None:
    path = next(path for path in ROUTES if (route := match_v1(path, method)) and route.resource == resource)
    body: Any = [] if resource in ('repository', 'images') else {}
    index(site, 'alice', 'PUT', f'repositories/{NAME}/', [{'id': ONE}])
    for user, status in AT_INDEX[resource, method].items():
        given = None if method == 'GET' else body
        answer = index(site, user, method, path.removeprefix('/v1/').removeprefix('/'), given)
        if status:
            assert answer.status_code == status, (user, method, path)
        else:
            assert answer.status_code not in (401, 403, 405, 500), (user, method, path, answer.body)
