"""Answers that are known already, and changes of what somebody has seen."""

from __future__ import annotations

from typing import Any

import pytest

from objreg.http import Request, Response
from tests.unit.hub.api.world import World

SETTINGS = '/namespaces/acme'


def ask(world: World, method: str, path: str, body: bytes = b'', who: str = 'alice', **headers: str) -> Response:
    req = Request.blank(
        f'/api/v1{path}', method=method, body=body,
        headers={'Content-Type': 'application/json', 'Authorization': f'Bearer {world._tokens[who]}', **headers},
    )
    return req.get_response(world.layer)


def test_an_answer_that_is_known_is_not_sent_again(world: World) -> None:
    first = ask(world, 'GET', SETTINGS)
    tag = first.headers['ETag']
    for known in (tag, f'W/{tag}', f'"other", {tag}', '*'):
        again = ask(world, 'GET', SETTINGS, **{'If-None-Match': known})
        assert (again.status_code, again.body, again.headers['ETag']) == (304, b'', tag)
    assert ask(world, 'GET', SETTINGS, **{'If-None-Match': '"other"'}).status_code == 200
    assert ask(world, 'PUT', SETTINGS, b'{"visibility": "public"}').status_code == 200
    assert ask(world, 'GET', SETTINGS, **{'If-None-Match': tag}).headers['ETag'] != tag


def test_a_change_of_what_was_changed_since_is_refused(world: World) -> None:
    tag = ask(world, 'GET', SETTINGS).headers['ETag']
    assert ask(world, 'PUT', SETTINGS, b'{"members": "write"}', **{'If-Match': tag}).status_code == 200
    refused = ask(world, 'PUT', SETTINGS, b'{"members": "admin"}', **{'If-Match': tag})
    assert (refused.status_code, refused.json['type']) == (412, 'urn:objreg:problem:changed')
    assert ask(world, 'GET', SETTINGS).json['members'] == 'write'
    for weak in (f'W/{ask(world, "GET", SETTINGS).headers["ETag"]}', '', 'nonsense'):
        assert ask(world, 'PUT', SETTINGS, b'{}', **{'If-Match': weak}).status_code == 412


@pytest.mark.parametrize(('method', 'path', 'body', 'status'), [
    ('PATCH', '/repositories/acme/none', b'{"visibility": "public"}', 412),
    ('POST', '/organisations', b'{"name": "new"}', 412),
    ('POST', '/namespaces/acme/robots', b'{"name": "x", "scopes": [{"actions": ["pull"]}]}', 412),
    ('DELETE', '/namespaces/acme/quota', b'', 403),
    ('PUT', '/organisations/acme/teams/core/members/bob', b'', 400),
])
def test_what_cannot_be_compared_is_not_changed(world: World, method: str, path: str, body: bytes, status: int) -> None:
    assert ask(world, method, path, body, **{'If-Match': '"any"'}).status_code == status


def test_a_condition_tells_nothing_to_whom_it_is_not_for(world: World) -> None:
    asked: dict[str, Any] = {'who': 'eve', 'If-Match': '*'}
    assert ask(world, 'PUT', SETTINGS, b'{}', **asked).status_code == 403
    assert ask(world, 'GET', SETTINGS, who='eve', **{'If-None-Match': '*'}).status_code == 403
