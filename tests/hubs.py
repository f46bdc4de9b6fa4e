"""A registry with its hub, built from a ``paste.ini`` over a store in memory, and asked as clients ask it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from joserfc import jws

from objreg import pipeline
from objreg.http import Request, Response
from objreg.hub.records import Scope

HOST = 'hub.example'
LAYERS = 'errors proxy limits hub auth dedup registry'
_STORES = 'default: {driver: memory, cache: false, retry: false}\n'


def basic(login: str, secret: str) -> str:
    """The header of HTTP Basic."""
    return 'Basic ' + base64.b64encode(f'{login}:{secret}'.encode()).decode()


def claims(token: str) -> dict[str, Any]:
    """What a token says, whoever signed it."""
    found: dict[str, Any] = json.loads(jws.extract_compact(token.encode()).payload)
    return found


def granted(token: str) -> dict[str, list[str]]:
    """Actions by the names of repositories, as a token says them."""
    return {entry['name']: entry['actions'] for entry in claims(token)['access']}


def password(user: str) -> str:
    """That of a user of a `Site`."""
    return f'{user} has a secret'


class Site:
    """One node; `hub` and `auth` are lines of their sections."""

    def __init__(self, folder: Path, *, hub: str = '', auth: str = 'type = hub', layers: str = LAYERS) -> None:
        (folder / 'stores.yml').write_text(_STORES)
        said, end = {'hub': hub, 'auth': auth}, layers.rpartition(' ')[2]
        sections = [f'[filter:{name}]\nuse = egg:objreg#{name}\n{said.get(name, "")}' for name in layers.split()[:-1]]
        (folder / 'paste.ini').write_text('\n'.join([
            '[DEFAULT]\nstores = stores.yml', f'[pipeline:main]\npipeline = {layers}', *sections,
            f'[app:{end}]\nuse = egg:objreg#{end}\n',
        ]))
        self.application: Any = pipeline.load(str(folder / 'paste.ini'))
        pipeline.start(self.application)
        self.hub_app = next(one.hub_app for one in pipeline.layers(self.application) if hasattr(one, 'hub_app'))
        self.hub = self.hub_app.hub
        self.store = self.hub.store

    def layer(self, name: str) -> Any:
        """The layer whose class is called so."""
        return next(one for one in pipeline.layers(self.application) if type(one).__name__ == name)

    # Who there is

    def user(self, name: str, *, is_administrator: bool = False) -> str:
        """Somebody new, with `password`; his name."""
        self.hub.accounts.create(name, 'user')
        self.hub.accounts.set_password(name, password(name))
        if is_administrator:
            self.hub.accounts.make_administrator(name)
        return name

    def organisation(self, name: str, owner: str) -> str:
        """A new one; its name."""
        self.hub.accounts.create(name, 'organisation', by=owner)
        self.hub.organisations.add(name, owner, 'owner', by=owner)
        return name

    def pat(self, user: str, scopes: Iterable[Scope] | None = None, **more: Any) -> str:
        """A token of his own."""
        account = self.hub.accounts.find(user)
        return str(self.hub.tokens.issue('pat', user, account.id, scopes=scopes, **more))

    # What is asked

    def ask(self, method: str, path: str, body: bytes = b'', *, authorization: str = '', **environ: Any) -> Response:
        """One request of somebody from elsewhere; the answer, read."""
        given = {'REMOTE_ADDR': '192.0.2.7', 'HTTP_HOST': HOST, **environ}
        if authorization:
            given['HTTP_AUTHORIZATION'] = authorization
        answer = Request.blank(path, method=method, body=body, environ=given).get_response(self.application)
        answer.body  # noqa: B018 - reads it
        return answer

    def as_user(self, user: str, method: str, path: str, body: bytes = b'', **more: Any) -> Response:
        """The same of a user who gives his password; of nobody in particular for ''."""
        return self.ask(method, path, body, authorization=basic(user, password(user)) if user else '', **more)

    def api(
        self, user: str, method: str, path: str, document: Any = None, *, authorization: str = '', **more: Any
    ) -> Response:
        """A request to the API, by the password unless `authorization` says something else."""
        body = b'' if document is None else json.dumps(document).encode()
        header = authorization or (basic(user, password(user)) if user else '')
        return self.ask(
            method, f'/api/v1{path}', body, authorization=header, CONTENT_TYPE='application/json', **more
        )

    def form(self, **fields: Any) -> Response:
        """``POST /token``."""
        body = urlencode(fields, doseq=True).encode()
        return self.ask('POST', '/token', body, CONTENT_TYPE='application/x-www-form-urlencoded')

    def token(self, user: str, *scopes: str, secret: str = '', service: str = 'registry') -> str:
        """An access token by ``GET /token``."""
        query = urlencode({'service': service, 'scope': scopes}, doseq=True)
        header = basic(user, secret or password(user)) if user else ''
        answer = self.ask('GET', f'/token?{query}', authorization=header)
        assert answer.status_code == 200, answer.body
        text: str = answer.json['token']
        return text

    def pull(self, token: str, name: str) -> int:
        """The status of asking for the tags of a repository: 200 or 404 for whoever may pull."""
        return self.ask('GET', f'/v2/{name}/tags/list', authorization=f'Bearer {token}' if token else '').status_code
