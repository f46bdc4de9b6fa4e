"""The first version of the API at a registry without a hub beside: passwords, or the tokens of a hub elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from objreg.access import access_of, repository_of
from objreg.auth.keysets import KeysUnavailable
from objreg.auth.v1 import TokenGate
from objreg.http import Request
from objreg.middleware.auth import Auth
from objreg.testing.fakes import FakeApp
from objreg.v1.errors import V1Error
from tests.hubs import Site, basic
from tests.unit.hub.index.clients import ONE, push_token
from tests.unit.middleware.calls import call


@pytest.fixture
def standalone(tmp_path: Path) -> tuple[Auth, FakeApp]:
    """A registry without a hub: ann may do everything in `house`, eve may pull there."""
    lines = [f'{user}:{bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()}' for user in ('ann', 'eve')]
    (tmp_path / 'htpasswd').write_text('\n'.join(lines))
    (tmp_path / 'rules').write_text(
        "- {users: [ann], repositories: ['house/**'], actions: [pull, push, delete]}\n"
        "- {users: [eve], repositories: ['house/**'], actions: [pull]}\n"
    )
    app = FakeApp()
    return Auth(app, type='htpasswd', htpasswd=str(tmp_path / 'htpasswd'), rules=str(tmp_path / 'rules')), app


def test_a_registry_by_itself_asks_for_the_password_with_each_request(standalone: tuple[Auth, FakeApp]) -> None:
    layer, app = standalone
    for user, allowed in (('', ()), ('eve', ('GET',)), ('ann', ('GET', 'PUT', 'DELETE'))):
        given = {'HTTP_AUTHORIZATION': basic(user, 'secret')} if user else {}
        for method in ('GET', 'PUT', 'DELETE'):
            answer = call(layer, '/v1/repositories/house/app/tags/x', method, **given)
            assert answer.status_code == (200 if method in allowed else 403 if user else 401)
        for method in ('GET', 'PUT'):  # of which repository is for the layer behind to ask
            assert call(layer, f'/v1/images/{ONE}/json', method, **given).status_code == (200 if user else 401)
            if user:
                access = access_of(app.last)
                assert access.may('push', 'house/app') is (user == 'ann') and not access.may('pull', 'other/app')
                assert repository_of(access) == ''
        assert call(layer, '/v1/users/', **given).status_code == (200 if user else 401)
    for header in ('', basic('ann', 'wrong'), 'Token signature=x,repository="house/app",access=read', 'Bearer x'):
        answer = call(layer, '/v1/repositories/house/app/tags', HTTP_AUTHORIZATION=header)
        assert answer.status_code == 401 and answer.json == {'error': 'Requires authorization'}
        assert answer.headers['WWW-Authenticate'].startswith('Basic realm="objreg"')
    for path in ('/_ping', '/v1/_ping'):
        assert call(layer, path).status_code == 200


def test_a_registry_elsewhere_verifies_by_itself(site: Site, tmp_path: Path) -> None:
    """By the hub's keys, for its service alone."""
    (tmp_path / 'jwks').write_text(json.dumps(site.hub.signing.jwks()))
    token = push_token(site, site.user('alice'), 'alice/app')

    def elsewhere(**more: Any) -> int:
        said = {'type': 'token', 'realm': 'https://hub.example/token', 'issuer': 'objreg', 'service': 'registry'}
        layer = Auth(FakeApp(), **{**said, 'jwks': str(tmp_path / 'jwks'), **more})
        return call(layer, '/v1/repositories/alice/app/tags', HTTP_AUTHORIZATION=f'Token {token}').status_code

    assert elsewhere() == 200
    assert elsewhere(service='other') == 401
    assert elsewhere(issuer='other') == 401


def test_keys_that_cannot_be_read_are_not_taken_for_a_wrong_token() -> None:
    class Gone:
        def verify(self, text: str) -> None:
            raise KeysUnavailable('x')

    gate = TokenGate(Gone())  # type: ignore[arg-type]
    with pytest.raises(V1Error, match='not known') as caught:
        gate.who(Request.blank('/'))
    assert caught.value.response().status_code == 503
