"""A name gets one owner: on a store that promises it, and on one that does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub import keys, records
from objreg.hub.accounts import Accounts
from objreg.hub.claims import HELD, PATIENCE, SKEW, WAIT, Busy, Taken, claim
from objreg.hub.names import RESERVED, NameRefused
from objreg.hub.records import Account
from objreg.store import Store, Unavailable
from objreg.testing.faults import Fault, FaultyStore, first
from objreg.wrap.base import WrappedStore
from objreg.wrap.retry import Policy, RetryingStore
from tests.unit.hub.steps import Rule, Stage, SteppedStore, Stop, schedules

pytestmark = pytest.mark.exhaustive

NAME = 'alice'


class Unsure(WrappedStore):
    """A store that does not promise that create-if-absent is atomic."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.capabilities = replace(inner.capabilities, conditional_put=False)


def account(id: str, name: str = NAME) -> Account:
    return Account(name, 'user', id, 0)


def owner(store: Store, name: str = NAME) -> str:
    """The id of whose the name is; '' of nobody."""
    found = records.find(store, keys.account(name), Account)
    return found.id if found else ''


def set_of(claimers: int, rule: Rule | None = None) -> Callable[[], Stage]:
    """A stage on which so many claim the same name; each wins by returning its number."""
    def run() -> Stage:
        stage, inner = Stage(), MemoryStore()
        store = SteppedStore(Unsure(inner), stage, rule)

        def claiming(number: int) -> Callable[[], int]:
            def work() -> int:
                claim(store, account(str(number)), clock=stage)
                return number
            return work

        for number in range(claimers):
            stage.add(claiming(number))
        stage.store = inner  # type: ignore[attr-defined]
        return stage

    return run


def winners(stage: Stage) -> list[int]:
    for result in stage.results:
        assert isinstance(result, int | Taken | Busy | Unavailable | Stop), repr(result)
    return [result for result in stage.results if isinstance(result, int)]


def explore(run: Callable[[], Stage], preemptions: int, least: int) -> Iterator[tuple[Stage, list[int]]]:
    """Every schedule; that nobody shares a name, and that who was told that it is his has it in the end."""
    count = 0
    for stage in schedules(run, preemptions):
        count += 1
        found = winners(stage)
        assert len(found) <= 1, stage.results
        if found:
            assert owner(stage.store) == str(found[0]), stage.results  # type: ignore[attr-defined]
        yield stage, found
    assert count >= least, count


# On a store that promises it


def test_of_many_who_claim_a_name_at_once_one_wins() -> None:
    for round in range(20):
        store, names, barrier = MemoryStore(), ['a-b', 'a_b', 'a.b'], Barrier(12)

        def claiming(number: int, store: Store = store, names: list[str] = names, barrier: Barrier = barrier) -> str:
            barrier.wait()
            try:
                claim(store, account(str(number), names[number % 3]))
            except Taken:
                return ''
            return str(number)

        with ThreadPoolExecutor(12) as threads:
            won = [id for id in threads.map(claiming, range(12)) if id]
        assert won == [owner(store, 'a-b')], round
        assert [entry.key for entry in store.list('')] == ['hub/accounts/a-b']


@pytest.mark.parametrize('is_sure', [True, False])
def test_who_was_not_answered_finds_that_he_won(is_sure: bool) -> None:
    """The write is tried again by the store around, and meets itself."""
    inner = MemoryStore()
    faulty = FaultyStore(inner if is_sure else Unsure(inner), first(Fault.LOST_ANSWER, ['put'], key='hub/accounts/'))
    claim(RetryingStore(faulty, Policy(pause=0.001)), account('me'), clock=Stage())
    assert faulty.happened and owner(inner) == 'me'
    with pytest.raises(Taken):
        claim(inner, account('other'))


# The timed lock


def test_one_alone_wins_and_leaves_no_lock() -> None:
    (stage, found), = explore(set_of(1), 0, 1)
    assert found == [0]
    assert [entry.key for entry in stage.store.list('')] == ['hub/accounts/alice']  # type: ignore[attr-defined]


def test_of_two_never_both_win_whoever_is_interrupted() -> None:
    found = [won for _, won in explore(set_of(2), 3, 500)]
    assert [0] in found and [1] in found


def test_of_three_never_two_win() -> None:
    found = [won for _, won in explore(set_of(3), 1, 300)]
    assert [0] in found and [1] in found and [2] in found


@pytest.mark.parametrize('arrives', ['late', 'at once'])
@pytest.mark.parametrize('seconds', [PATIENCE / 2, PATIENCE, PATIENCE + 0.1, WAIT, WAIT + 0.1, 3 * WAIT, HELD])
def test_a_slow_write_of_the_lock_makes_no_second_winner(arrives: str, seconds: float) -> None:
    """It arrives in the end, or in the beginning and the answer comes late."""
    stages: list[Stage] = []

    def rule(me: int, operation: str, key: str, work: Callable[[], Any]) -> Any:
        if me == 0 and operation == 'put' and key.startswith('hub/locks/'):
            if arrives == 'at once':
                work()
            stages[-1].pause(seconds)
            return work() if arrives == 'late' else None
        return work()

    def run() -> Stage:
        stages.append(set_of(2, rule)())
        return stages[-1]

    for stage, found in explore(run, 2, 50):
        assert seconds <= PATIENCE or found != [0], stage.results


@pytest.mark.parametrize('operation', ['get', 'put', 'delete'])
@pytest.mark.parametrize('fault', ['lost', 'unavailable', 'stop before', 'stop after'])
def test_a_call_that_fails_makes_no_second_winner(operation: str, fault: str) -> None:
    """Of each kind in turn: the work was done and nobody heard of it, or the process ended there."""
    def rule_of(nth: int) -> Callable[[], Stage]:
        counts: list[int] = []

        def rule(me: int, called: str, key: str, work: Callable[[], Any]) -> Any:
            if me != 0 or called != operation:
                return work()
            counts[-1] += 1
            if counts[-1] != nth:
                return work()
            if fault in ('lost', 'stop after'):
                work()
            raise Stop if fault.startswith('stop') else Unavailable(fault)

        def run() -> Stage:
            counts.append(0)
            return set_of(2, rule)()

        return run

    for nth in (1, 2, 3):
        for _ in explore(rule_of(nth), 1, 10):
            pass


def test_who_was_told_that_a_name_is_his_keeps_it_when_an_older_write_arrives() -> None:
    """Of a write that failed nobody knows whether it arrives yet: the lock is kept as long as it may."""
    stage, inner, late = Stage(), MemoryStore(), []

    def rule(me: int, operation: str, key: str, work: Callable[[], Any]) -> Any:
        if operation == 'put' and key.startswith('hub/accounts/') and not late:
            late.append(work)
            raise Unavailable('no answer')
        return work()

    store = SteppedStore(Unsure(inner), stage, rule)
    with pytest.raises(Unavailable):
        claim(store, account('first'), clock=stage)
    with pytest.raises(Busy):
        claim(store, account('second'), clock=stage)
    late[0]()
    with pytest.raises(Taken):
        claim(store, account('second'), clock=stage)
    assert owner(inner) == 'first'


@pytest.mark.parametrize('call', [2, 4, 5])
def test_who_was_stopped_too_long_does_not_take_what_another_took_meanwhile(call: int) -> None:
    """The lock ends by its age, which counts from its writing, wherever the time went."""
    stage, inner, calls, written = Stage(), MemoryStore(), [], []

    def of_other(me: int, operation: str, key: str, work: Callable[[], Any]) -> Any:
        if operation == 'put' and key.startswith('hub/accounts/'):
            written.append(work)  # he has won, and is about to write
            raise Stop
        return work()

    def rule(me: int, operation: str, key: str, work: Callable[[], Any]) -> Any:
        calls.append(operation)
        try:
            return work()
        finally:
            if len(calls) == call:
                stage.now += HELD + SKEW + 1
                with pytest.raises(Stop):
                    claim(SteppedStore(Unsure(inner), stage, of_other), account('other'), clock=stage)

    with pytest.raises(Busy):
        claim(SteppedStore(Unsure(inner), stage, rule), account('stopped'), clock=stage)
    written[0]()
    assert owner(inner) == 'other'


def test_a_lock_whose_holder_is_gone_delays_others_no_longer_than_its_age() -> None:
    stage, inner = Stage(), MemoryStore()
    with pytest.raises(Stop):
        claim(SteppedStore(Unsure(inner), stage, stop_at('hub/accounts/')), account('gone'), clock=stage)
    written = stage.now - WAIT
    for seconds in (0, HELD, HELD + SKEW - 1):
        stage.now = written + seconds
        with pytest.raises(Busy):
            claim(Unsure(inner), account('next'), clock=stage)
    stage.now = written + HELD + SKEW
    claim(Unsure(inner), account('next'), clock=stage)
    assert owner(inner) == 'next'


def stop_at(prefix: str) -> Rule:
    def rule(me: int, operation: str, key: str, work: Callable[[], Any]) -> Any:
        if operation == 'put' and key.startswith(prefix):
            raise Stop
        return work()

    return rule


@pytest.mark.parametrize('lock', [b'', b'{', b'[]', b'{"at":"x"}', b'{"mark":"m","at":99999999999}'])
def test_what_is_no_lock_holds_nobody_up(lock: bytes) -> None:
    """Nor does one of a day that is far away, which a clock that was wrong has left."""
    stage, inner = Stage(), MemoryStore()
    inner.put(keys.lock(NAME), lock)
    claim(Unsure(inner), account('me'), clock=stage)
    assert owner(inner) == 'me'


def test_a_lock_that_cannot_be_taken_away_is_no_failure() -> None:
    """The record is there: whoever was told otherwise would find his own name taken."""
    inner = MemoryStore()
    faulty = FaultyStore(Unsure(inner), first(Fault.UNAVAILABLE, ['delete']))
    claim(faulty, account('me'), clock=Stage())
    assert faulty.happened and owner(inner) == 'me'
    with pytest.raises(Taken):
        claim(faulty, account('other'), clock=Stage())


# Names


@pytest.mark.parametrize('is_sure', [True, False])
@pytest.mark.parametrize('name', ['a-b', 'a_b', 'a.b'])
def test_names_that_differ_in_their_separators_are_one(is_sure: bool, name: str) -> None:
    store = MemoryStore() if is_sure else Unsure(MemoryStore())
    accounts = Accounts(store, clock=Stage())
    accounts.create('a_b', 'user')
    with pytest.raises(Taken):
        accounts.create(name, 'organisation')
    assert (accounts.find(name) is not None) is (name == 'a_b')


def test_a_deleted_name_stays_taken() -> None:
    """Repo-jacking: what was pulled from a name never comes from somebody else."""
    accounts = Accounts(MemoryStore())
    accounts.delete(accounts.create('alice', 'user'))
    with pytest.raises(Taken):
        accounts.create('alice', 'user')
    assert accounts.find('alice') is None


@pytest.mark.parametrize('name', [
    '', 'a', 'A', 'Alice', 'al ice', 'a/b', '../x', 'a..b', '-a', 'a-', 'a__b', 'a--b', '\u0430lice', 'al\u0131ce',
    '\uff41lice', 'al\u200dice', 'a\n', 'alice\0', 'a+b', 'a%2fb', '\u0661\u0662', 'x' * 65,
    *sorted(RESERVED)[:5], 'library', 'v2', 'objreg',
])
def test_nobody_is_called_so(name: str) -> None:
    """Nor by letters that look alike (UTS 39), nor by what a path or a key means."""
    store = MemoryStore()
    with pytest.raises(NameRefused):
        Accounts(store).create(name, 'user')
    assert list(store.list('')) == []
