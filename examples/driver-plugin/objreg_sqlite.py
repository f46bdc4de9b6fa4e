"""``sqlite``: objects in a SQLite database.  Option ``path``: its file, which ``objreg store setup`` makes."""

import sqlite3
from contextlib import ExitStack, closing, contextmanager
from secrets import token_hex
from time import time

from objreg import store as api
from objreg.store import CHUNK, Refused, check_key, chunks_of

_SCHEMA = """
PRAGMA journal_mode = WAL;  -- whoever reads sees the database as it was when he began
CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, content TEXT, size INT, modified REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pieces (content TEXT, start INT, data BLOB, written REAL, PRIMARY KEY (content, start));
CREATE TRIGGER IF NOT EXISTS deleted AFTER DELETE ON objects BEGIN DELETE FROM pieces WHERE content = old.content; END;
CREATE TRIGGER IF NOT EXISTS replaced AFTER UPDATE ON objects BEGIN DELETE FROM pieces WHERE content = old.content; END;
"""
_FIND = 'SELECT content, size, modified FROM objects WHERE key = ?'
_NEXT = 'SELECT key, size, modified FROM objects WHERE key >= ? AND key > ? ORDER BY key'
_READ = 'SELECT start, data FROM pieces WHERE content = ? AND start + length(data) > ? AND start < ? ORDER BY start'
_CREATE = 'INSERT INTO objects VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING'
_REPLACE = _CREATE.replace('NOTHING', 'UPDATE SET content = ?2, size = ?3, modified = ?4')
_ADD = 'INSERT INTO pieces VALUES (?, ?, ?, ?)'
_MOVE = 'UPDATE pieces SET content = ?, start = ? WHERE content = ?'
_FORGET = "DELETE FROM pieces WHERE content > ?1 || '/' AND content < ?1 || '0'"
_SWEEP = 'DELETE FROM pieces WHERE written < ? AND content NOT IN (SELECT content FROM objects)'


class SqliteStore(api.Store):
    # a body is held in memory: so that is never more than this
    capabilities = api.Capabilities(conditional_put=True, min_part=1024**2, max_put=16 * 1024**2, local=True)

    def __init__(self, *, path: str) -> None:
        self.path = path

    @contextmanager
    def transaction(self, doing, begin='BEGIN IMMEDIATE'):
        try:
            with closing(sqlite3.connect(self.path, 30, isolation_level=None, check_same_thread=False)) as db:
                db.execute(begin)
                with db:
                    yield db
        except sqlite3.Error as error:
            kind = api.Unavailable if error.sqlite_errorcode & 0xff == sqlite3.SQLITE_BUSY else Refused
            raise kind(f'sqlite: {doing} in {self.path}: {error}') from error

    def get(self, key, start=0, end=None):
        with ExitStack() as stack:
            db = stack.enter_context(self.transaction(f'read {key!r}', 'BEGIN'))
            content, size, _ = self._row(db, key)
            end = size if end is None else min(end, size)
            if start and start >= size:
                raise Refused(f'sqlite: {key}: {start} is beyond its end')
            pieces = (data[max(0, start - at):end - at] for at, data in db.execute(_READ, (content, start, end)))
            chunks = (piece[at:at + CHUNK] for piece in pieces for at in range(0, len(piece), CHUNK))
            return api.Content(chunks, max(0, end - start), close=stack.pop_all())

    def put(self, key, body, size=None, *, if_absent=False):
        check_key(key)
        data, content = b''.join(chunks_of(body, size)), token_hex()
        with self.transaction(f'write {key!r}') as db:
            if not db.execute(_CREATE if if_absent else _REPLACE, (key, content, len(data), time())).rowcount:
                raise api.Exists(f'sqlite: {key} is taken')
            db.execute(_ADD, (content, 0, data, time()))

    def stat(self, key):
        with self.transaction(f'stat {key!r}', 'BEGIN') as db:
            content, size, modified = self._row(db, key)
        return api.Stat(size, modified, content)

    def delete(self, keys):
        named = [(key,) for key in keys if check_key(key) is None]
        with self.transaction('delete') as db:
            db.executemany('DELETE FROM objects WHERE key = ?', named)

    def page(self, prefix, after='', *, delimiter='', limit=1000, detail=False):
        least, entries = prefix, []
        with self.transaction(f'list {prefix!r}', 'BEGIN') as db:
            while len(entries) <= limit:
                row = db.execute(_NEXT, (least, after)).fetchone()
                if not row or not row[0].startswith(prefix):
                    return api.Page(entries, False)
                rolled, found, _ = row[0][len(prefix):].partition(delimiter or '\0')
                entry = api.Entry(prefix + rolled + found) if found else api.Entry(*row)
                if entry.key > after:
                    entries.append(entry)
                if found:
                    least = prefix + rolled + chr(ord(found) + 1)  # beyond all that is rolled up with it
                else:
                    after = entry.key
        return api.Page(entries[:limit], True)

    def upload(self, key):
        check_key(key)
        return SqliteUpload(self, token_hex())

    def resume(self, id):
        return SqliteUpload(self, id)

    def setup(self, *, rotate=False):
        with self.transaction('set up', '') as db:
            db.executescript(_SCHEMA)
        return super().setup()

    def sweep(self, seconds):
        with self.transaction('sweep') as db:
            return db.execute(_SWEEP, (time() - seconds,)).rowcount

    def _row(self, db, key):
        check_key(key)
        for row in db.execute(_FIND, (key,)):
            return row
        raise api.NotFound(f'sqlite: {key}: no such key')


class SqliteUpload(api.Upload):
    id = ''

    def __init__(self, store, id):
        self.store, self.id = store, id

    def part(self, number, body, size=None):
        data, mark = b''.join(chunks_of(body, size)), token_hex()
        with self.store.transaction('write a part') as db:
            db.execute(_ADD, (f'{self.id}/{number}/{mark}', 0, data, time()))
        return api.Part(number, len(data), mark)

    def finish(self, parts, key):
        check_key(key)
        content, size = token_hex(), 0
        with self.store.transaction(f'finish {key!r}') as db:
            for number, part in enumerate(parts, 1):
                moved = db.execute(_MOVE, (content, size, f'{self.id}/{number}/{part.etag}')).rowcount
                if part.number != number or not moved:
                    raise Refused(f'sqlite: {key}: part {number} is not there, or not in its place')
                size += part.size
            if not parts:
                raise Refused(f'sqlite: {key}: no parts')
            db.execute(_REPLACE, (key, content, size, time()))
            db.execute(_FORGET, (self.id,))

    def abort(self):
        with self.store.transaction('abort') as db:
            db.execute(_FORGET, (self.id,))
