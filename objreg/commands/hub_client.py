"""How the commands of the hub reach it: on the bucket itself, by the ``paste.ini`` that is served, or over its API."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any
from urllib.parse import quote, urlencode

import click
import urllib3

from objreg import pipeline
from objreg.commands.failure import Failed
from objreg.commands.named import paste_file
from objreg.config import ConfigError
from objreg.http import Request
from objreg.hub.api.dispatch import OPERATOR
from objreg.hub.api.operation import PREFIX
from objreg.store import StoreError

_TIMEOUT = 60.0


class Client:
    """Calls operations of the API; a problem ends the command with one line."""

    def __init__(self, send: Callable[[str, str, bytes | None], tuple[int, bytes]]) -> None:
        self._send = send

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON that it answers; None where there is none.  Components of `path` must be quoted (`place`)."""
        asked = {name: value for name, value in query.items() if value not in (None, '')}
        target = f'{PREFIX}{path}{"?" if asked else ""}{urlencode(asked)}'
        status, data = self._send(method, target, None if body is None else json.dumps(body).encode())
        try:
            answer = json.loads(data) if data else None
        except ValueError:
            answer = {'detail': data[:200].decode(errors='replace')}
        if status >= 400:
            raise Failed(_told(status, answer))
        return answer

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """All that a list has, page after page."""
        after = None
        while after != '':
            page = self.call('GET', path, **query, after=after)
            yield from page['items']
            after = page['next']


def place(*parts: str) -> str:
    """A path of these components."""
    return ''.join(f'/{quote(part, safe="")}' for part in parts)


def connect(paste_ini: str, url: str, token: str) -> Client:
    """A client on the bucket, or, where a URL is given, over the API with that token."""
    if url:
        return Client(_over_http(url.rstrip('/'), token))
    return Client(_on_bucket(paste_ini))


def _on_bucket(paste_ini: str) -> Callable[[str, str, bytes | None], tuple[int, bytes]]:
    application = pipeline.load(paste_ini)
    layers = [layer for layer in pipeline.layers(application) if hasattr(layer, 'hub_app')]
    if not layers:
        raise ConfigError(f'{paste_ini}: there is no hub in this pipeline; give --url, or another file')
    pipeline.start(application)

    def send(method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        request = Request.blank(target, method=method, content_type='application/json')
        if body is not None:
            request.body_file, request.content_length = io.BytesIO(body), len(body)
        request.environ[OPERATOR] = True
        response = request.get_response(layers[0])
        body = response.body
        layers[0].flush()
        return response.status_code, body

    return send


def _over_http(url: str, token: str) -> Callable[[str, str, bytes | None], tuple[int, bytes]]:
    pool = urllib3.PoolManager(timeout=_TIMEOUT, retries=False)
    headers = {'Content-Type': 'application/json', 'Accept': 'application/json'}
    if token:
        headers['Authorization'] = f'Bearer {token}'

    def send(method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        try:
            answer = pool.request(method, url + target, body=body, headers=headers, redirect=False)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise Failed(f'{url}: {error}') from error
        return answer.status, answer.data

    return send


def _told(status: int, answer: Any) -> str:
    """What went wrong, of a problem document or of an error of the registry."""
    if isinstance(answer, dict):
        if 'detail' in answer:
            return str(answer['detail'])
        errors = answer.get('errors')
        if isinstance(errors, list) and errors and isinstance(errors[0], dict):
            return str(errors[0].get('message'))
    return f'the hub answers {status}'


def with_client(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the hub's commands, and a `Client` as its first argument."""
    @click.option('--config', 'paste_ini', type=click.Path(dir_okay=False), metavar='PASTE.INI',
                  help='The file that is served.  ./paste.ini, else the one that comes with objreg')
    @click.option('--url', default='', envvar='OBJREG_URL', metavar='URL',
                  help='Ask a hub that runs there, rather than the bucket.  OBJREG_URL')
    @click.option('--token', default='', envvar='OBJREG_TOKEN', metavar='TOKEN', show_envvar=False,
                  help='The token to ask it with; best in the environment.  OBJREG_TOKEN')
    @wraps(command)
    def run(paste_ini: str | None, url: str, token: str, **given: Any) -> Any:
        try:
            return command(connect(paste_file(paste_ini), url, token), **given)
        except (ConfigError, StoreError) as error:
            raise Failed(str(error)) from error

    return run
