"""``memory``: objects in the memory of one process, for tests and for trying things out.

Nothing survives the process and no other process sees it.  It promises all that a store can promise, so it is also
the measure of the contract suite, and what the wrapping stores are tested on.

It has no options.

Example::

    scratch:
      driver: memory
"""

from __future__ import annotations

import bisect
import itertools
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from objreg.store import (
    CHUNK,
    Body,
    Capabilities,
    Content,
    Entry,
    Exists,
    NotFound,
    Origin,
    Page,
    Part,
    Refused,
    Stat,
    Store,
    Upload,
    check_key,
    check_parts,
    chunks_of,
)


@dataclass(frozen=True, slots=True)
class _Object:
    data: bytes
    modified: float
    etag: str


class MemoryStore(Store):
    """A dictionary of objects and the sorted list of its keys, behind one lock."""

    capabilities = Capabilities(conditional_put=True)

    def __init__(self) -> None:
        self._objects: dict[str, _Object] = {}
        self._keys: list[str] = []
        self._parts: dict[str, dict[str, tuple[int, bytes]]] = {}
        self._lock = threading.RLock()
        self._etags = itertools.count(1)

    def _find(self, key: str) -> _Object:
        check_key(key)
        try:
            return self._objects[key]
        except KeyError:
            raise NotFound(key) from None

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        data = self._find(key).data
        if start and start >= len(data):
            raise Refused(f'{key}: byte {start} is beyond the end')
        stop = len(data) if end is None else min(end, len(data))
        steps = range(start, stop, CHUNK)
        return Content((data[at:min(at + CHUNK, stop)] for at in steps), max(0, stop - start))

    def read(self, key: str) -> bytes:
        return self._find(key).data

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        check_key(key)
        self._write(key, _whole(body, size), if_absent=if_absent)

    def _write(self, key: str, data: bytes, *, if_absent: bool = False) -> None:
        made = _Object(data, time.time(), f'{next(self._etags):x}')
        with self._lock:
            if key not in self._objects:
                bisect.insort(self._keys, key)
            elif if_absent:
                raise Exists(key)
            self._objects[key] = made

    def stat(self, key: str) -> Stat:
        found = self._find(key)
        return Stat(len(found.data), found.modified, found.etag)

    def delete(self, keys: Iterable[str]) -> None:
        doomed = list(keys)
        for key in doomed:
            check_key(key)
        with self._lock:
            gone = {key for key in doomed if self._objects.pop(key, None)}
            if len(gone) == 1:
                del self._keys[bisect.bisect_left(self._keys, gone.pop())]
            elif gone:
                self._keys = [key for key in self._keys if key not in gone]

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        with self._lock:
            return Page.of(self._names(prefix, after, delimiter), limit)

    def _names(self, prefix: str, after: str, delimiter: str) -> Iterator[Entry]:
        """The lines of a listing; Python orders strings as their UTF-8 bytes are ordered."""
        at = max(bisect.bisect_left(self._keys, prefix), bisect.bisect_right(self._keys, after))
        while at < len(self._keys) and self._keys[at].startswith(prefix):
            key = self._keys[at]
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                yield Entry(key, len(self._objects[key].data), self._objects[key].modified)
                at += 1
                continue
            group = key[:cut + 1]
            if group > after:
                yield Entry(group)
            at = bisect.bisect_left(self._keys, key[:cut] + chr(ord(delimiter) + 1), at)

    def take(self, origin: Origin, target: str) -> bool:
        if not isinstance(origin.store, MemoryStore):
            return super().take(origin, target)
        check_key(target)
        self._write(target, origin.store.read(origin.key))
        return True

    def upload(self, key: str) -> Upload:
        return self.resume(secrets.token_hex(16))

    def resume(self, id: str) -> Upload:
        return _MemoryUpload(self, id)


def _whole(body: Body, size: int | None) -> bytes:
    if isinstance(body, bytes) and size in (None, len(body)):
        return body
    return b''.join(chunks_of(body, size))


class _MemoryUpload(Upload):
    def __init__(self, store: MemoryStore, id: str) -> None:
        self._store = store
        self._id = id

    @property
    def id(self) -> str:
        return self._id

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        data = _whole(body, size)
        etag = secrets.token_hex(8)
        with self._store._lock:
            self._store._parts.setdefault(self._id, {})[etag] = (number, data)
        return Part(number, len(data), etag)

    def finish(self, parts: Sequence[Part], key: str) -> None:
        check_key(key)
        with self._store._lock:
            written = self._store._parts.get(self._id, {})
            check_parts(parts, key)
            found = [written.get(part.etag, (0, b'')) for part in parts]
            if any((part.number, part.size) != (number, len(data))
                   for part, (number, data) in zip(parts, found, strict=True)):
                raise Refused(f'{key}: not the parts of this upload')
            self._store._write(key, b''.join(data for _, data in found))
            self.abort()

    def abort(self) -> None:
        with self._store._lock:
            self._store._parts.pop(self._id, None)
