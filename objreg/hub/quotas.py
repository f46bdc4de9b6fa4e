"""How much may lie in a namespace, as administrators say it."""

from __future__ import annotations

from objreg.hub import keys, records
from objreg.hub.records import Record
from objreg.store import Store


class Quota(Record, frozen=True):
    """Bytes that may lie in a namespace, each blob counted once; 0: as much as there is room for."""

    limit: int
    at: int = 0
    by: str = ''


class Quotas:
    """Those of one hub."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, namespace: str) -> Quota | None:
        """What is said of that namespace; None: nothing, so what the registry's own configuration says."""
        return records.find(self._store, keys.quota(namespace), Quota)

    def put(self, namespace: str, quota: Quota) -> None:
        """Say it."""
        self._store.put(keys.quota(namespace), quota.dump())

    def remove(self, namespace: str) -> None:
        """Say nothing of it any more."""
        self._store.delete([keys.quota(namespace)])
