"""``sqlite``: objects in the file ``path``, which ``objreg store setup`` makes; 1 GB each at most, SQLite's limit."""

import sqlite3
from contextlib import ExitStack, closing, contextmanager
from time import time
from uuid import uuid4

from objreg import store as api
from objreg.store import check_key, check_parts, chunks_of, roll_up

_SCHEMA = """
PRAGMA journal_mode = WAL;  -- whoever reads sees the objects as they were when he began
CREATE TABLE IF NOT EXISTS objects (id INTEGER PRIMARY KEY AUTOINCREMENT, key UNIQUE, modified, data);
CREATE TABLE IF NOT EXISTS parts (id INTEGER PRIMARY KEY AUTOINCREMENT, upload, number, written, data);
"""


class SqliteStore(api.Store):
    # a body is held in memory: so that is never more than this
    capabilities = api.Capabilities(conditional_put=True, min_part=1024**2, max_put=16 * 1024**2, local=True)

    def __init__(self, *, path: str) -> None:
        self.path = path

    @contextmanager
    def database(self, doing):
        try:
            with closing(sqlite3.connect(self.path, 30, 0, 'IMMEDIATE', check_same_thread=False)) as db, db:
                yield db
        except sqlite3.Error as error:
            kind = api.Unavailable if error.sqlite_errorcode & 0xff == sqlite3.SQLITE_BUSY else api.Refused
            raise kind(f'sqlite: {doing} in {self.path}: {error}') from error

    def get(self, key, start=0, end=None):
        with ExitStack() as stack:
            db = stack.enter_context(self.database(f'read {key!r}'))
            db.execute('BEGIN')  # what is found is still there when it is opened
            size, _, id = self.found(db, key)
            if start and start >= size:
                raise api.Refused(f'sqlite: {key}: {start} is beyond its end')
            data = stack.enter_context(db.blobopen('objects', 'data', int(id), readonly=True))
            data.seek(start)
            length = max(0, (size if end is None else min(end, size)) - start)
            return api.Content(chunks_of(data, length), length, close=stack.pop_all())

    def put(self, key, body, size=None, *, if_absent=False):
        check_key(key)
        row = key, time(), b''.join(chunks_of(body, size))
        taken = 'IGNORE' if if_absent else 'REPLACE'
        with self.database(f'write {key!r}') as db:
            if not db.execute(f'INSERT OR {taken} INTO objects VALUES (NULL, ?, ?, ?)', row).rowcount:
                raise api.Exists(f'sqlite: {key} is taken')

    def stat(self, key):
        with self.database(f'stat {key!r}') as db:
            return self.found(db, key)

    def delete(self, keys):
        with self.database('delete') as db:
            db.executemany('DELETE FROM objects WHERE key = ?', [(key,) for key in keys if check_key(key) is None])

    def page(self, prefix, after='', *, delimiter='', limit=1000, detail=False):
        query = 'SELECT key, length(data), modified FROM objects WHERE key >= ? AND key > ? ORDER BY key'
        with self.database(f'list {prefix!r}') as db:
            rows = (api.Entry(*row) for row in db.execute(query, (prefix, after)))
            return api.Page.of(roll_up(rows, prefix, after, delimiter), limit)

    def upload(self, key):
        check_key(key)
        return SqliteUpload(self, uuid4().hex)

    def resume(self, id):
        return SqliteUpload(self, id)

    def setup(self, *, rotate=False):
        with self.database('set up') as db:
            db.executescript(_SCHEMA)
        return super().setup()

    def sweep(self, seconds):
        with self.database('sweep') as db:
            return db.execute('DELETE FROM parts WHERE written < ?', (time() - seconds,)).rowcount

    def found(self, db, key):
        check_key(key)
        for size, modified, id in db.execute('SELECT length(data), modified, id FROM objects WHERE key = ?', (key,)):
            return api.Stat(size, modified, str(id))
        raise api.NotFound(f'sqlite: {key}: no such key')


class SqliteUpload(api.Upload):
    id = ''

    def __init__(self, store, id):
        self.database, self.id = store.database, id

    def part(self, number, body, size=None):
        row = self.id, number, time(), b''.join(chunks_of(body, size))
        with self.database('write a part') as db:
            id = db.execute('INSERT INTO parts VALUES (NULL, ?, ?, ?, ?)', row).lastrowid
        return api.Part(number, len(row[-1]), str(id))

    def finish(self, parts, key):
        check_key(key)
        check_parts(parts, f'sqlite: {key}')
        row = key, time(), sum(part.size for part in parts)
        query = 'SELECT data FROM parts WHERE upload = ? AND number = ? AND id = ?'
        with self.database(f'finish {key!r}') as db:
            id = db.execute('REPLACE INTO objects VALUES (NULL, ?, ?, zeroblob(?))', row).lastrowid
            with db.blobopen('objects', 'data', id) as data:
                for part in parts:
                    found = db.execute(query, (self.id, part.number, part.etag)).fetchone()
                    if not found:
                        raise api.Refused(f'sqlite: {key}: part {part.number} is not there')
                    data.write(found[0])
        self.abort()

    def abort(self):
        with self.database('abort') as db:
            db.execute('DELETE FROM parts WHERE upload = ?', (self.id,))
