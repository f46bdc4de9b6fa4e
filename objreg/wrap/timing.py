"""Times every call to a store, and tells whoever wants to know: metrics, a debug log, a benchmark.

An observer is called with the store's name, the operation (``get``, ``put``, ``part`` …), the seconds that it took
(of a ``get``: until the first bytes can be read) and the outcome: ``ok``, or the name of what was raised, of which
``NotFound`` and ``Exists`` are answers and the others failures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType

from objreg.store import Body, Content, Origin, Page, Part, Stat, Store, Upload
from objreg.wrap.base import WrappedStore, WrappedUpload

Observer = Callable[[str, str, float, str], None]

observers: list[Observer] = []
"""All that are told, of all stores of this process."""


def report(name: str, operation: str, seconds: float = 0.0, outcome: str = 'ok') -> None:
    """Tell all observers."""
    for observer in observers:
        observer(name, operation, seconds, outcome)


class _Timed:
    """One call; a class, since this is on every path."""

    __slots__ = ('_began', '_name', '_operation')

    def __init__(self, name: str, operation: str) -> None:
        self._name = name
        self._operation = operation

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        seconds = time.perf_counter() - self._began
        report(self._name, self._operation, seconds, 'ok' if kind is None else kind.__name__)


class TimedStore(WrappedStore):
    """Reports every call, each attempt for itself when a retrying store lies around it."""

    def _timed(self, operation: str) -> _Timed:
        return _Timed(self.name, operation)

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        with self._timed('get'):
            return self.inner.get(key, start, end)

    def read(self, key: str) -> bytes:
        with self._timed('get'):
            return self.inner.read(key)

    def newest(self, key: str) -> bytes:
        with self._timed('get'):
            return self.inner.newest(key)

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        with self._timed('put'):
            self.inner.put(key, body, size, if_absent=if_absent)

    def stat(self, key: str) -> Stat:
        with self._timed('stat'):
            return self.inner.stat(key)

    def delete(self, keys: Iterable[str]) -> None:
        with self._timed('delete'):
            self.inner.delete(keys)

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        with self._timed('list'):
            return self.inner.page(prefix, after, delimiter=delimiter, limit=limit, detail=detail)

    def copy(self, source: str, target: str) -> None:
        with self._timed('copy'):
            self.inner.copy(source, target)

    def take(self, origin: Origin, target: str) -> bool:
        with self._timed('take'):
            return self.inner.take(origin, target)

    def upload(self, key: str) -> Upload:
        return _TimedUpload(self.inner.upload(key), self.name)

    def resume(self, id: str) -> Upload:
        return _TimedUpload(self.inner.resume(id), self.name)


class _TimedUpload(WrappedUpload):
    def __init__(self, inner: Upload, name: str) -> None:
        super().__init__(inner)
        self._name = name

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        with _Timed(self._name, 'part'):
            return self.inner.part(number, body, size)

    def finish(self, parts: Sequence[Part], key: str) -> None:
        with _Timed(self._name, 'finish'):
            self.inner.finish(parts, key)

    def abort(self) -> None:
        with _Timed(self._name, 'abort'):
            self.inner.abort()


def timed(store: Store) -> Store:
    """The store, its calls reported."""
    return TimedStore(store)
