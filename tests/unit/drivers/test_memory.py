"""The `memory` driver keeps every promise of a store."""

from __future__ import annotations

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.testing.contract import StoreContract


class TestContract(StoreContract):
    """The contract of every store."""

    takes = True

    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    def leftovers(self, store: MemoryStore) -> list[str]:
        return [*store._objects, *store._keys, *store._parts]
