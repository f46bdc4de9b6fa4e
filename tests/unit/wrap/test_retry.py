"""What did not work is tried again, and what had worked all the same is known from what others did."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.store import CHUNK, Body, Exists, NotFound, Origin, Refused, Store, Unavailable
from objreg.testing.contract import StoreContract
from objreg.testing.faults import (
    Call,
    CountingStore,
    Fault,
    FaultyStore,
    InterceptedStore,
    Rule,
    Stop,
    always,
    first,
    nth,
    sometimes,
)
from objreg.testing.promises import sample
from objreg.wrap.prefix import PrefixStore
from objreg.wrap.retry import Policy, RetryingStore

WRITES = ('put', 'part', 'finish')
BLOB = 'blobs/sha256/aa/aa'


def retrying(inner: Store, attempts: int = 4) -> RetryingStore:
    return RetryingStore(inner, Policy(attempts=attempts, pause=0))


def faulty(rule: Rule, **objects: bytes) -> tuple[RetryingStore, FaultyStore]:
    """A retrying store, and the failing one that it lies around."""
    inner = MemoryStore()
    for key, data in objects.items():
        inner.put(key, data)
    failing = FaultyStore(inner, rule)
    return retrying(failing), failing


class TestContract(StoreContract):
    """It is a store."""

    @pytest.fixture
    def store(self) -> Store:
        return retrying(MemoryStore())


class TestContractOnAFailingStore(StoreContract):
    """It is a store also around one a third of whose answers are lost, or that does nothing.

    Left alone here are writes, for bodies that can be read once only are not sent again, and `finish`: an upload that
    is gone counts as finished where an object of its size is, which holds for keys that carry a digest or a random
    part, as all do that objreg uploads to, and not for those of the contract.
    """

    @pytest.fixture
    def store(self) -> Store:
        chance = sometimes(0.35, 1, [Fault.UNAVAILABLE, Fault.LOST_ANSWER])
        return retrying(
            FaultyStore(MemoryStore(), lambda call: chance(call) if call.operation not in WRITES else None), 60
        )


CALLS: dict[str, tuple[Callable[[Store], object], Callable[[Store], object]]] = {
    'get': (lambda store: store.get('k').read(), lambda store: store.read('k') == b'content'),
    'read': (lambda store: store.read('k'), lambda store: True),
    'stat': (lambda store: store.stat('k').size, lambda store: True),
    'list': (lambda store: [entry.key for entry in store.list('')], lambda store: True),
    'put': (lambda store: store.put('k', b'new'), lambda store: store.read('k') == b'new'),
    'create': (lambda store: store.put('new', b'new', if_absent=True), lambda store: store.read('new') == b'new'),
    'put file': (lambda store: store.put('k', io.BytesIO(b'new'), 3), lambda store: store.read('k') == b'new'),
    'copy': (lambda store: store.copy('k', 'new'), lambda store: store.read('new') == b'content'),
    'take': (lambda store: store.take(Origin(_other(), 'theirs'), 'new'), lambda store: store.read('new') == b'theirs'),
    'delete': (lambda store: store.delete(iter(['k', 'missing'])), lambda store: not list(store.list(''))),
    'part': (lambda store: _upload(store, b'new'), lambda store: store.read('new') == b'newnew'),
    'part of a file': (lambda store: _upload(store, io.BytesIO(b'new')), lambda store: store.read('new') == b'newnew'),
    'abort': (lambda store: store.upload('k').abort(), lambda store: True),
}


def _other() -> Store:
    other = MemoryStore()
    other.put('theirs', b'theirs')
    return other


def _upload(store: Store, body: Body) -> None:
    upload = store.upload('uploads/new')
    parts = [upload.part(1, body, 3)]
    if isinstance(body, io.BytesIO):
        body.seek(0)
    parts.append(store.resume(upload.id).part(2, body, 3))
    store.resume(upload.id).finish(parts, 'new')


@pytest.mark.parametrize('fault', [Fault.UNAVAILABLE, Fault.LOST_ANSWER, Fault.CUT])
@pytest.mark.parametrize('name', CALLS)
def test_a_call_whose_every_step_fails_once_works(name: str, fault: Fault) -> None:
    call, is_done = CALLS[name]
    if (name, fault) == ('get', Fault.CUT):
        return  # of what may change nothing is put together: test_what_may_change_is_not_pieced_together
    undisturbed = MemoryStore()
    undisturbed.put('k', b'content')
    counting = CountingStore(undisturbed)
    expected = call(counting)
    for number in range(1, counting.total + 1):
        store, failing = faulty(nth(number, fault), k=b'content')
        assert call(store) == expected
        assert len(failing.happened) == 1
        assert is_done(failing.inner)


def test_a_node_starts_although_the_first_look_at_the_store_fails() -> None:
    class Busy(MemoryStore):
        asked = 0

        def check(self) -> None:
            self.asked += 1
            if self.asked == 1:
                raise Unavailable('busy')

    busy = Busy()
    RetryingStore(busy, Policy(pause=0)).check()
    assert busy.asked == 2


def test_no_more_is_tried_than_was_said() -> None:
    store, failing = faulty(always(Fault.UNAVAILABLE))
    with pytest.raises(Unavailable, match='call 4, stat'):
        store.stat('k')
    assert len(failing.happened) == 4
    once = FaultyStore(MemoryStore(), always(Fault.UNAVAILABLE))
    with pytest.raises(Unavailable):
        retrying(once, 1).stat('k')
    assert len(once.happened) == 1


@pytest.mark.parametrize(('error', 'call'), [
    (NotFound, lambda store: store.read('missing')),
    (Exists, lambda store: store.put('k', b'x', if_absent=True)),
    (Refused, lambda store: store.get('k', 99)),
])
def test_an_answer_is_not_asked_for_again(error: type[Exception], call: Callable[[Store], object]) -> None:
    inner = MemoryStore()
    inner.put('k', b'content')
    counting = CountingStore(inner)
    with pytest.raises(error):
        call(retrying(counting))
    assert counting.total == 1


def test_a_process_that_is_stopped_does_not_try_again() -> None:
    store, failing = faulty(nth(1, Fault.STOP_BEFORE))
    with pytest.raises(Stop):
        store.put('k', b'x')
    assert len(failing.happened) == 1


def test_who_created_it_in_a_lost_answer_has_created_it() -> None:
    store, failing = faulty(nth(1, Fault.LOST_ANSWER))
    store.put('k', b'mine', if_absent=True)
    assert failing.inner.read('k') == b'mine'


@pytest.mark.parametrize('theirs', [b'theirs', b'min', b''])
def test_who_comes_second_is_told_although_the_first_answer_was_lost(theirs: bytes) -> None:
    store, failing = faulty(nth(1, Fault.LOST_ANSWER), k=theirs)
    with pytest.raises(Exists):
        store.put('k', b'mine', if_absent=True)
    assert failing.inner.read('k') == theirs


def test_what_was_taken_and_is_gone_again_was_not_mine() -> None:
    store, failing = faulty(nth(1, Fault.LOST_ANSWER), k=b'theirs')

    def delete_before_reading(call: Call) -> Fault | None:
        if call.operation == 'get':
            failing.inner.delete(['k'])
        return Fault.LOST_ANSWER if call.number == 1 else None

    failing.rule = delete_before_reading
    with pytest.raises(Exists):
        store.put('k', b'mine', if_absent=True)


def test_who_finished_in_a_lost_answer_has_finished() -> None:
    store, failing = faulty(first(Fault.LOST_ANSWER, {'finish'}, times=3))
    _upload(store, b'new')
    assert failing.inner.read('new') == b'newnew'


def test_an_upload_that_is_gone_is_not_taken_for_finished() -> None:
    for had in (None, b'another size'):
        store, failing = faulty(first(Fault.UNAVAILABLE, {'finish'}), **({} if had is None else {'new': had}))
        upload = store.upload('new')
        parts = [upload.part(1, b'x')]
        failing.inner.resume(upload.id).abort()
        with pytest.raises(Refused):
            upload.finish(parts, 'new')


def test_a_body_that_can_be_read_once_is_not_sent_twice() -> None:
    for fault in (Fault.UNAVAILABLE, Fault.CUT):
        store, failing = faulty(always(fault))
        upload = store.upload('k')
        for write in (store.put, lambda _, body, size, to=upload: to.part(1, body, size)):
            with pytest.raises(Unavailable):
                write('k', iter([b'con', b'tent']), 7)
        assert [call.number for call, _ in failing.happened] == [1, 2]


@pytest.mark.parametrize('fault', [Fault.UNAVAILABLE, Fault.LOST_ANSWER, Fault.CUT])
def test_a_file_is_sent_again_from_where_it_stood(fault: Fault) -> None:
    data = sample(2 * CHUNK)
    store, failing = faulty(nth(1, fault))
    body = io.BytesIO(b'before' + data + b'behind')
    body.seek(6)
    store.put('k', body, len(data))
    assert failing.inner.read('k') == data
    assert body.read() == b'behind'


class Breaking(InterceptedStore):
    """Its answers break after some bytes, the first so many times."""

    def __init__(self, inner: Store, after: int, times: int) -> None:
        super().__init__(inner)
        self.after = after
        self.left = times

    def get(self, key: str, start: int = 0, end: int | None = None):  # type: ignore[no-untyped-def]
        content = self.inner.get(key, start, end)
        if not self.left:
            return content
        self.left -= 1
        failing = FaultyStore(self.inner, always(Fault.CUT))
        stop = content.size if end is None else end
        with content:
            cut = failing.get(key, start, min(stop, start + 2 * self.after))
        cut.size = content.size
        return cut


@pytest.mark.parametrize(('start', 'end'), [(0, None), (0, 5 * CHUNK), (7, None), (CHUNK, 4 * CHUNK + 1)])
@pytest.mark.parametrize('times', [1, 2, 3])
def test_a_download_of_content_goes_on_where_it_broke(start: int, end: int | None, times: int) -> None:
    data = sample(6 * CHUNK + 3)
    inner = MemoryStore()
    inner.put(BLOB, data)
    breaking = Breaking(inner, CHUNK // 2, times)
    with retrying(breaking).get(BLOB, start, end) as content:
        assert content.size == len(data[start:end])
        assert b''.join(content) == data[start:end]
    assert breaking.left == 0


def test_a_download_goes_on_below_a_path_too() -> None:
    inner = MemoryStore()
    inner.put(f'team-a/{BLOB}', sample(4 * CHUNK))
    breaking = Breaking(inner, CHUNK, 1)
    assert PrefixStore(store=retrying(breaking), path='team-a').get(BLOB).read() == sample(4 * CHUNK)
    assert breaking.left == 0


def test_a_download_that_brings_nothing_more_ends() -> None:
    inner = MemoryStore()
    inner.put(BLOB, sample(4 * CHUNK))
    breaking = Breaking(inner, 0, 10**9)
    with retrying(breaking).get(BLOB) as content, pytest.raises(Unavailable):
        b''.join(content)
    assert 10**9 - breaking.left < 10


def test_what_may_change_is_not_pieced_together() -> None:
    store, failing = faulty(nth(1, Fault.CUT), k=sample(4 * CHUNK))
    with store.get('k') as content, pytest.raises(Unavailable):
        b''.join(content)
    assert len(failing.happened) == 1


def test_pauses_grow_and_do_as_they_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr('tenacity.nap.time.sleep', pauses.append)

    def busy(asked: float | None, **options: float) -> list[float]:
        def fail(_: bool) -> None:
            raise Unavailable('busy', asked)

        pauses.clear()
        with pytest.raises(Unavailable):
            Policy(attempts=6, **options).call(fail)
        return list(pauses)

    many = [busy(None, pause=0.1, longest_pause=0.5) for _ in range(50)]
    assert all(len(one) == 5 for one in many)
    for at, most in enumerate((0.1, 0.2, 0.4, 0.5, 0.5)):
        column = [one[at] for one in many]
        assert 0 <= min(column) < max(column) <= most
        assert len(set(column)) > 10
    assert all(pause >= 2 for pause in busy(2.0, pause=0.1))
    assert all(pause <= 3 for pause in busy(3600.0, pause=0.1, longest_pause=3))
    assert max(busy(3600.0, pause=0.1, longest_pause=3)) == 3


def test_nothing_is_begun_after_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    monkeypatch.setattr('tenacity.nap.time.sleep', lambda seconds: now.__setitem__(0, now[0] + seconds))
    tried: list[float] = []

    def fail(_: bool) -> None:
        tried.append(now[0])
        raise Unavailable('busy', 4.0)

    with pytest.raises(Unavailable):
        Policy(attempts=100, pause=0, longest_pause=5, seconds=10).call(fail)
    assert tried == [0, 4, 8]


@pytest.mark.parametrize('wrong', [
    {'attempts': 0}, {'pause': -1.0}, {'longest_pause': -0.1}, {'seconds': -5.0},
])
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match='attempts: is at least 1, and no time is negative'):
        Policy(**wrong)  # type: ignore[arg-type]
