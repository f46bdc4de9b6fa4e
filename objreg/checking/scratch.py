"""Where a store is tried: a store around it that times each call, keeps to bounds, and tidies up after itself.

Small objects lie under ``system/scratch/<id>/``, content where that of an unfinished upload lies: drivers and
wrapping stores treat it as what it is, and nobody takes either for a part of the registry.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from objreg import keys
from objreg.checking.findings import Sample
from objreg.store import (
    CHUNK,
    Body,
    Content,
    NotFound,
    Origin,
    Page,
    Part,
    Refused,
    Stat,
    Store,
    StoreError,
    Upload,
    check_key,
)
from objreg.wrap.base import WrappedStore, WrappedUpload

_SMALL = 64 * 1024
"""Below so many bytes it is the time of a call that counts, and not its rate."""
_LARGE = 1024 * 1024
"""From so many on it is the rate; in between it is neither."""
_LATE_BY = 10.0
"""Seconds after which nobody waits any longer for what is late."""


class OverBounds(Exception):
    """There have been as many calls, or as many seconds, as were allowed."""


@dataclass(frozen=True)
class Bounds:
    """How much a check may do."""

    size: int = 20 * 1024**2
    """Bytes of the largest object; a check sends and reads a few of those."""
    rounds: int = 5
    racers: int = 8
    """Writers that race for one key."""
    seconds: float = 120.0
    calls: int = 5000
    patience: float = _LATE_BY


class Scratch(WrappedStore):
    """Around the store that is tried."""

    def __init__(self, inner: Store, bounds: Bounds) -> None:
        super().__init__(inner)
        self.bounds = bounds
        self.id = secrets.token_hex(16)
        self.samples: list[Sample] = []
        self.found: dict[str, bool] = {}
        self.skew: float | None = None
        """Seconds by which the store's clock is ahead of this machine's, once that is known."""
        self.readable: tuple[str, str, str] | None = None
        """The key of content, its algorithm and its digest, once there is some."""
        self._calls = 0
        self._until = time.monotonic() + bounds.seconds
        self._written: dict[str, int] = {}
        self._uploads: list[Upload] = []

    # Keys

    def folder(self) -> str:
        """The prefix of keys that nothing else here has."""
        return f'{keys.scratch(self.id)}{secrets.token_hex(4)}/'

    def key(self) -> str:
        """A new key of something small."""
        return f'{keys.scratch(self.id)}{secrets.token_hex(8)}'

    def content(self) -> str:
        """A new key of content."""
        return keys.upload_data(self.id, secrets.token_hex(8))

    # Calls

    @contextmanager
    def timed(self, call: str, size: int = 0) -> Iterator[None]:
        """One call to the store; how long it took is noted when it succeeds."""
        self._spend()
        began = time.perf_counter()
        yield
        self.note(call, began, size)

    def _spend(self) -> None:
        self._calls += 1
        if self._calls > self.bounds.calls:
            raise OverBounds(f'{self.bounds.calls} calls were not enough; allow more by --calls')
        if time.monotonic() > self._until:
            raise OverBounds(f'{self.bounds.seconds:.0f} seconds were not enough; allow more by --seconds')

    def note(self, call: str, began: float, size: int) -> None:
        """That a call that began then, by `time.perf_counter`, has ended, and how many bytes it moved."""
        if size < _SMALL or size >= min(_LARGE, self.bounds.size):
            self.samples.append(Sample(call, time.perf_counter() - began, size if size >= _SMALL else 0))

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        self._spend()
        began = time.perf_counter()
        content = self.inner.get(key, start, end)

        def noting() -> Iterator[bytes]:
            yield from content
            self.note('get', began, content.size)

        return Content(noting(), content.size, close=content)

    def read(self, key: str) -> bytes:
        with self.timed('get', self._written.get(key, 0)):
            return self.inner.read(key)

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        length = len(body) if isinstance(body, bytes) else size or 0
        self.expect(key, length)
        with self.timed('put', length):
            self.inner.put(key, body, size, if_absent=if_absent)

    def stat(self, key: str) -> Stat:
        with self.timed('stat'):
            return self.inner.stat(key)

    def delete(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        with self.timed('delete'):
            self.inner.delete(keys)
        for key in keys:
            self._written.pop(key, None)

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        with self.timed('page'):
            return self.inner.page(prefix, after, delimiter=delimiter, limit=limit, detail=detail)

    def copy(self, source: str, target: str) -> None:
        size = self._written.get(source, 0)
        self.expect(target, size)
        with self.timed('copy', size):
            self.inner.copy(source, target)

    def take(self, origin: Origin, target: str) -> bool:
        self.expect(target, 0)
        with self.timed('take'):
            return self.inner.take(origin, target)

    def upload(self, key: str) -> Upload:
        upload = self.inner.upload(key)
        self._uploads.append(upload)
        return _TriedUpload(upload, self)

    def resume(self, id: str) -> Upload:
        return _TriedUpload(self.inner.resume(id), self)

    def expect(self, key: str, size: int) -> None:
        """That there will be an object of that key and size, to be deleted at the end."""
        with contextlib.suppress(Refused):
            check_key(key)
            self._written[key] = size

    # What probes have in common

    def digest(self, key: str, algorithm: str = 'sha256') -> str:
        """Read an object; what its bytes hash to."""
        hasher = hashlib.new(algorithm)
        with self.get(key) as content:
            for chunk in content:
                hasher.update(chunk)
        return hasher.hexdigest()

    def seconds_until(self, happened: Callable[[], bool]) -> float:
        """How long it takes: 0 if it has happened already, infinity if it does not while anybody waits."""
        began, pause = time.monotonic(), 0.01
        if happened():
            return 0.0
        while time.monotonic() - began < self.bounds.patience:
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)
            if happened():
                return time.monotonic() - began
        return float('inf')

    def tidy(self) -> list[str]:
        """Delete all that was written; the keys that are left all the same."""
        for upload in self._uploads:
            with contextlib.suppress(StoreError):  # what remains is told by its key, or expires
                upload.abort()
        left = sorted(self._written)
        for _ in range(3):
            if not left:
                break
            try:
                self.inner.delete(left)
            except StoreError:
                left = [key for key in sorted({*self._written, *self._listed()}) if not self._is_gone(key)]
            else:
                left = [key for key in sorted(self._listed()) if not self._is_gone(key)]
        return left

    def _listed(self) -> set[str]:
        found = set()
        with contextlib.suppress(StoreError):
            for prefix in (keys.scratch(self.id), keys.upload(self.id)):
                found |= {entry.key for entry in self.inner.list(prefix)}
        return found

    def _is_gone(self, key: str) -> bool:
        try:
            self.inner.stat(key)
        except NotFound:
            return True
        except StoreError:
            return False
        return False


class _TriedUpload(WrappedUpload):
    def __init__(self, inner: Upload, scratch: Scratch) -> None:
        super().__init__(inner)
        self._scratch = scratch

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        with self._scratch.timed('part', len(body) if isinstance(body, bytes) else size or 0):
            return self.inner.part(number, body, size)

    def finish(self, parts: Sequence[Part], key: str) -> None:
        self._scratch.expect(key, sum(part.size for part in parts))
        with self._scratch.timed('finish'):
            self.inner.finish(parts, key)


@contextmanager
def noise(size: int) -> Iterator[tuple[BinaryIO, str]]:
    """A file of that many bytes that no store has seen yet, at its start, and their SHA-256."""
    hasher = hashlib.sha256()
    with tempfile.TemporaryFile() as file:
        for start in range(0, size, CHUNK):
            chunk = os.urandom(min(CHUNK, size - start))
            hasher.update(chunk)
            file.write(chunk)
        file.seek(0)
        yield file, hasher.hexdigest()
