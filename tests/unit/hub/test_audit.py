"""The audit log."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub.audit import Audit, Wanted
from objreg.testing.faults import CountingStore, LaggingStore

START = datetime(2026, 1, 31, 23, 59, 0, 123456, tzinfo=UTC).timestamp()
EVENTS = [
    ('user.add', 'alice', 'ada'), ('token.add', 'alice', 'alice'), ('repository.show', 'alice/app', 'alice'),
    ('repository.show', 'alice/app/deep', 'alice'), ('user.password', 'alice_b', 'alice_b'), ('users', 'alic', 'ada'),
]


@pytest.fixture
def audit() -> Audit:
    """One with events a second apart."""
    now = [START - 1]

    def time() -> float:
        now[0] += 1
        return now[0]

    audit = Audit(MemoryStore(), now=time)
    for action, target, by in EVENTS:
        audit.write(action, target, by=by, address='192.0.2.7', label='x')
    return audit


def found(audit: Audit, wanted: Wanted) -> list[int]:
    """Which of the events, by their places."""
    return [EVENTS.index((one.action, one.target, one.by)) for _, one in audit.find(wanted)]


def test_an_event_says_who_what_and_when(audit: Audit) -> None:
    _, event = next(audit.find(Wanted()))
    assert (event.at, event.action, event.target, event.by, event.address, event.more) == (
        '2026-01-31T23:59:00.123456Z', 'user.add', 'alice', 'ada', '192.0.2.7', {'label': 'x'}
    )


@pytest.mark.parametrize(('wanted', 'expected'), [
    (Wanted(), [0, 1, 2, 3, 4, 5]), (Wanted(by='ada'), [0, 5]), (Wanted(by='alice'), [1, 2, 3]), (Wanted(by='al'), []),
    (Wanted(action='user'), [0, 4]), (Wanted(action='user.add'), [0]), (Wanted(action='repository'), [2, 3]),
    (Wanted(target='alice'), [0, 1, 2, 3]), (Wanted(target='alice/app'), [2, 3]), (Wanted(target='alic'), [5]),
    (Wanted(by='alice', action='token'), [1]),
    (Wanted(since=START + 2), [2, 3, 4, 5]), (Wanted(until=START + 2), [0, 1, 2]),
    (Wanted(since=START + 1, until=START + 3), [1, 2, 3]), (Wanted(since=START + 2.5, until=START + 2.7), []),
])
def test_events_are_found_by_what_they_say(audit: Audit, wanted: Wanted, expected: list[int]) -> None:
    assert found(audit, wanted) == expected


def test_a_search_goes_on_where_it_ended(audit: Audit) -> None:
    places = [place for place, _ in audit.find(Wanted())]
    for number, place in enumerate(places):
        assert [there for there, _ in audit.find(Wanted(), place)] == places[number + 1:]
        assert [there for there, _ in audit.find(Wanted(since=START + 3), place)] == places[max(number + 1, 3):]


def test_events_of_one_moment_are_all_kept() -> None:
    store = MemoryStore()
    nodes = [Audit(store, now=lambda: START) for _ in range(2)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: nodes[number % 2].write('x', str(number), by=''), range(200)))
    assert {event.target for _, event in nodes[0].find(Wanted())} == {str(number) for number in range(200)}


def test_to_write_an_event_is_one_call() -> None:
    counting = CountingStore(MemoryStore())
    Audit(counting).write('user.add', 'alice', by='ada')
    assert counting.calls == {'put': 1}


def test_what_a_lagging_list_still_shows_is_left_out() -> None:
    lagging = LaggingStore(MemoryStore())
    audit = Audit(lagging)
    audit.write('user.add', 'alice', by='ada')
    lagging.catch_up()
    lagging.delete([entry.key for entry in lagging.list('')])
    assert list(audit.find(Wanted())) == []
