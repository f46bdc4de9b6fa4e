"""Remembers small objects that never change their content, for a while: manifests, memberships, catalog markers.

It is off, unless it is asked for (``cache: true``), where the store is a folder of this machine.

Options, under ``cache:`` of a store in ``stores.yml`` (``cache: false`` switches it off):

``memory = 64 MiB``
    The most that is kept, by each process.
``seconds = 60``
    How long something is believed without asking the store.  Such objects never change, but another node may delete
    them: so long it may be served here at most.
``tag_seconds = 0``
    The same for tags, which do change.  0: every pull by tag asks the store.

Nothing else is kept: no content of layers, no listings, and never that something is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from threading import Lock

from cachetools import TLRUCache

from objreg import keys as layout
from objreg.store import Body, Origin, Part, Store, Upload
from objreg.wrap.base import WrappedStore, WrappedUpload

MEMORY = 64 * 1024**2
SECONDS = 60.0
_OVERHEAD = 500
"""About what an entry costs besides its bytes, its key included, as measured with tracemalloc."""
_DELETED = b''
"""Kept in place of what was deleted here, so that no hint brings it back; nothing that is kept is empty."""


class CachedStore(WrappedStore):
    """Answers reads of what it knows."""

    def __init__(
        self, inner: Store, *, memory: int = MEMORY, seconds: float = SECONDS, tag_seconds: float = 0.0,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._seconds = seconds
        self._tag_seconds = tag_seconds
        self._largest = min(memory // 4, memory - _OVERHEAD)
        self._lock = Lock()
        self._kept: TLRUCache[str, bytes] = TLRUCache(
            memory, ttu=lambda key, _, now: now + self._seconds_of(key), timer=timer,
            getsizeof=lambda data: len(data) + _OVERHEAD,
        )
        self._reading: dict[str, object] = {}

    def _seconds_of(self, key: str) -> float:
        if layout.is_immutable(key):
            return self._seconds
        return self._tag_seconds if self._tag_seconds and layout.is_tag(key) else 0.0

    def known(self, key: str) -> bytes | None:
        with self._lock:
            return self._kept.get(key) or None

    def read(self, key: str) -> bytes:
        if not self._seconds_of(key):
            return self.inner.read(key)
        data = self.known(key)
        if data is not None:
            return data
        reading = self._begin(key)
        try:
            data = self.inner.read(key)
        except BaseException:
            self._end(key, reading, None)
            raise
        self._end(key, reading, data)
        return data

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        if not self._seconds_of(key):
            self.inner.put(key, body, size, if_absent=if_absent)
            return
        self._forget(key)
        writing = self._begin(key)
        try:
            self.inner.put(key, body, size, if_absent=if_absent)
        except BaseException:
            self._end(key, writing, None)
            raise
        self._end(key, writing, body if isinstance(body, bytes) else None)

    def remember(self, key: str, data: bytes) -> None:
        if self._seconds_of(key) and data:
            with self._lock:
                if key not in self._kept and len(data) <= self._largest:
                    self._kept[key] = data

    def delete(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        deleted = [key for key in keys if self._seconds_of(key)]
        try:
            self.inner.delete(keys)
        finally:
            for key in deleted:
                self._forget(key, deleted=True)

    def copy(self, source: str, target: str) -> None:
        try:
            self.inner.copy(source, target)
        finally:
            self._forget(target)

    def take(self, origin: Origin, target: str) -> bool:
        try:
            return self.inner.take(origin, target)
        finally:
            self._forget(target)

    def upload(self, key: str) -> Upload:
        return _ForgettingUpload(self.inner.upload(key), self._forget)

    def resume(self, id: str) -> Upload:
        return _ForgettingUpload(self.inner.resume(id), self._forget)

    def _begin(self, key: str) -> object:
        """What is read or written now is kept only if nobody else writes or deletes it meanwhile."""
        token = object()
        with self._lock:
            self._reading[key] = token
        return token

    def _end(self, key: str, token: object, data: bytes | None) -> None:
        with self._lock:
            if self._reading.get(key) is token:
                del self._reading[key]
                if data and len(data) <= self._largest:
                    self._kept[key] = data

    def _forget(self, key: str, *, deleted: bool = False) -> None:
        with self._lock:
            self._reading.pop(key, None)
            self._kept.pop(key, None)
            if deleted and self._largest >= 0:
                self._kept[key] = _DELETED


class _ForgettingUpload(WrappedUpload):
    """What it ends as is another object than before."""

    def __init__(self, inner: Upload, forget: Callable[[str], None]) -> None:
        super().__init__(inner)
        self._forget = forget

    def finish(self, parts: Sequence[Part], key: str) -> None:
        try:
            self.inner.finish(parts, key)
        finally:
            self._forget(key)
