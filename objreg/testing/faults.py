"""Stores around any other that count its calls, make them fail, stop the process in one of them, or let listings lag.

A call is one of ``get`` (of `read` too), ``put``, ``stat``, ``delete``, ``list`` (a page), ``copy``, ``take``,
``part``, ``finish`` and ``abort``; what costs nothing by the promises of `objreg.store` is none.

To try every point at which a program may be interrupted::

    counting = CountingStore(MemoryStore())
    program(counting)
    for number in range(1, counting.total + 1):
        store = FaultyStore(MemoryStore(), nth(number, Fault.STOP_AFTER))
        with pytest.raises(Stop):
            program(store)
        ...  # look at store.inner: what a restarted process finds
"""

from __future__ import annotations

import contextlib
import enum
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from objreg.drivers.memory import MemoryStore
from objreg.store import (
    Body,
    Content,
    Entry,
    Origin,
    Page,
    Part,
    Stat,
    Store,
    StoreError,
    Unavailable,
    Upload,
    chunks_of,
)
from objreg.wrap.base import WrappedStore, WrappedUpload

Got = TypeVar('Got')


class Call(NamedTuple):
    """A call: its number (from 1), its operation, and the key; of a deletion the first one, of a listing the prefix.

    A part and an abort have the key that the upload began with, or the upload's id where it was resumed.
    """

    number: int
    operation: str
    key: str


class InterceptedStore(WrappedStore):
    """Every call goes through `intercept`, for the stores below."""

    def intercept(self, operation: str, key: str, work: Callable[[], Got], cut: Callable[[], Got] | None = None) -> Got:
        """Do the work; `cut` is how it breaks off in the middle, where there is a middle."""
        return work()

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        return self.intercept(
            'get', key, lambda: self.inner.get(key, start, end), lambda: _half(self.inner.get(key, start, end)),
        )

    def read(self, key: str) -> bytes:
        return self.intercept('get', key, lambda: self.inner.read(key))

    def newest(self, key: str) -> bytes:
        return self.intercept('get', key, lambda: self.inner.newest(key))

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        self.intercept(
            'put', key, lambda: self.inner.put(key, body, size, if_absent=if_absent), lambda: _swallow(body, size)
        )

    def stat(self, key: str) -> Stat:
        return self.intercept('stat', key, lambda: self.inner.stat(key))

    def delete(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        self.intercept('delete', keys[0] if keys else '', lambda: self.inner.delete(keys))

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        return self.intercept(
            'list', prefix, lambda: self.inner.page(prefix, after, delimiter=delimiter, limit=limit, detail=detail)
        )

    def copy(self, source: str, target: str) -> None:
        self.intercept('copy', target, lambda: self.inner.copy(source, target))

    def take(self, origin: Origin, target: str) -> bool:
        return self.intercept('take', target, lambda: self.inner.take(origin, target))

    def upload(self, key: str) -> Upload:
        return _InterceptedUpload(self.inner.upload(key), self, key)

    def resume(self, id: str) -> Upload:
        return _InterceptedUpload(self.inner.resume(id), self, id)


class _InterceptedUpload(WrappedUpload):
    def __init__(self, inner: Upload, store: InterceptedStore, key: str) -> None:
        super().__init__(inner)
        self._store = store
        self._key = key

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        return self._store.intercept(
            'part', self._key, lambda: self.inner.part(number, body, size), lambda: _swallow(body, size)
        )

    def finish(self, parts: Sequence[Part], key: str) -> None:
        self._store.intercept('finish', key, lambda: self.inner.finish(parts, key))

    def abort(self) -> None:
        self._store.intercept('abort', self._key, self.inner.abort)


class CountingStore(InterceptedStore):
    """Counts calls by operation (`calls`), and remembers each with its key, in order (`log`)."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Begin again at nothing."""
        with self._lock:
            self.log: list[Call] = []

    def intercept(self, operation: str, key: str, work: Callable[[], Got], cut: Callable[[], Got] | None = None) -> Got:
        with self._lock:
            self.log.append(Call(len(self.log) + 1, operation, key))
        return work()

    @property
    def calls(self) -> dict[str, int]:
        """How many there were, by operation."""
        return dict(Counter(call.operation for call in self.log))

    @property
    def total(self) -> int:
        """All of them."""
        return len(self.log)

    @contextlib.contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        """The calls of a ``with`` block, by operation, once it is left."""
        counter: Counter[str] = Counter()
        before = self.total
        yield counter
        counter.update(call.operation for call in self.log[before:])


class Stop(BaseException):
    """The process ended here.  No handler of ordinary errors catches it."""


class Fault(enum.Enum):
    """What goes wrong with a call."""

    UNAVAILABLE = 'nothing is done, and it is said'
    LOST_ANSWER = 'all is done, but the answer does not arrive'
    CUT = 'half of the body is sent or comes, and nothing is written'
    """Of a call without a body: as `LOST_ANSWER`."""
    STOP_BEFORE = 'the process ends before the call'
    STOP_AFTER = 'the process ends after the call'


Rule = Callable[[Call], Fault | None]
"""Says what is to go wrong with a call, if anything is."""


def nth(number: int, fault: Fault) -> Rule:
    """It happens to the call of that number, and to no other."""
    return lambda call: fault if call.number == number else None


def first(fault: Fault, operations: Collection[str] = (), *, key: str = '', times: int = 1) -> Rule:
    """It happens to the first calls of these operations (all, if none is named) whose key begins with `key`."""
    left = threading.Semaphore(times)

    def rule(call: Call) -> Fault | None:
        is_meant = (not operations or call.operation in operations) and call.key.startswith(key)
        return fault if is_meant and left.acquire(blocking=False) else None

    return rule


def always(fault: Fault, operations: Collection[str] = ()) -> Rule:
    """It happens to every call of these operations (all, if none is named)."""
    return lambda call: fault if not operations or call.operation in operations else None


def sometimes(
    share: float, seed: int, faults: Sequence[Fault] = (Fault.UNAVAILABLE, Fault.LOST_ANSWER, Fault.CUT)
) -> Rule:
    """It happens to that share of the calls, left to a chance that is the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    return lambda _: chance.choice(faults) if chance.random() < share else None


class FaultyStore(InterceptedStore):
    """Makes calls fail as `rule` says, which may be replaced at any time.

    Once the process has been stopped it stays so: whatever a ``finally`` tries to tidy up raises `Stop` too, and the
    store around which this one lies is as a power failure would have left it.
    """

    def __init__(self, inner: Store, rule: Rule | None = None) -> None:
        super().__init__(inner)
        self.rule = rule
        self.is_stopped = False
        self.happened: list[tuple[Call, Fault]] = []
        """The faults so far, for a test to see that what it wanted did happen."""
        self._number = 0
        self._lock = threading.Lock()

    def intercept(self, operation: str, key: str, work: Callable[[], Got], cut: Callable[[], Got] | None = None) -> Got:
        with self._lock:
            if self.is_stopped:
                raise Stop(f'{operation} {key!r}, of a process that was stopped')
            self._number += 1
            call = Call(self._number, operation, key)
            fault = self.rule(call) if self.rule else None
            if fault is not None:
                self.happened.append((call, fault))
            self.is_stopped = fault is Fault.STOP_BEFORE
        if fault is None:
            return work()
        return self._fail(call, fault, work, cut)

    def _fail(self, call: Call, fault: Fault, work: Callable[[], Got], cut: Callable[[], Got] | None) -> Got:
        problem = f'call {call.number}, {call.operation} {call.key!r}: {fault.value}'
        if fault is Fault.STOP_BEFORE:
            raise Stop(problem)
        if fault is Fault.CUT and cut is not None:
            return cut()
        if fault is not Fault.UNAVAILABLE:
            _unheard(work)
        if fault is Fault.STOP_AFTER:
            self.is_stopped = True
            raise Stop(problem)
        raise Unavailable(problem)


def _unheard(work: Callable[[], object]) -> None:
    with contextlib.suppress(StoreError):  # an error is an answer, which does not arrive either
        done = work()
        if isinstance(done, Content):
            done.close()


def _half(content: Content) -> Content:
    """What comes of an answer that is cut: its first half, then an error."""
    left = content.size // 2

    def chunks() -> Iterator[bytes]:
        nonlocal left
        for chunk in content:
            if left:
                yield chunk[:left]
            left -= min(left, len(chunk))
            if not left:
                break
        raise Unavailable('the answer was cut')

    return Content(chunks(), content.size, close=contextlib.closing(content))


def _swallow(body: Body, size: int | None) -> Part:
    """Read half of a body, as when the connection breaks while it is sent."""
    if not isinstance(body, bytes):
        wanted = 1 if size is None else size // 2
        for chunk in chunks_of(body, size):
            wanted -= len(chunk)
            if wanted <= 0:
                break
    raise Unavailable('the connection broke while the body was sent')


class LaggingStore(WrappedStore):
    """Listings show what was there up to `seconds` ago (None: until `catch_up`), as on a large Swift cluster."""

    def __init__(self, inner: Store, seconds: float | None = None) -> None:
        super().__init__(inner)
        self.capabilities = replace(inner.capabilities, consistent_list=False)
        self._seconds = seconds
        self._lock = threading.Lock()
        self.catch_up()

    def catch_up(self) -> None:
        """Let listings show what is there now."""
        seen = MemoryStore()
        entries = {entry.key: entry for entry in self.inner.list('', detail=True)}
        for key in entries:
            seen.put(key, b'')
        with self._lock:
            self._seen, self._entries, self._when = seen, entries, time.monotonic()

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        if self._seconds is not None and time.monotonic() - self._when > self._seconds:
            self.catch_up()
        with self._lock:
            seen, entries = self._seen, self._entries
        names, more = seen.page(prefix, after, delimiter=delimiter, limit=limit)
        return Page([entries.get(name.key, Entry(name.key)) for name in names], more)
