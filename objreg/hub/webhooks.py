"""Webhooks: who is told of what, and what he is told.

Signed as Standard Webhooks has it (https://www.standardwebhooks.com, version 1): the headers ``webhook-id``,
``webhook-timestamp`` and ``webhook-signature``, an HMAC-SHA256 of ``<id>.<timestamp>.<body>``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from cachetools import TTLCache
from msgspec import Meta

from objreg.auth import rules
from objreg.config import Network
from objreg.hub import keys, names, outbound, policy, records
from objreg.hub.records import Pattern, Record
from objreg.store import Store

EventKind = Literal['push', 'delete', 'visibility', 'quota', 'test']
_PREFIX = 'whsec_'
_REMEMBERED, _SECONDS = 1000, 60.0
"""Namespaces whose webhooks are remembered, and how long: a push need not ask for each tag."""


class Webhook(Record, frozen=True):
    """Somebody who is told.  `secret` signs, so it is kept as it is; it is shown once."""

    url: str
    secret: str
    events: Annotated[tuple[EventKind, ...], Meta(min_length=1, max_length=5)] = ('push', 'delete', 'visibility')
    repositories: Annotated[tuple[Pattern, ...], Meta(min_length=1, max_length=50)] = ('**',)
    form: Literal['standard', 'cloudevents'] = 'standard'
    created: int = 0
    by: str = ''

    def __post_init__(self) -> None:
        for pattern in self.repositories:
            rules.pattern(pattern)

    def wants(self, event: Event) -> bool:
        """Whether he is told of that."""
        about = bool(event.of) or any(policy.matches(pattern, event.repository) for pattern in self.repositories)
        return event.kind == 'test' or (event.kind in self.events and about)


class Event(Record, frozen=True):
    """What happened to a repository, or to a namespace as a whole: then `repository` is ''.

    `data` is what more there is to say: tag, digest, media type.
    """

    id: str
    kind: EventKind
    repository: str
    at: int
    by: str = ''
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    of: str = ''
    """The namespace, where no repository says it."""

    @property
    def namespace(self) -> str:
        """Whose webhooks are told."""
        return self.of or names.namespace(self.repository)


class Message(NamedTuple):
    """An event as it is sent."""

    body: bytes
    headers: dict[str, str]


class Webhooks:
    """Those of one hub.  `allowed` are private networks that may be sent to."""

    def __init__(self, store: Store, allowed: Sequence[Network] = (), *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self.allowed = allowed
        self._now = now
        self._found: TTLCache[str, dict[str, Webhook]] = TTLCache(_REMEMBERED, _SECONDS)

    def add(self, namespace: str, hook: Webhook) -> str:
        """Tell somebody from now on; the id.  Raises `outbound.NotAllowed`."""
        outbound.check_url(hook.url, self.allowed)
        id = secrets.token_hex(8)
        self._store.put(keys.webhook(namespace, id), hook.dump())
        self._found.pop(namespace, None)
        return id

    def find(self, namespace: str, id: str) -> Webhook | None:
        """One of them."""
        return records.find(self._store, keys.webhook(namespace, id), Webhook)

    def of(self, namespace: str) -> dict[str, Webhook]:
        """All of a namespace's, by id: one list call, and a read each."""
        prefix = keys.webhooks(namespace)
        ids = [entry.key.removeprefix(prefix) for entry in self._store.list(prefix)]
        found = {id: self.find(namespace, id) for id in ids}
        return {id: hook for id, hook in found.items() if hook is not None}

    def remove(self, namespace: str, id: str) -> None:
        """Tell him nothing more."""
        self._store.delete([keys.webhook(namespace, id)])
        self._found.pop(namespace, None)

    def event(self, kind: EventKind, repository: str, *, by: str = '', of: str = '', **data: Any) -> Event:
        """Something that happened now, to a repository, or (`of`) to a namespace."""
        return Event(f'msg_{secrets.token_hex(12)}', kind, repository, int(self._now()), by, data, of)

    def wanting(self, event: Event) -> dict[str, Webhook]:
        """Who is told of it, by id: as of some seconds ago."""
        hooks = self._found.get(event.namespace)
        if hooks is None:
            hooks = self._found[event.namespace] = self.of(event.namespace)
        return {id: hook for id, hook in hooks.items() if hook.wants(event)}


def new_secret() -> str:
    """What signs, as Standard Webhooks writes it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def message(hook: Webhook, event: Event, now: float) -> Message:
    """The event as this one is to get it, signed."""
    at = datetime.fromtimestamp(event.at, UTC).isoformat().replace('+00:00', 'Z')
    about, name = ('namespace', event.of) if event.of else ('repository', event.repository)
    said = {about: name, 'by': event.by, **event.data}
    if hook.form == 'cloudevents':
        document = {
            'specversion': '1.0', 'id': event.id, 'source': '/objreg', 'type': f'objreg.{about}.{event.kind}',
            'subject': name, 'time': at, 'datacontenttype': 'application/json', 'data': said,
        }
        kind = 'application/cloudevents+json'
    else:
        document = {'type': f'{about}.{event.kind}', 'timestamp': at, 'data': said}
        kind = 'application/json'
    body, second = json.dumps(document).encode(), str(int(now))
    key = base64.b64decode(hook.secret.removeprefix(_PREFIX))
    mac = hmac.digest(key, b'.'.join([event.id.encode(), second.encode(), body]), hashlib.sha256)
    return Message(body, {
        'Content-Type': kind, 'webhook-id': event.id, 'webhook-timestamp': second,
        'webhook-signature': f'v1,{base64.b64encode(mac).decode()}',
    })
