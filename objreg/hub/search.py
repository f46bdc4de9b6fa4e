"""Finds repositories by words, for somebody, among those that he may pull from.

`Search` is what a search engine has to offer; `NameSearch` looks at the names alone.  What it knows of them a node
remembers for some seconds, so that a search costs the store nothing most of the time, and a repository that was made
private a moment ago may still be found by its name for as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple, Protocol

from cachetools import TTLCache

from objreg.hub import catalog, names, policy
from objreg.hub.authority import NOBODY, Identity
from objreg.hub.hub import Hub
from objreg.hub.policy import ANYBODY, Role, Subject
from objreg.hub.records import Namespace

KEEP = 10.0
"""Seconds for which names, and who sees them, are remembered."""
MOST_NAMES = 200_000
LOOK = 1000
"""Matches whose rights are looked at by one search; each that is not public costs a read or two."""
_AT_ONCE = 50


@dataclass(frozen=True)
class Reader:
    """For whom to search.  `also` is one repository that he may read besides; `sees_all`: he may read all."""

    identity: Identity = NOBODY
    also: str = ''
    sees_all: bool = False


class Result(NamedTuple):
    """A repository.  What one is `is_official` is for the administrators: it is in `library`."""

    name: str
    description: str = ''
    is_official: bool = False
    star_count: int = 0


class Found(NamedTuple):
    """A page of results, how many of all pages were counted, and whether there are more than that."""

    results: list[Result]
    total: int
    more: bool


class Search(Protocol):
    """What the index asks."""

    def find(self, words: str, reader: Reader, limit: int, page: int) -> Found:
        """The page of that number, from 1, of what has all of the words; all there is without any."""


class NameSearch:
    """All words are in the name, in any case; the best first, and then by name."""

    def __init__(self, hub: Hub, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._clock = clock
        self._names: Sequence[str] = ()
        self._looked = float('-inf')
        self._lock = Lock()
        self._shown: TTLCache[str, policy.Repository] = TTLCache(20 * LOOK, KEEP, clock)
        self._settings: TTLCache[str, Namespace] = TTLCache(LOOK, KEEP, clock)
        self._cached = Lock()

    def find(self, words: str, reader: Reader, limit: int, page: int) -> Found:
        """See `Search`; no more than `LOOK` matches are looked at."""
        words = words.lower().strip()
        wanted = words.split()
        matching = [name for name in self._current() if all(word in _spelt(name) for word in wanted)]
        matching.sort(key=lambda name: _rank(name, words))
        found: list[str] = []
        for start in range(0, min(len(matching), LOOK), _AT_ONCE):
            found += self._readable(matching[start:start + _AT_ONCE], reader)
            if len(found) > limit * page:  # one more tells that there is more
                break
        shown = [Result(name, is_official='/' not in name) for name in found[limit * (page - 1):limit * page]]
        return Found(shown, min(len(found), limit * page), len(found) > limit * page)

    def _readable(self, some: Sequence[str], reader: Reader) -> list[str]:
        """Those of them that he may pull from, in their order."""
        if reader.sees_all:
            return list(some)
        spaces = list({names.namespace(name) for name in some})
        settings = dict(zip(spaces, self._hub.each(self._settings_of, spaces), strict=True))
        subjects = dict.fromkeys(spaces, ANYBODY)
        if reader.identity.name:
            found = self._hub.each(lambda space: self._hub.authority.subject(reader.identity, space), spaces)
            subjects = dict(zip(spaces, found, strict=True))

        def is_readable(name: str) -> bool:
            space = names.namespace(name)
            return name == reader.also or self._may_read(subjects[space], name, settings[space])

        readable = self._hub.each(is_readable, some)
        return [name for name, is_his in zip(some, readable, strict=True) if is_his]

    def _may_read(self, subject: Subject, name: str, settings: Namespace) -> bool:
        with self._cached:
            repository = self._shown.get(name)
        if repository is None:
            repository = self._hub.repositories.find(name, settings=settings)
            with self._cached:
                self._shown[name] = repository
        # in this order: the last one reads
        return policy.may(ANYBODY, 'pull', repository) or policy.may(subject, 'pull', repository) or (
            bool(subject.name) and self._hub.authority.role(subject, repository) >= Role.READ
        )

    def _settings_of(self, namespace: str) -> Namespace:
        with self._cached:
            settings = self._settings.get(namespace)
        if settings is None:
            settings = self._hub.repositories.settings(namespace)
            with self._cached:
                self._settings[namespace] = settings
        return settings

    def _current(self) -> Sequence[str]:
        """All names, as of some seconds ago; who comes while another reads them takes those from before."""
        if self._clock() - self._looked >= KEEP and self._lock.acquire(blocking=not self._names):
            try:
                if self._clock() - self._looked >= KEEP:
                    self._names, self._looked = self._read(), self._clock()
            finally:
                self._lock.release()
        return self._names

    def _read(self) -> list[str]:
        """A list call for each thousand."""
        found: list[str] = []
        after, more = '', True
        while more and len(found) < MOST_NAMES:
            page = catalog.page(self._hub.store, '', after, 1000)
            found += page.names
            after, more = page.last, bool(page.last)
        return found


def _spelt(name: str) -> str:
    """The name as it is looked at: ``library/app`` finds ``app``."""
    return name if '/' in name else f'{names.LIBRARY}/{name}'


def _rank(name: str, words: str) -> tuple[bool, bool, bool, bool, str]:
    """What is called exactly so comes first, and then what the administrators own."""
    return name != words, name.rpartition('/')[2] != words, '/' in name, not name.startswith(words), name
