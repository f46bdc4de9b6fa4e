"""A store that keeps a list of what was left in it on purpose, for the contract suite to compare with what is there."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from objreg.store import Body, Entry, Origin, Part, Store, Upload
from objreg.wrap.base import WrappedStore, WrappedUpload


class Ledger(WrappedStore):
    """Passes everything on, and notes which keys must be there: all that a call said to have written.

    `lag` is how many seconds a listing may be behind; 0 where the store declares `consistent_list`.
    """

    def __init__(self, inner: Store, *, lag: float = 0.0, kept: set[str] | None = None) -> None:
        super().__init__(inner)
        self.kept: set[str] = set() if kept is None else kept
        self._lag = 0.0 if inner.capabilities.consistent_list else lag

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        self.inner.put(key, body, size, if_absent=if_absent)
        self.kept.add(key)

    def copy(self, source: str, target: str) -> None:
        self.inner.copy(source, target)
        self.kept.add(target)

    def take(self, origin: Origin, target: str) -> bool:
        taken = self.inner.take(origin, target)
        if taken:
            self.kept.add(target)
        return taken

    def delete(self, keys: Iterable[str]) -> None:
        gone: list[str] = []

        def noting() -> Iterator[str]:
            for key in keys:
                gone.append(key)
                yield key

        self.inner.delete(noting())
        self.kept.difference_update(gone)

    def list(self, prefix: str, after: str = '', *, delimiter: str = '', detail: bool = False) -> Iterator[Entry]:
        return self.inner.list(prefix, after, delimiter=delimiter, detail=detail)

    def upload(self, key: str) -> Upload:
        return _Noted(self.inner.upload(key), self.kept)

    def resume(self, id: str) -> Upload:
        return _Noted(self.inner.resume(id), self.kept)

    def beside(self, inner: Store) -> Ledger:
        """The ledger of another store object on the same objects."""
        return Ledger(inner, lag=self._lag, kept=self.kept)

    def settle(self) -> None:
        """See that the listing is what it must be: at once, or within the time that it may lag behind."""
        expected = sorted(self.kept, key=str.encode)
        deadline, pause = time.monotonic() + self._lag, 0.005
        while (listed := [entry.key for entry in self.list('')]) != expected and time.monotonic() < deadline:
            time.sleep(pause)
            pause *= 1.5
        missing, strange = sorted(self.kept.difference(listed)), sorted(set(listed).difference(self.kept))
        assert listed == expected, f'missing: {missing}; left behind: {strange}; or else repeated or out of order'

    def empty(self) -> None:
        """Delete all that was left on purpose."""
        self.delete(list(self.kept))
        self.settle()


class _Noted(WrappedUpload):
    def __init__(self, inner: Upload, kept: set[str]) -> None:
        super().__init__(inner)
        self._kept = kept

    def finish(self, parts: Sequence[Part], key: str) -> None:
        self.inner.finish(parts, key)
        self._kept.add(key)
