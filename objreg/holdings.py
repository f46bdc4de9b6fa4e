"""How much a namespace holds: every blob and manifest of its repositories, each once, however many of them have it.

What a repository holds is what it may serve: blobs that no manifest names (yet) are of it, too, until they are deleted
or collected.  Counting lists all that lies under the names of the namespace, and reads each manifest, and each
membership of a blob that no manifest names.  What was counted lies in a temporary database on disk meanwhile, so that
memory is bounded.

The last count of each namespace lies in the bucket (``system/usage/<namespace>``), for all nodes; it may be deleted.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from typing import TypeVar

import msgspec

from objreg import descriptor, keys
from objreg import manifest as manifests
from objreg.descriptor import Descriptor, Malformed
from objreg.errors import ManifestInvalid
from objreg.hub import catalog, names
from objreg.registry import Registry
from objreg.store import NotFound, Store

_BATCH = 200
_PAGE = 1000
One = TypeVar('One')


class Stopped(Exception):
    """Nobody wants the count any more."""


class Holding(msgspec.Struct, frozen=True):
    """A count: bytes, of how many blobs and manifests, when it began (seconds since the epoch), how long it took.

    `level` is what was told of its quota last, in percent: 0 is nothing.
    """

    bytes: int
    objects: int
    at: float
    seconds: float
    level: int = 0

    def at_level(self, level: int) -> Holding:
        """The same, after that was told."""
        return msgspec.structs.replace(self, level=level)


def last(store: Store, namespace: str) -> Holding | None:
    """The last count, if there is one that can be read: one call."""
    try:
        return msgspec.json.decode(store.read(keys.usage(namespace)), type=Holding)
    except (NotFound, msgspec.DecodeError):
        return None


def keep(store: Store, namespace: str, holding: Holding) -> None:
    """Let other nodes know."""
    store.put(keys.usage(namespace), msgspec.json.encode(holding))


def count(
    registry: Registry, namespace: str, now: float, *, is_stopped: Callable[[], bool] = lambda: False
) -> Holding:
    """Count what is there `now` (seconds since the epoch); raises `Stopped` soon after `is_stopped` says so."""
    started = time.monotonic()

    def batches(items: Iterable[One]) -> Iterator[list[One]]:
        left = iter(items)
        while batch := list(islice(left, _BATCH)):
            if is_stopped():
                raise Stopped
            yield batch

    with tempfile.NamedTemporaryFile(suffix='.sqlite') as file, closing(sqlite3.connect(file.name)) as database:
        database.executescript(
            'PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;'
            'CREATE TABLE sized (digest TEXT PRIMARY KEY, size INTEGER) WITHOUT ROWID;'
            'CREATE TABLE member (digest TEXT PRIMARY KEY, key TEXT) WITHOUT ROWID;'
        )
        for batch in batches(_keys(registry.store, namespace)):
            members = [(str(digest), key) for key in batch if (digest := keys.parse_membership(key))]
            database.executemany('INSERT OR IGNORE INTO member VALUES (?, ?)', members)
            read = registry.each(partial(_sized_by, registry.store), filter(keys.is_manifest, batch))
            sized = [(str(one.digest), one.size) for found in read for one in found]
            database.executemany('INSERT OR IGNORE INTO sized VALUES (?, ?)', sized)
        objects, size = database.execute('SELECT count(*), coalesce(sum(size), 0) FROM sized').fetchone()
        for batch in batches(database.execute('SELECT key FROM member WHERE digest NOT IN (SELECT digest FROM sized)')):
            blobs = [blob for blob in registry.each(partial(_blob, registry.store), batch) if blob is not None]
            objects += len(blobs)
            size += sum(blob.size for blob in blobs)
    return Holding(size, objects, now, round(time.monotonic() - started, 3))


def _keys(store: Store, namespace: str) -> Iterator[str]:
    """Every key under the names of a namespace, and maybe others between them."""
    yield from (entry.key for entry in store.list(keys.repository(f'{namespace}/')))
    if namespace == names.LIBRARY:
        after, more = '', True
        while more:
            page = catalog.page(store, namespace, after, _PAGE)
            for name in page.names:
                for prefix in (keys.manifests(name), keys.memberships(name)):
                    yield from (entry.key for entry in store.list(prefix))
            after, more = page.last, bool(page.last)


def _sized_by(store: Store, key: str) -> list[Descriptor]:
    """A manifest and the blobs that it names; nothing if it is gone, or cannot be read."""
    try:
        stored = descriptor.load(store.read(key))
        named = manifests.of_stored(stored).blobs
    except (NotFound, Malformed, ManifestInvalid):
        return []
    return [stored, *(blob for blob in named if not manifests.is_elsewhere(blob))]


def _blob(store: Store, line: tuple[str]) -> Descriptor | None:
    """What a membership says; None if it is gone, or cannot be read."""
    try:
        return descriptor.load(store.read(line[0]))
    except (NotFound, Malformed):
        return None
