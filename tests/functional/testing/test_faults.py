"""The stores that count, fail, stop and lag do what they say, and nothing when they are not asked to."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.store import CHUNK, NotFound, Store, Unavailable
from objreg.testing.contract import StoreContract
from objreg.testing.faults import (
    Call,
    CountingStore,
    Fault,
    FaultyStore,
    LaggingStore,
    Stop,
    always,
    first,
    nth,
    sometimes,
)


def _uploaded(store: Store) -> None:
    upload = store.upload('new')
    upload.finish([upload.part(1, b'new')], 'new')


WRITES: dict[str, Callable[[Store], object]] = {
    'put': lambda store: store.put('new', b'new'),
    'copy': lambda store: store.copy('k', 'new'),
    'finish': _uploaded,
    'delete': lambda store: store.delete(['k']),
}
READS: dict[str, Callable[[Store], object]] = {
    'get': lambda store: store.get('k').read(),
    'read': lambda store: store.read('k'),
    'stat': lambda store: store.stat('k'),
    'list': lambda store: list(store.list('')),
}


def filled() -> MemoryStore:
    store = MemoryStore()
    store.put('k', b'content')
    return store


def keys(store: Store) -> list[str]:
    return [entry.key for entry in store.list('')]


class TestCountingContract(StoreContract):
    """A counting store is a store."""

    @pytest.fixture
    def store(self) -> Store:
        return CountingStore(MemoryStore())


class TestFaultyContract(StoreContract):
    """A store whose faults are yet to come is a store."""

    @pytest.fixture
    def store(self) -> Store:
        return FaultyStore(MemoryStore(), nth(10**9, Fault.STOP_BEFORE))


class TestLaggingContract(StoreContract):
    """A store whose listings lag is a store that says so."""

    listing_lag = 5.0

    @pytest.fixture
    def store(self) -> Store:
        return LaggingStore(MemoryStore(), 0.004)


def test_calls_are_counted_by_operation() -> None:
    store = CountingStore(filled())
    for call in (*WRITES.values(), *[READS[name] for name in ('list',)]):
        call(store)
    store.put('k', b'again')
    for call in READS.values():
        call(store)
    store.upload('x').abort()
    assert store.calls == {
        'put': 2, 'copy': 1, 'part': 1, 'finish': 1, 'delete': 1, 'list': 2, 'get': 2, 'stat': 1, 'abort': 1,
    }
    assert store.total == 12


def test_what_costs_nothing_is_not_counted() -> None:
    store = CountingStore(filled())
    store.resume(store.upload('k').id)
    assert (store.url('k', 5), store.known('k')) == (None, None)
    store.remember('k', b'')
    store.close()
    assert store.total == 0


def test_calls_are_remembered_in_order_with_their_keys() -> None:
    store = CountingStore(filled())
    upload = store.upload('uploads/a')
    part = upload.part(1, b'x')
    store.resume(upload.id).finish([part], 'blobs/a')
    store.page('blobs/', limit=1)
    store.delete(iter(['blobs/a', 'b']))
    store.delete([])
    assert store.log == [
        Call(1, 'part', 'uploads/a'), Call(2, 'finish', 'blobs/a'), Call(3, 'list', 'blobs/'),
        Call(4, 'delete', 'blobs/a'), Call(5, 'delete', ''),
    ]
    store.reset()
    assert (store.log, store.calls) == ([], {})


def test_the_calls_of_a_block_are_counted() -> None:
    store = CountingStore(filled())
    store.stat('k')
    with store.counted() as calls:
        store.read('k')
        with pytest.raises(NotFound):
            store.get('missing')
    store.stat('k')
    assert dict(calls) == {'get': 2}


@pytest.mark.parametrize('call', [*WRITES.values(), *READS.values()], ids=[*WRITES, *READS])
def test_an_unavailable_store_does_nothing(call: Callable[[Store], object]) -> None:
    store = FaultyStore(filled(), always(Fault.UNAVAILABLE))
    with pytest.raises(Unavailable):
        call(store)
    assert keys(store.inner) == ['k']
    assert len(store.happened) == 1


@pytest.mark.parametrize('call', WRITES.values(), ids=WRITES)
def test_what_loses_its_answer_is_done(call: Callable[[Store], object]) -> None:
    store, done = FaultyStore(filled(), first(Fault.LOST_ANSWER, WRITES)), filled()
    call(done)
    with pytest.raises(Unavailable):
        call(store)
    assert keys(store.inner) == keys(done)


@pytest.mark.parametrize('fault', [Fault.LOST_ANSWER, Fault.UNAVAILABLE, Fault.CUT])
def test_an_error_that_does_not_arrive_is_not_known(fault: Fault) -> None:
    store = FaultyStore(filled(), nth(1, fault))
    with pytest.raises(Unavailable):
        store.stat('missing')
    with pytest.raises(NotFound):
        store.stat('missing')


@pytest.mark.parametrize('size', [0, 1, 7, CHUNK, 3 * CHUNK + 1])
def test_an_answer_is_cut_in_the_middle(size: int) -> None:
    inner = MemoryStore()
    inner.put('k', bytes(size))
    store = FaultyStore(inner, nth(1, Fault.CUT))
    got = []
    with store.get('k') as content, pytest.raises(Unavailable):
        assert content.size == size
        for chunk in content:
            got.append(chunk)
    assert b''.join(got) == bytes(size // 2)
    assert store.get('k').read() == bytes(size)


def test_a_body_that_is_cut_was_read_in_part_and_is_not_written() -> None:
    store = FaultyStore(filled(), always(Fault.CUT))
    body = io.BytesIO(bytes(8 * CHUNK))
    with pytest.raises(Unavailable):
        store.put('k', body, 4 * CHUNK)
    assert body.tell() == 2 * CHUNK
    with pytest.raises(Unavailable):
        store.upload('k').part(1, body, 4 * CHUNK)
    assert body.tell() == 4 * CHUNK
    assert store.inner.read('k') == b'content'


@pytest.mark.parametrize('call', WRITES.values(), ids=WRITES)
def test_a_process_ends_before_or_after_a_call(call: Callable[[Store], object]) -> None:
    done = filled()
    call(done)
    for fault, expected in ((Fault.STOP_BEFORE, ['k']), (Fault.STOP_AFTER, keys(done))):
        store = FaultyStore(filled(), first(fault, WRITES))
        with pytest.raises(Stop):
            call(store)
        assert keys(store.inner) == expected


def test_a_process_that_was_stopped_does_nothing_more() -> None:
    store = FaultyStore(filled(), nth(2, Fault.STOP_AFTER))
    upload = store.upload('new')
    part = upload.part(1, b'x')
    with pytest.raises(Stop):
        store.get('missing')
    tidying: list[Callable[[Store], object]] = [lambda _: upload.abort(), lambda _: upload.finish([part], 'new')]
    for call in (*WRITES.values(), *READS.values(), *tidying):
        with pytest.raises(Stop):
            call(store)
    assert keys(store.inner) == ['k']
    store.inner.resume(upload.id).finish([part], 'new')
    assert [call.number for call, _ in store.happened] == [2]


def test_a_fault_can_be_meant_for_some_calls_only() -> None:
    store = FaultyStore(filled(), first(Fault.UNAVAILABLE, {'stat', 'get'}, key='k', times=2))
    store.put('k', b'x')
    with pytest.raises(NotFound):
        store.stat('other')
    for _ in range(2):
        with pytest.raises(Unavailable):
            store.stat('k')
    assert store.stat('k').size == 1
    assert [(call.number, call.operation) for call, _ in store.happened] == [(3, 'stat'), (4, 'stat')]


def test_chance_is_the_same_for_the_same_seed() -> None:
    def happened(seed: int) -> list[int]:
        store = FaultyStore(filled(), sometimes(0.3, seed, [Fault.UNAVAILABLE]))
        for _ in range(100):
            try:
                store.stat('k')
            except Unavailable:
                continue
        return [call.number for call, _ in store.happened]

    assert happened(1) == happened(1) != happened(2)
    assert 10 < len(happened(1)) < 60


def test_a_listing_that_lags_shows_what_was_there() -> None:
    store = LaggingStore(filled())
    assert not store.capabilities.consistent_list
    store.put('new/a', b'new')
    store.delete(['k'])
    assert [entry[:2] for entry in store.list('', detail=True)] == [('k', 7)]
    assert store.read('new/a') == b'new'
    store.catch_up()
    assert keys(store) == ['new/a']
    assert keys(LaggingStore(store.inner)) == ['new/a']
    assert [entry.key for entry in store.list('', delimiter='/')] == ['new/']
