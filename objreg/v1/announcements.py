"""Which images somebody is about to push to which repository, as he said when he began.

A client that sends its password with each request names no repository when it sends an image: what it announced before
tells.  Kept for each user and repository, and of no use when the push is over.
"""

from __future__ import annotations

import time

import msgspec

from objreg import keys
from objreg.sessions import Recent
from objreg.store import NotFound, Store


class Announced(msgspec.Struct, frozen=True):
    """The images of one push."""

    repository: str
    ids: tuple[str, ...]
    at: float


class Announcements:
    """Those of one registry."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: Recent[str] = Recent()

    def add(self, subject: str, repository: str, ids: list[str]) -> None:
        """Somebody is about to push these."""
        said = Announced(repository, tuple(ids), time.time())
        self._store.put(keys.announcement(subject, repository), msgspec.json.encode(said))
        for id in ids:
            self._known[subject, id] = repository

    def find(self, subject: str, id: str) -> str:
        """The repository that somebody announced an image for, the last if there are several; '' for none."""
        known = self._known.get((subject, id))
        if known:
            return known
        found = [self._read(entry.key) for entry in self._store.list(keys.announcements(subject))]
        said = [one for one in found if one is not None and id in one.ids]
        if not said:
            return ''
        latest = max(said, key=lambda one: one.at)
        for each in latest.ids:
            self._known[subject, each] = latest.repository
        return latest.repository

    def _read(self, key: str) -> Announced | None:
        try:
            return msgspec.json.decode(self._store.read(key), type=Announced)
        except (NotFound, msgspec.DecodeError):
            return None
