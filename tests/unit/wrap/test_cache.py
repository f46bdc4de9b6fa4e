"""What the cache remembers, for how long, in how much memory, and that it never brings back what was deleted."""

from __future__ import annotations

import contextlib
import gc
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from objreg import keys as layout
from objreg.drivers.memory import MemoryStore
from objreg.names import Digest
from objreg.store import Exists, NotFound, Origin, Store, Unavailable
from objreg.testing.contract import StoreContract
from objreg.testing.faults import CountingStore, Fault, FaultyStore, InterceptedStore, always, nth
from objreg.wrap.cache import CachedStore
from objreg.wrap.retry import Policy, RetryingStore
from objreg.wrap.timing import TimedStore

DIGEST = Digest.of(b'')
MEMBER = layout.membership('app', DIGEST)
MANIFEST = layout.manifest('app', DIGEST)
TAG = layout.tag('app', 'latest')
KEPT = [MEMBER, MANIFEST, layout.referrer('app', DIGEST, DIGEST), layout.catalog('app')]
NOT_KEPT = [TAG, layout.content(DIGEST), layout.history('app', 'latest', 1, DIGEST), layout.FORMAT, layout.secret('a')]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inner() -> CountingStore:
    """The store behind the cache: what another node, which deletes and writes too, has as well."""
    return CountingStore(MemoryStore())


@pytest.fixture
def store(inner: CountingStore, clock: Clock) -> CachedStore:
    return CachedStore(inner, seconds=60, timer=clock)


class TestContract(StoreContract):
    """It is a store."""

    @pytest.fixture
    def store(self) -> Store:
        return CachedStore(MemoryStore())


class TestContractWithTags(StoreContract):
    """It is a store also when it remembers whatever it can, for those who do all their work through it."""

    @pytest.fixture
    def store(self, monkeypatch: pytest.MonkeyPatch) -> Store:
        monkeypatch.setattr(layout, 'is_immutable', lambda key: True)
        return CachedStore(MemoryStore(), tag_seconds=60)


class TestContractOfAll(StoreContract):
    """Stores around stores, as ``stores.yml`` builds them, are a store."""

    @pytest.fixture
    def store(self) -> Store:
        return CachedStore(RetryingStore(TimedStore(MemoryStore()), Policy(pause=0)))


# What is kept


@pytest.mark.parametrize('key', KEPT)
def test_what_never_changes_is_read_once(key: str, store: CachedStore, inner: CountingStore) -> None:
    inner.inner.put(key, b'content')
    assert [store.read(key) for _ in range(5)] == [b'content'] * 5
    assert inner.calls == {'get': 1}
    assert store.known(key) == b'content'


@pytest.mark.parametrize('key', NOT_KEPT)
def test_nothing_else_is_kept(key: str, store: CachedStore, inner: CountingStore) -> None:
    store.put(key, b'content')
    store.remember(key, b'hinted')
    assert [store.read(key) for _ in range(3)] == [b'content'] * 3
    assert store.known(key) is None
    assert inner.calls == {'put': 1, 'get': 3}


@pytest.mark.parametrize('key', KEPT)
def test_what_was_written_here_is_known(key: str, store: CachedStore, inner: CountingStore) -> None:
    store.put(key, b'content')
    assert store.read(key) == b'content'
    assert inner.calls == {'put': 1}


def test_a_body_that_is_no_bytes_is_not_kept(store: CachedStore, inner: CountingStore) -> None:
    store.put(MEMBER, b'old')
    store.put(MEMBER, iter([b'new']), 3)
    assert store.known(MEMBER) is None
    assert store.read(MEMBER) == b'new'


def test_a_hint_is_believed(store: CachedStore, inner: CountingStore) -> None:
    store.remember(MEMBER, b'hinted')
    assert (store.known(MEMBER), store.read(MEMBER)) == (b'hinted', b'hinted')
    store.remember(MEMBER, b'another')
    assert store.read(MEMBER) == b'hinted'
    assert inner.total == 0


def test_nothing_is_kept_of_what_is_missing(store: CachedStore, inner: CountingStore) -> None:
    for _ in range(2):
        with pytest.raises(NotFound):
            store.read(MEMBER)
    assert inner.calls == {'get': 2}
    inner.put(MEMBER, b'written elsewhere')
    assert store.read(MEMBER) == b'written elsewhere'


def test_a_tag_is_kept_for_its_own_time(inner: CountingStore, clock: Clock) -> None:
    store = CachedStore(inner, seconds=60, tag_seconds=5, timer=clock)
    inner.put(TAG, b'old')
    assert store.read(TAG) == b'old'
    inner.put(TAG, b'moved elsewhere')
    clock.now += 4.9
    assert store.read(TAG) == b'old'
    clock.now += 0.2
    assert store.read(TAG) == b'moved elsewhere'
    store.put(TAG, b'moved here')
    assert store.read(TAG) == b'moved here'


def test_an_empty_object_is_no_deletion(store: CachedStore, inner: CountingStore) -> None:
    store.put(MEMBER, b'')
    store.remember(MEMBER, b'')
    assert store.read(MEMBER) == b''
    assert store.known(MEMBER) is None


# For how long


def test_what_another_node_deletes_is_forgotten_in_time(store: CachedStore, inner: CountingStore, clock: Clock) -> None:
    store.put(MEMBER, b'content')
    inner.delete([MEMBER])
    clock.now += 59.9
    assert store.read(MEMBER) == b'content'
    clock.now += 0.2
    assert store.known(MEMBER) is None
    with pytest.raises(NotFound):
        store.read(MEMBER)


def test_reading_does_not_prolong_it(store: CachedStore, inner: CountingStore, clock: Clock) -> None:
    store.put(MEMBER, b'content')
    for _ in range(12):
        clock.now += 5.01
        store.read(MEMBER)
        store.remember(MEMBER, b'content')
    assert inner.calls == {'put': 1, 'get': 1} or store.known(MEMBER) is not None
    inner.delete([MEMBER])
    clock.now += 60
    with pytest.raises(NotFound):
        store.read(MEMBER)


# In how much memory


def test_memory_is_bounded_in_bytes() -> None:
    memory = 2_000_000
    store = CachedStore(MemoryStore(), memory=memory)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(20_000):
            store.remember(layout.manifest('some/name', Digest.of(str(number).encode())), bytes(100 + number % 900))
        gc.collect()
        assert memory / 2 < tracemalloc.get_traced_memory()[0] < memory * 1.1
    finally:
        tracemalloc.stop()


def test_the_memory_of_many_tiny_objects_is_bounded_too() -> None:
    memory = 1_000_000
    store = CachedStore(MemoryStore(), memory=memory)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(20_000):
            store.remember(layout.catalog(f'{number:0200}'), b'x')
        for number in range(20_000):
            store.delete([layout.catalog(f'{number:0100}')])
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < memory * 1.1
    finally:
        tracemalloc.stop()


def test_what_was_not_used_for_longest_makes_room(inner: CountingStore) -> None:
    store = CachedStore(inner, memory=8000)
    names = [layout.catalog(str(number)) for number in range(5)]
    for name in names[:4]:
        store.put(name, bytes(1000))
    store.read(names[0])
    store.put(names[4], bytes(1500))
    store.put(names[4] + '/more', bytes(1500))
    known = [name for name in names if store.known(name) is not None]
    assert names[0] in known
    assert names[1] not in known
    assert store.read(names[1]) == bytes(1000)


def test_one_object_does_not_crowd_out_the_others(inner: CountingStore) -> None:
    store = CachedStore(inner, memory=8000)
    store.put(MEMBER, b'small')
    store.put(MANIFEST, bytes(2001))
    store.read(MANIFEST)
    store.remember(MANIFEST, bytes(2001))
    assert store.known(MANIFEST) is None
    assert store.known(MEMBER) == b'small'


@pytest.mark.parametrize('memory', [0, 1, 100, 499, 500, 501, 700])
def test_no_memory_at_all_is_no_error(memory: int, inner: CountingStore) -> None:
    store = CachedStore(inner, memory=memory)
    store.put(MEMBER, b'content')
    assert store.read(MEMBER) == b'content'
    store.remember(MANIFEST, b'content')
    store.delete([MEMBER])
    with pytest.raises(NotFound):
        store.read(MEMBER)


# Deleted is deleted


@pytest.mark.parametrize('key', KEPT)
def test_what_was_deleted_here_is_gone_at_once(key: str, store: CachedStore) -> None:
    store.put(key, b'content')
    store.delete(iter([key, 'another']))
    assert store.known(key) is None
    with pytest.raises(NotFound):
        store.read(key)


def test_no_hint_brings_back_what_was_deleted_here(store: CachedStore, clock: Clock) -> None:
    store.put(MEMBER, b'content')
    store.delete([MEMBER])
    clock.now += 59
    store.remember(MEMBER, b'content')
    assert store.known(MEMBER) is None
    with pytest.raises(NotFound):
        store.read(MEMBER)


def test_what_is_written_again_after_its_deletion_is_there(store: CachedStore, inner: CountingStore) -> None:
    store.delete([MEMBER])
    store.put(MEMBER, b'again')
    assert store.known(MEMBER) == b'again'
    store.delete([MEMBER])
    inner.put(MEMBER, b'written elsewhere')
    assert store.read(MEMBER) == b'written elsewhere'
    assert store.known(MEMBER) == b'written elsewhere'


def test_a_copy_over_it_is_seen(store: CachedStore) -> None:
    store.put(MEMBER, b'old')
    store.put('source', b'new')
    store.copy('source', MEMBER)
    assert store.read(MEMBER) == b'new'


def test_what_is_taken_from_another_store_is_seen(store: CachedStore) -> None:
    other = MemoryStore()
    other.put('k', b'new')
    store.put(MEMBER, b'old')
    assert store.take(Origin(other, 'k'), MEMBER)
    assert store.read(MEMBER) == b'new'


@pytest.mark.parametrize('fault', [Fault.UNAVAILABLE, Fault.LOST_ANSWER])
def test_after_a_failed_call_the_store_is_asked(fault: Fault, clock: Clock) -> None:
    failing = FaultyStore(MemoryStore())
    store = CachedStore(failing, timer=clock)
    for call in (lambda: store.put(MEMBER, b'new'), lambda: store.delete([MEMBER])):
        store.put(MEMBER, b'old')
        failing.rule = always(fault)
        with pytest.raises(Unavailable):
            call()
        failing.rule = None
        there = failing.inner.read(MEMBER) if MEMBER in [entry.key for entry in failing.list('')] else None
        store.remember('elsewhere', b'x')
        if there is None:
            with pytest.raises(NotFound):
                store.read(MEMBER)
        else:
            assert store.read(MEMBER) == there


def test_a_copy_that_lost_its_answer_is_not_overlooked(clock: Clock) -> None:
    failing = FaultyStore(MemoryStore(), nth(3, Fault.LOST_ANSWER))
    store = CachedStore(failing, timer=clock)
    store.put(MEMBER, b'old')
    store.put('source', b'new')
    with pytest.raises(Unavailable):
        store.copy('source', MEMBER)
    assert store.read(MEMBER) == b'new'


def test_who_comes_too_late_believes_what_is_there(store: CachedStore, inner: CountingStore) -> None:
    inner.put(MEMBER, b'theirs')
    with pytest.raises(Exists):
        store.put(MEMBER, b'mine', if_absent=True)
    assert store.read(MEMBER) == b'theirs'


# Races


class Held(InterceptedStore):
    """Holds a call back, before or after its work, until it is let go."""

    def __init__(self, inner: Store, operation: str, *, before: bool) -> None:
        super().__init__(inner)
        self.operation = operation
        self.before = before
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def intercept(self, operation, key, work, cut=None):  # type: ignore[no-untyped-def]
        if operation != self.operation or self.reached.is_set():
            return work()
        if self.before:
            self._wait()
            return work()
        done = work()
        self._wait()
        return done

    def _wait(self) -> None:
        self.reached.set()
        assert self.go_on.wait(10)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def held(
    pool: ThreadPoolExecutor, operation: str, call: Callable[[Store], object], *, before: bool
) -> tuple[CachedStore, Held, Future[object]]:
    """A store in which such a call is held back, with `MEMBER` in it."""
    inner = MemoryStore()
    inner.put(MEMBER, b'old')
    inner.put('source', b'copied')
    held = Held(inner, operation, before=before)
    store = CachedStore(held)
    future = pool.submit(call, store)
    assert held.reached.wait(10)
    return store, held, future


def is_coherent(store: CachedStore, held: Held) -> bool:
    """Whether what the cache gives is what is there."""
    try:
        there: bytes | None = held.inner.read(MEMBER)
    except NotFound:
        there = None
    assert store.known(MEMBER) in (None, there)
    try:
        return store.read(MEMBER) == there
    except NotFound:
        return there is None


READ: Callable[[Store], object] = lambda store: store.read(MEMBER)  # noqa: E731
WRITE: Callable[[Store], object] = lambda store: store.put(MEMBER, b'new')  # noqa: E731
DELETE: Callable[[Store], object] = lambda store: store.delete([MEMBER])  # noqa: E731
COPY: Callable[[Store], object] = lambda store: store.copy('source', MEMBER)  # noqa: E731
HINT: Callable[[Store], object] = lambda store: store.remember(MEMBER, b'old')  # noqa: E731


@pytest.mark.parametrize('meanwhile', [
    [DELETE], [WRITE], [DELETE, WRITE], [WRITE, DELETE], [READ, DELETE], [DELETE, HINT], [COPY],
], ids=['delete', 'put', 'delete put', 'put delete', 'read delete', 'delete hint', 'copy'])
@pytest.mark.parametrize(('operation', 'call'), [('get', READ), ('put', WRITE), ('delete', DELETE), ('copy', COPY)])
@pytest.mark.parametrize('before', [True, False])
def test_what_happens_while_a_call_is_on_its_way_is_not_undone(
    before: bool, operation: str, call: Callable[[Store], object], meanwhile: list[Callable[[Store], object]],
    pool: ThreadPoolExecutor,
) -> None:
    store, inner, future = held(pool, operation, call, before=before)
    try:
        for other in meanwhile:
            with contextlib.suppress(NotFound):  # what is read after it was deleted
                other(store)
    finally:
        inner.go_on.set()
    if operation == 'get' and before and meanwhile[-1] in (DELETE, HINT):
        with pytest.raises(NotFound):
            future.result(10)
    else:
        future.result(10)
    assert is_coherent(store, inner)
