"""What a store promises to many threads and processes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

from objreg.store import CHUNK, Exists, NotFound, Store, Unavailable
from objreg.testing.ledger import Ledger
from objreg.testing.promises import Promises, patient, sample


def at_once(calls: Iterable[Callable[[], bool]]) -> list[bool]:
    """What the calls return, all begun at the same time."""
    calls = list(calls)
    barrier = Barrier(len(calls))

    def run(call: Callable[[], bool]) -> bool:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def _creator(store: Store, key: str, data: bytes) -> Callable[[], bool]:
    def create() -> bool:
        try:
            store.put(key, data, if_absent=True)
        except Exists:
            return False
        return True

    return create


class RacePromises(Promises):
    """The tests."""

    def test_of_racing_creators_one_wins_where_that_is_declared(self, objects: Ledger, others: Ledger) -> None:
        for round in range(self.rounds):
            key = f'hub/users/{round}'
            bodies = [f'creator {number}'.encode() for number in range(self.racers)]
            won = at_once(_creator((objects, others)[at % 2], key, body) for at, body in enumerate(bodies))
            winners = [body for body, wins in zip(bodies, won, strict=True) if wins]
            assert winners
            if objects.capabilities.conditional_put:
                assert len(winners) == 1
            assert objects.read(key) in winners

    def test_put_replaces_atomically(self, objects: Ledger, others: Ledger) -> None:
        values = [sample(size, size) for size in (3 * CHUNK + 1, 10, CHUNK, 2 * CHUNK)]
        objects.put('k', values[0])
        done = Event()

        def chunks(store: Ledger) -> bytes:
            with store.get('k') as content:
                return b''.join(content)

        def look(store: Ledger) -> bool:
            while not done.is_set():
                assert patient(lambda: store.read('k')) in values
                assert patient(lambda: chunks(store)) in values
                assert patient(lambda: store.stat('k')).size in map(len, values)
            return True

        def uploaded(store: Ledger) -> None:
            upload = store.upload('k')
            upload.finish([upload.part(1, values[-1])], 'k')

        def replace(store: Ledger) -> bool:
            try:
                for at in range(6 * self.rounds):
                    patient(lambda at=at: store.put('k', values[at % len(values)]))  # type: ignore[misc]
                    if at % 5 == 0:
                        patient(lambda: uploaded(store))
            finally:
                done.set()
            return True

        at_once([lambda: look(objects), lambda: look(others), lambda: replace(objects), lambda: replace(others)])
        assert objects.read('k') in values

    def test_an_object_is_there_whole_or_not_at_all(self, objects: Ledger, others: Ledger) -> None:
        data = sample(CHUNK + 1)
        done = Event()

        def look() -> bool:
            while not done.is_set():
                try:
                    assert others.read('a/b/c') == data
                except (NotFound, Unavailable):
                    continue
            return True

        def come_and_go() -> bool:
            try:
                for _ in range(6 * self.rounds):
                    objects.put('a/b/c', data)
                    objects.delete(['a/b/c'])
            finally:
                done.set()
            return True

        at_once([look, look, come_and_go])

    def test_a_write_is_not_lost_when_its_neighbours_are_deleted(self, objects: Ledger, others: Ledger) -> None:
        def come_and_go(store: Ledger, number: int) -> bool:
            for _ in range(4 * self.rounds):
                key = f'deep/er/still/{number}/k'
                store.put(key, b'x')
                assert store.read(key) == b'x'
                store.delete([key])
            store.put(f'deep/er/still/{number}/last', b'last')
            return True

        at_once([lambda at=at: come_and_go((objects, others)[at % 2], at) for at in range(4)])  # type: ignore[misc]
        assert [objects.read(f'deep/er/still/{at}/last') for at in range(4)] == [b'last'] * 4

    def test_many_threads_share_a_store(self, objects: Ledger) -> None:
        def work(number: int) -> bool:
            data = sample(CHUNK // 2 + number, number)
            for step in range(self.rounds):
                key = f'threads/{number}/{step}'
                objects.put(key, data)
                assert objects.get(key, 5, 500).read() == data[5:500]
                assert objects.stat(key).size == len(data)
                upload = objects.upload(key)
                upload.finish([upload.part(1, data[::-1])], key)
                assert objects.read(key) == data[::-1]
                objects.copy(key, key + '-copy')
                objects.delete([key])
            return True

        assert all(at_once([lambda at=at: work(at) for at in range(self.racers)]))  # type: ignore[misc]
        for number in range(self.racers):
            assert objects.read(f'threads/{number}/0-copy') == sample(CHUNK // 2 + number, number)[::-1]
