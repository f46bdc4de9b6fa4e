"""What an image changes of its ancestors: which files it makes, changes and deletes.

The layers of an image may have a million files each; so what is known of them lies in a temporary database on disk.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing

from objreg.v1.files import File
from objreg.v1.tar_reader import NotTar

MOST_DELETED = 200_000
"""Paths that all the layers of an image delete; they are held in memory."""
_KINDS = ('deleted', 'changed', 'created')


def diff(own: Iterable[File], ancestors: Iterable[Iterable[File]]) -> Iterator[bytes]:
    """``{"deleted": {path: …}, "changed": {…}, "created": {…}}`` as JSON; each file without its path.

    `ancestors` are their files, the parent's first.  What was in a folder that the image clears is deleted.
    Raises `NotTar` where more is deleted than `MOST_DELETED`.
    """
    with tempfile.NamedTemporaryFile(suffix='.sqlite') as file, closing(sqlite3.connect(file.name)) as database:
        database.executescript(
            'PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;'
            'CREATE TABLE own (path TEXT PRIMARY KEY, kind TEXT, info TEXT) WITHOUT ROWID;'
            'CREATE TABLE gone (path TEXT PRIMARY KEY) WITHOUT ROWID;'
        )
        cleared = _put_own(database, own)
        covered = _Paths()
        for files in ancestors:
            _look(database, files, cleared, covered)
        database.execute("UPDATE own SET kind = 'created' WHERE kind IS NULL")
        yield from _dump(database)


class _Paths:
    """A set of paths, of which it holds hashes."""

    def __init__(self) -> None:
        self._hashes: set[int] = set()

    def __contains__(self, path: str) -> bool:
        return hash(path) in self._hashes

    def add(self, path: str) -> None:
        """This one too."""
        self._hashes.add(hash(path))
        self._check()

    def join(self, other: _Paths) -> None:
        """Those of the other too."""
        self._hashes |= other._hashes
        self._check()

    def _check(self) -> None:
        if len(self._hashes) > MOST_DELETED:
            raise NotTar(f'more than {MOST_DELETED} files are deleted')

    def are_above(self, path: str) -> bool:
        """Whether one of them is a folder above that path."""
        while self._hashes and path != '/':
            path = path.rpartition('/')[0] or '/'
            if path in self:
                return True
        return False


def _put_own(database: sqlite3.Connection, files: Iterable[File]) -> _Paths:
    """Put down the files of the image; which folders it clears."""
    cleared = _Paths()
    for file in files:
        if file.cleared:
            cleared.add(file.cleared)
        else:
            database.execute(
                'INSERT OR REPLACE INTO own VALUES (?, ?, ?)',
                (_key(file.path), 'deleted' if file.is_deleted else None, json.dumps(file[1:])),
            )
    return cleared


def _look(database: sqlite3.Connection, files: Iterable[File], cleared: _Paths, covered: _Paths) -> None:
    """Settle what this ancestor tells.

    `covered` are the paths that nearer ancestors deleted or cleared, of which it tells nothing; then its own, too.
    """
    more = _Paths()
    for file in files:
        if file.cleared:
            more.add(file.cleared)
            continue
        if file.is_deleted:
            more.add(file.path)
        if file.path in covered or covered.are_above(file.path):
            continue
        kind = 'created' if file.is_deleted else 'changed'
        database.execute('UPDATE own SET kind = ? WHERE path = ? AND kind IS NULL', (kind, _key(file.path)))
        if cleared.are_above(file.path):
            _clear(database, file)
    covered.join(more)


def _clear(database: sqlite3.Connection, file: File) -> None:
    """An ancestor has it in a folder that the image clears: the nearest one says whether it was there."""
    try:
        database.execute('INSERT INTO gone VALUES (?)', (_key(file.path),))
    except sqlite3.IntegrityError:
        return
    if not file.is_deleted:
        told = json.dumps(file._replace(is_deleted=True)[1:])
        database.execute("INSERT OR IGNORE INTO own VALUES (?, 'deleted', ?)", (_key(file.path), told))


def _key(path: str) -> str:
    """The path as a database can hold it, whatever bytes it is of."""
    return json.dumps(path)


def _dump(database: sqlite3.Connection) -> Iterator[bytes]:
    for number, kind in enumerate(_KINDS):
        yield f'{"," if number else "{"}"{kind}":{{'.encode()
        before = ''
        for path, info in database.execute('SELECT path, info FROM own WHERE kind = ? ORDER BY path', (kind,)):
            yield f'{before}{path}:{info}'.encode()
            before = ','
        yield b'}'
    yield b'}'
