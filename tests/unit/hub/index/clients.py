"""Docker as it was: what it sends to an index, and what it makes of the answers."""

from __future__ import annotations

import json
from typing import Any

from objreg.http import Response
from tests.hubs import Site

ONE, TWO = 'a' * 64, 'b' * 64
CHECKSUM = 'tarsum+sha256:' + 'c' * 64
USER_AGENT = 'docker/1.6.2 go/go1.4.2 kernel/3.16.0 os/linux arch/amd64'
WANTS_TOKEN = {'HTTP_X_DOCKER_TOKEN': 'true'}


def index(site: Site, user: str, method: str, path: str, document: Any = None, **more: Any) -> Response:
    """A request by password, of nobody in particular for ''."""
    body = b'' if document is None else json.dumps(document).encode()
    return site.as_user(user, method, f'/v1/{path}', body, HTTP_USER_AGENT=USER_AGENT, **more)


def by_token(site: Site, token: str, method: str, path: str, document: Any = None, **more: Any) -> Response:
    """A request by a token as the index gave it."""
    body = b'' if document is None else json.dumps(document).encode()
    return site.ask(method, f'/v1/{path}', body, authorization=f'Token {token}', **more)


def announce(site: Site, user: str, name: str, *ids: str, **more: Any) -> Response:
    """Begin a push."""
    images = [{'id': id, 'Tag': 'latest'} for id in ids]
    return index(site, user, 'PUT', f'repositories/{name}/', images, **WANTS_TOKEN, **more)


def push_token(site: Site, user: str, name: str, *ids: str) -> str:
    """The token of a push that begins."""
    answer = announce(site, user, name, *ids)
    assert answer.status_code == 200, answer.body
    token: str = answer.headers['X-Docker-Token']
    return token


def pull_token(site: Site, user: str, name: str) -> str:
    """The token of a pull."""
    answer = index(site, user, 'GET', f'repositories/{name}/images', **WANTS_TOKEN)
    assert answer.status_code == 200, answer.body
    token: str = answer.headers['X-Docker-Token']
    return token
