import pytest
from objreg_sqlite import SqliteStore

from objreg.testing.contract import StoreContract


class TestSqlite(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        store = SqliteStore(path=str(tmp_path / 'objects.db'))
        store.setup()
        return store

    def another(self, store):
        return SqliteStore(path=store.path)

    def leftovers(self, store):
        with store.database('look') as db:
            return db.execute('SELECT id FROM parts').fetchall()
