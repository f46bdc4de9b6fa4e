"""Every call to a store is reported, once, with what came of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.store import Exists, NotFound, Store, Unavailable
from objreg.testing.contract import StoreContract
from objreg.testing.faults import CountingStore, Fault, FaultyStore, Stop, nth
from objreg.wrap import timing
from objreg.wrap.timing import TimedStore

Report = tuple[str, str, float, str]


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """What the observers are told."""
    told: list[Report] = []
    monkeypatch.setattr(timing, 'observers', [lambda *report: told.append(report)])
    return told


class TestContract(StoreContract):
    """It is a store, and reports what it is asked for."""

    @pytest.fixture
    def store(self, reports: list[Report]) -> Iterator[Store]:
        counting = CountingStore(MemoryStore())
        yield TimedStore(counting)
        counted = [call.operation for call in counting.log]
        assert sorted(operation for _, operation, _, _ in reports) == sorted(counted)
        assert all(seconds >= 0 for _, _, seconds, _ in reports)


def test_a_report_names_the_store_the_operation_and_the_outcome(reports: list[Report]) -> None:
    inner = MemoryStore()
    inner.name = 'folder'
    store = timing.timed(inner)
    store.put('k', b'x', if_absent=True)
    with pytest.raises(Exists):
        store.put('k', b'x', if_absent=True)
    with pytest.raises(NotFound):
        store.stat('missing')
    list(store.list(''))
    upload = store.upload('k')
    store.resume(upload.id).finish([upload.part(1, b'')], 'k')
    upload.abort()
    assert [(name, operation, outcome) for name, operation, _, outcome in reports] == [
        ('folder', 'put', 'ok'), ('folder', 'put', 'Exists'), ('folder', 'stat', 'NotFound'), ('folder', 'list', 'ok'),
        ('folder', 'part', 'ok'), ('folder', 'finish', 'ok'), ('folder', 'abort', 'ok'),
    ]


@pytest.mark.parametrize(('fault', 'outcome'), [(Fault.LOST_ANSWER, 'Unavailable'), (Fault.STOP_AFTER, 'Stop')])
def test_a_call_that_fails_is_reported_and_fails_still(fault: Fault, outcome: str, reports: list[Report]) -> None:
    store = TimedStore(FaultyStore(MemoryStore(), nth(1, fault)))
    with pytest.raises((Unavailable, Stop)):
        store.put('k', b'x')
    assert [(operation, told) for _, operation, _, told in reports] == [('put', outcome)]


def test_all_who_want_to_know_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    one: list[Report] = []
    two: list[Report] = []
    monkeypatch.setattr(timing, 'observers', [lambda *report: one.append(report), lambda *report: two.append(report)])
    TimedStore(MemoryStore()).page('')
    assert len(one) == 1
    assert one == two
