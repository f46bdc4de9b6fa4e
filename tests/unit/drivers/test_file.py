"""The `file` driver keeps every promise of a store, and those that a folder needs besides."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from objreg.drivers.file import FileStore
from objreg.testing.contract import StoreContract


def tree(root: str | Path) -> list[str]:
    """All that is in a folder, directories too."""
    return sorted(
        os.path.relpath(os.path.join(folder, name), root)
        for folder, folders, files in os.walk(root) for name in (*folders, *files)
    )


class TestContract(StoreContract):
    """The contract of every store."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[FileStore]:
        store = FileStore(str(tmp_path / 'root'), sync=False)
        yield store
        store.close()

    def another(self, store: FileStore) -> FileStore:
        return FileStore(store.root, sync=False)

    def leftovers(self, store: FileStore) -> list[str]:
        return [name for name in tree(store.root) if name != '.staging']
