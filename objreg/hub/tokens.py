"""Tokens that people, robots and clients hold: issued, found, revoked; shown once, kept as a hash."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from cachetools import LRUCache

from objreg.hub import credentials, keys, records
from objreg.hub.credentials import Credential
from objreg.hub.records import Scope, Token
from objreg.store import NotFound, Store

_REMEMBERED = 10_000


class Held(NamedTuple):
    """A token as it is shown to its holder: all but the secret."""

    id: str
    token: Token
    used: str = ''
    """The last day when it was used (``2026-01-31``); '' never."""


class Tokens:
    """Those of one hub."""

    def __init__(self, store: Store, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._noted: LRUCache[str, str] = LRUCache(_REMEMBERED)

    def issue(
        self, kind: Literal['pat', 'robot', 'refresh'], holder: str, account: str, *,
        scopes: Iterable[Scope] | None = None, seconds: float = 0, label: str = '', service: str = '',
    ) -> Credential:
        """A new token; `seconds` 0: it does not expire.  Two writes."""
        made, now = credentials.make(kind), int(self._now())
        record = Token(
            kind=kind, holder=holder, account=account, hash=made.hash, created=now,
            expires=now + int(seconds) if seconds else 0, scopes=None if scopes is None else tuple(scopes),
            label=label, service=service,
        )
        # the list first: a token that its holder does not see is one that he cannot revoke
        self._store.put(keys.held(holder, made.id), b'{}')
        self._store.put(keys.token(made.id), record.dump())
        return made

    def find(self, credential: Credential) -> Token | None:
        """What is kept of a token, unless it expired or was never one: one read."""
        record = records.find(self._store, keys.token(credential.id), Token)
        # a hash is compared in any case, so that the time tells nothing of which ids there are
        is_right = credential.is_of(record.hash if record else '0' * 64)
        if record is None or not is_right or record.kind != credential.kind:
            return None
        return None if record.expires and record.expires <= self._now() else record

    def note(self, id: str) -> None:
        """That it was used today: a write a day and node at most."""
        day = datetime.fromtimestamp(self._now(), UTC).date().isoformat()
        if self._noted.get(id) != day:
            self._store.put(keys.used_on(id, day), b'{}')
            self._noted[id] = day

    def held_by(self, holder: str) -> list[Held]:
        """All of somebody's, the oldest first."""
        prefix = keys.holder(holder)
        ids = [entry.key.removeprefix(prefix) for entry in self._store.list(prefix)]
        found = [held for id in ids if (held := self.look(id)) is not None and held.token.holder == holder]
        return sorted(found, key=lambda held: (held.token.created, held.id))

    def look(self, id: str) -> Held | None:
        """One of them by its id, expired or not."""
        try:
            token = records.read(self._store, keys.token(id), Token)
        except NotFound:
            return None
        days = [entry.key.removeprefix(keys.used(id)) for entry in self._store.list(keys.used(id))]
        return Held(id, token, max(days, default=''))

    def revoke(self, id: str, holder: str) -> None:
        """End it: no access token is given for it from now on."""
        self._store.delete([keys.token(id)])
        used = [entry.key for entry in self._store.list(keys.used(id))]
        self._store.delete([keys.held(holder, id), *used])

    def revoke_all(self, holder: str, kinds: Iterable[str] = ('pat', 'robot', 'refresh')) -> list[str]:
        """End all of somebody's of these kinds; their ids."""
        ended = [held.id for held in self.held_by(holder) if held.token.kind in kinds]
        for id in ended:
            self.revoke(id, holder)
        return ended
