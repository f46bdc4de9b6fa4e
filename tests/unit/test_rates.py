"""What is counted, for how long, and that it takes no more memory than it may."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest
from limits import RateLimitItem, parse

from objreg.config import ConfigError
from objreg.rates import Counts, as_rates

SIX_HOURS = 6 * 3600


class Clock:
    """The time of everything that is counted; it starts with a window, but for a moment."""

    def __init__(self) -> None:
        self.now = 1_000_000 * SIX_HOURS + 0.001

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr('time.time', made)
    return made


def done(counts: Counts, rate: RateLimitItem, who: str, times: int) -> int:
    """How often somebody was let who tried so often."""
    return sum(counts.hit(rate, who) for _ in range(times))


@pytest.mark.parametrize(('text', 'expected'), [
    ('', []), ('100/second', ['100 per 1 second']), ('200 per 6 hours', ['200 per 6 hour']),
    ('10 per minute; 500 per day', ['10 per 1 minute', '500 per 1 day']),
])
def test_rates_are_written_in_words(text: str, expected: list[str]) -> None:
    assert [str(rate) for rate in as_rates('pulls', text, '1/day')] == expected


@pytest.mark.parametrize(('text', 'said'), [
    ('often', "pulls: 'often' is not like 1/day"), ('5', "pulls: '5' is not like 1/day"),
    ('5/fortnight', "pulls: '5/fortnight' is not like 1/day"), ('-1/day', "pulls: '-1/day' is not like 1/day"),
    ('9/day; 0/hour', "pulls: '9/day; 0/hour' lets nobody do anything"),
])
def test_what_is_no_rate_is_told_with_its_option(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        as_rates('pulls', text, '1/day')
    assert str(error.value) == said


def test_so_much_is_let_and_no_more_and_nobody_else_notices(clock: Clock) -> None:
    counts, rate = Counts(), parse('100 per 6 hours')
    assert done(counts, rate, 'one', 150) == 100
    assert (counts.left(rate, 'one'), counts.left(rate, 'other')) == (0, 100)
    assert not counts.test(rate, 'one') and counts.test(rate, 'other')


@pytest.mark.parametrize('history', [
    [(0, 100)], [(3600, 100)], [(0, 60), (SIX_HOURS + 900, 60)], [(20_000, 90), (1700, 30)], [(0.7, 33), (0.9, 67)],
])
def test_whoever_waits_as_long_as_he_is_told_is_let(history: Iterable[tuple[float, int]], clock: Clock) -> None:
    counts, rate = Counts(), parse('100 per 6 hours')
    for seconds, times in history:
        clock.now += seconds
        done(counts, rate, 'one', times)
    done(counts, rate, 'one', 100)
    for _ in range(5):
        assert not counts.test(rate, 'one')
        clock.now += counts.wait(rate, 'one')
        assert counts.hit(rate, 'one')


def test_windows_slide(clock: Clock) -> None:
    """Half a window later, half of what was done in the last one counts."""
    counts, rate = Counts(), parse('100 per 6 hours')
    assert done(counts, rate, 'one', 100) == 100
    clock.now += SIX_HOURS + SIX_HOURS // 2 - 1
    assert done(counts, rate, 'one', 100) == 50
    clock.now += 2 * SIX_HOURS
    assert done(counts, rate, 'one', 150) == 100


def test_what_is_over_takes_no_memory(clock: Clock) -> None:
    counts, rate = Counts(), parse('100 per 6 hours')
    for number in range(1000):
        counts.hit(rate, str(number))
    assert len(counts.storage._counts) == 1000  # type: ignore[attr-defined]
    clock.now += 2 * SIX_HOURS
    counts.hit(rate, 'somebody')
    assert len(counts.storage._counts) == 1  # type: ignore[attr-defined]


def test_very_many_take_no_more_memory_than_some(clock: Clock) -> None:
    """Those are forgotten who did nothing for longest; who goes on stays where he was."""
    counts, rate = Counts(most=100), parse('100 per 6 hours')
    assert done(counts, rate, 'goes on', 90) == 90
    for number in range(5000):
        counts.hit(rate, f'2001:db8::{number:x}')
        if number % 50 == 0:
            counts.test(rate, 'goes on')
    assert len(counts.storage._counts) == 100  # type: ignore[attr-defined]
    assert counts.left(rate, 'goes on') == 10
    assert counts.left(rate, '2001:db8::0') == 100


def test_long_names_take_no_more_memory_than_short_ones(clock: Clock) -> None:
    counts, rate = Counts(), parse('1 per day')
    one, other = 'x' * 10**6 + '1', 'x' * 10**6 + '2'
    assert counts.hit(rate, one) and counts.hit(rate, other) and not counts.hit(rate, one)
    assert max(len(key) for key in counts.storage._counts) < 300  # type: ignore[attr-defined]


def test_nothing_is_lost_where_many_count_at_once() -> None:
    counts, rate = Counts(), parse('1000 per day')
    let: list[int] = []
    gate = threading.Barrier(8)

    def count() -> None:
        gate.wait()
        let.append(done(counts, rate, 'one', 100))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(let), counts.left(rate, 'one')) == (800, 200)


def test_what_two_counted_at_once_beyond_the_limit_is_taken_back(clock: Clock) -> None:
    storage = Counts().storage
    assert storage.incr('window', 60, 5) == 5
    assert storage.decr('window', 2) == 3  # type: ignore[attr-defined]
    assert storage.get('window') == 3
    storage.decr('forgotten', 1)  # type: ignore[attr-defined]
    assert storage.get('forgotten') == 0
    clock.now += 61
    assert storage.get('window') == 0


@pytest.mark.parametrize('ask', [Counts.wait, Counts.left])
def test_asking_does_not_count(ask: Callable[..., int], clock: Clock) -> None:
    counts, rate = Counts(), parse('1 per day')
    for _ in range(5):
        ask(counts, rate, 'one')
    assert counts.hit(rate, 'one')
