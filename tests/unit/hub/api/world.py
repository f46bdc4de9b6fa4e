"""A hub over a store in memory, and people who ask its API as they would over HTTP."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from objreg import keys, nothing
from objreg.drivers.memory import MemoryStore
from objreg.http import Request
from objreg.hub.api.dispatch import OPERATOR
from objreg.hub.api.operation import PREFIX
from objreg.hub.records import Scope
from objreg.middleware.hub import Hub
from objreg.registry import Registry
from objreg.store import Store


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    data: Any

    @property
    def kind(self) -> str:
        """What the problem is called."""
        return str(self.data['type']).removeprefix('urn:objreg:problem:')


class World:
    """One hub.  `store` is looked at by tests, and changed behind the hub's back."""

    def __init__(self, store: Store | None = None, **options: str) -> None:
        self.store = store or MemoryStore()
        self.registry = Registry(self.store)
        with patch('objreg.middleware.hub.open_registry', return_value=self.registry):
            self.layer = Hub(nothing.factory({}), {}, **options)
        self.hub = self.layer.hub_app.hub
        self._tokens: dict[str, str] = {'': ''}

    def user(self, *users: str, administrator: bool = False) -> None:
        """People with a token each, and no password, whose hash takes long."""
        for name in users:
            account = self.hub.accounts.create(name, 'user')
            if administrator:
                self.hub.accounts.make_administrator(name)
            self._tokens[name] = str(self.hub.tokens.issue('pat', name, account.id))

    def scoped(self, user: str) -> str:
        """A token of somebody's that may do everything with repositories, and nothing else; who asks by it."""
        account = self.hub.accounts.find(user)
        assert account is not None
        scope = Scope(('pull', 'push', 'delete'))
        name = f'{user} by a token'
        self._tokens[name] = str(self.hub.tokens.issue('pat', user, account.id, scopes=[scope]))
        return name

    def know(self, who: str, token: str) -> None:
        """Ask as `who` by that token from now on."""
        self._tokens[who] = token

    def organisation(self, name: str, owner: str, **members: str) -> None:
        """An organisation with members, by their role."""
        assert self.ask(owner, 'POST', '/organisations', {'name': name}).status == 201
        for user, role in members.items():
            assert self.ask(owner, 'PUT', f'/organisations/{name}/members/{user}', {'role': role}).status == 200

    def repository(self, *names: str, visibility: str = '') -> None:
        """Repositories, as the registry notes them."""
        for name in names:
            self.store.put(keys.catalog(name), b'{}')
            if visibility:
                assert self.operator('PATCH', f'/repositories/{name}', {'visibility': visibility}).status == 200

    def ask(self, who: str, method: str, path: str, body: Any = None) -> Answer:
        """One request of somebody; of nobody in particular by ''."""
        headers = {'Authorization': f'Bearer {self._tokens[who]}'} if who else {}
        return self._send(method, path, body, headers, {})

    def basic(self, login: str, password: str, method: str, path: str, body: Any = None) -> Answer:
        """One request by a name and a password."""
        encoded = b64encode(f'{login}:{password}'.encode()).decode()
        return self._send(method, path, body, {'Authorization': f'Basic {encoded}'}, {})

    def operator(self, method: str, path: str, body: Any = None) -> Answer:
        """One request by whoever has the bucket."""
        return self._send(method, path, body, {}, {OPERATOR: True})

    def _send(
        self, method: str, path: str, body: Any, headers: dict[str, str], environ: dict[str, Any]
    ) -> Answer:
        data = b'' if body is None else json.dumps(body).encode()
        req = Request.blank(
            PREFIX + path, method=method, body=data, headers={'Content-Type': 'application/json', **headers},
            environ={'REMOTE_ADDR': '192.0.2.7', **environ},
        )
        response = req.get_response(self.layer)
        text = response.body
        return Answer(response.status_code, json.loads(text) if text else None)
