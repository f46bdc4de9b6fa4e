"""How much each repository holds: what is its own, what it shares, and what nobody has.

Listings only: no object is read.  What is counted lies in a temporary database on disk, so that memory is bounded.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

from objreg.store import Store

_BATCH = 10_000


@dataclass(frozen=True)
class Usage:
    """Bytes, and how many blobs they are."""

    repository: str
    blobs: int
    own: int
    """Of blobs that no other repository has."""
    shared: int
    """Of blobs that others have as well: counted for each of them."""
    names: int
    """Of manifests, tags and all that is small."""

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return dict(vars(self))


@dataclass(frozen=True)
class Total:
    """Of the whole bucket, each blob once."""

    blobs: int
    size: int
    unreferenced: int
    """Bytes of blobs that no repository has: for the collector, or of pushes that run."""
    names: int

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return dict(vars(self))


def measure(store: Store) -> tuple[list[Usage], Total]:
    """What each repository holds, in the order of their names, and all of it together."""
    with tempfile.NamedTemporaryFile(suffix='.sqlite') as file, closing(sqlite3.connect(file.name)) as database:
        database.executescript(
            'PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;'
            'CREATE TABLE blob (digest TEXT PRIMARY KEY, size INTEGER) WITHOUT ROWID;'
            'CREATE TABLE member (digest TEXT, repository TEXT, PRIMARY KEY (digest, repository)) WITHOUT ROWID;'
            'CREATE TABLE small (repository TEXT, size INTEGER);'
        )
        _insert(database, 'INSERT OR REPLACE INTO blob VALUES (?, ?)', _blobs(store))
        for sql, lines in (
            ('INSERT OR IGNORE INTO member VALUES (?, ?)', _members(store)),
            ('INSERT INTO small VALUES (?, ?)', _small(store)),
        ):
            _insert(database, sql, lines)
        return _usages(database), _total(database)


def _insert(database: sqlite3.Connection, sql: str, lines: Iterator[tuple[Any, ...]]) -> None:
    while batch := list(islice(lines, _BATCH)):
        database.executemany(sql, batch)


def _blobs(store: Store) -> Iterator[tuple[str, int]]:
    for entry in store.list('blobs/', detail=True):
        yield entry.key.rpartition('/')[2], entry.size or 0


def _members(store: Store) -> Iterator[tuple[str, str]]:
    for entry in store.list('repositories/'):
        name, found, rest = entry.key.removeprefix('repositories/').rpartition('/_blobs/')
        if found:
            yield rest.rpartition('/')[2], name


def _small(store: Store) -> Iterator[tuple[str, int]]:
    """All that lies under the name of a repository, which no component with an underscore belongs to."""
    for entry in store.list('repositories/', detail=True):
        name = entry.key.removeprefix('repositories/').partition('/_')[0]
        yield name, entry.size or 0


def _usages(database: sqlite3.Connection) -> list[Usage]:
    found = database.execute(
        'WITH counted AS (SELECT digest, count(*) AS holders FROM member GROUP BY digest),'
        ' held AS (SELECT repository, count(*) AS blobs,'
        '  sum(CASE WHEN holders = 1 THEN size ELSE 0 END) AS own,'
        '  sum(CASE WHEN holders > 1 THEN size ELSE 0 END) AS shared'
        '  FROM member JOIN blob USING (digest) JOIN counted USING (digest) GROUP BY repository)'
        ' SELECT repository, coalesce(blobs, 0), coalesce(own, 0), coalesce(shared, 0), sum(size)'
        ' FROM small LEFT JOIN held USING (repository) GROUP BY repository ORDER BY repository'
    )
    return [Usage(*line) for line in found]


def _total(database: sqlite3.Connection) -> Total:
    blobs, size = database.execute('SELECT count(*), coalesce(sum(size), 0) FROM blob').fetchone()
    unreferenced, = database.execute(
        'SELECT coalesce(sum(size), 0) FROM blob WHERE digest NOT IN (SELECT digest FROM member)'
    ).fetchone()
    names, = database.execute('SELECT coalesce(sum(size), 0) FROM small').fetchone()
    return Total(blobs, size, unreferenced, names)
