"""What a check finds in stores that keep their promises, and in ones that do not; and that nothing is left of it."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from objreg.checking.findings import Finding, State
from objreg.checking.run import PROBES, check
from objreg.checking.scratch import Bounds
from objreg.drivers.file import FileStore
from objreg.drivers.memory import MemoryStore
from objreg.store import (
    Refused,
    Store,
    Unavailable,
)
from objreg.testing.faults import Fault, FaultyStore, LaggingStore, first, nth
from objreg.wrap.base import WrappedStore
from objreg.wrap.mirror import MirrorReadStore
from objreg.wrap.prefix import PrefixStore
from objreg.wrap.retry import Policy, RetryingStore
from objreg.wrap.split import SplitStore
from objreg.wrap.timing import TimedStore
from tests.functional.checking.misbehaving import (
    AnHourAhead,
    Damaging,
    EqualParts,
    Hiding,
    Honest,
    Interrupted,
    Late,
    Lying,
    Mending,
    Overwriting,
    Raising,
    ReadOnly,
    SignsNowhere,
    Stale,
    Torn,
    Unsigned,
    Unsorted,
    Unverified,
    Verified,
)

FEW = Bounds(size=100_000, rounds=2, racers=4, patience=1.0)


def findings(store: Store, bounds: Bounds = FEW, **options: Any) -> dict[str, Finding]:
    return {finding.probe: finding for finding in check(store, bounds, **options).findings}


def keys_of(store: Store) -> list[str]:
    return [entry.key for entry in store.list('')]


def wrong_in(found: dict[str, Finding]) -> list[str]:
    return [finding.probe for finding in found.values() if finding.state is State.WRONG]


KEEPING: dict[str, Callable[[Callable[[], Store]], Store]] = {
    'plain': lambda inner: inner(),
    'prefix': lambda inner: PrefixStore(store=inner(), path='team/a'),
    'mirror-read': lambda inner: MirrorReadStore(store=inner(), second=inner()),
    'split': lambda inner: SplitStore(names=inner(), blobs=inner()),
}


@pytest.mark.parametrize('inner', ['memory', 'file', 'equal parts'])
@pytest.mark.parametrize('kind', KEEPING)
def test_a_store_that_keeps_its_promises_is_good_enough(kind: str, inner: str, tmp_path: Path) -> None:
    number = iter(range(9))
    makers: dict[str, Callable[[], Store]] = {
        'memory': MemoryStore, 'equal parts': EqualParts,
        'file': lambda: FileStore(str(tmp_path / str(next(number))), sync=False),
    }
    store = KEEPING[kind](makers[inner])
    report = check(store, FEW)
    assert report.ok, report.findings
    assert {finding.probe for finding in report.findings} == {'failures', *(probe.title for probe in PROBES)}
    assert report.found == {'conditional_put': True, 'consistent_list': True, 'presign': False}
    assert {timing.call for timing in report.calls} > {'get', 'put', 'stat', 'delete', 'page', 'copy', 'finish'}
    assert all(0 <= timing.median <= timing.max for timing in report.calls)
    assert keys_of(store) == []
    store.close()


@pytest.mark.parametrize(('make', 'probe', 'state', 'found', 'meaning'), [
    (Lying, 'conditional PUT', 'wrong', 'declared but not found: of 4 racing writers up to', 'mend `preset`'),
    (Overwriting, 'conditional PUT', 'wrong', 'a key that is taken is written over', 'mend `preset`'),
    (Honest, 'conditional PUT', 'limited', 'not atomic, as declared', 'names are claimed by a timed lock'),
    (Late, 'listings', 'wrong', 'declared current but not found so: listings lag by up to 0.', 'mend `preset`'),
    (lambda inner: LaggingStore(inner, 0.2), 'listings', 'limited', 'listings lag by up to 0.', 'nothing depends'),
    (LaggingStore, 'listings', 'limited', 'lag by up to more than 1 s', 'pages of tags'),
    (LaggingStore, 'pages of listings', 'skipped', 'too late to tell', ''),
    (Stale, 'replaced objects', 'wrong', 'the old object is read for up to 0.', 'a tag that was moved'),
    (Stale, 'new and deleted objects', 'wrong', 'a new object is missing for up to 0.', 'unknown meanwhile'),
    (Stale, 'new and deleted objects', 'wrong', 'a deleted object is read for up to 0.', 'unknown meanwhile'),
    (Torn, 'replaced objects', 'wrong', 'neither the old object nor the new one', 'cannot be used'),
    (Unsorted, 'pages of listings', 'wrong', 'out of order', 'pages of tags'),
    (Mending, 'odd keys', 'wrong', 'listed otherwise', 'mend the proxy'),
    (ReadOnly, 'writing', 'wrong', 'this user may not do that', 'nothing can be pushed'),
    (ReadOnly, 'uploads', 'skipped', 'it cannot be written', ''),
    (Hiding, 'missing keys', 'wrong', 'denied', 's3:ListBucket'),
    (AnHourAhead, 'clock', 'wrong', "the store's clock is 3600 s ahead of this machine's", 'set the clock'),
    (Unverified, 'checksums', 'limited', 'spoiled on their way are stored', 'use TLS'),
    (Verified, 'checksums', 'ok', 'spoiled on their way are refused', ''),
    (Unsigned, 'signed URLs', 'wrong', 'declared but not found: no URL is given', 'objreg store setup'),
    (SignsNowhere, 'signed URLs', 'wrong', '127.0.0.1:9 cannot be reached from here', 'public_endpoint'),
    (Damaging, 'large objects', 'wrong', 'what is read is not what was written', 'cannot be used'),
    (Raising, 'small objects', 'wrong', 'KeyError, which no driver may raise', ''),
])
def test_a_broken_promise_is_found(
    make: Callable[[Store], Store], probe: str, state: str, found: str, meaning: str
) -> None:
    inner = MemoryStore()
    seen = findings(make(inner))[probe]
    assert seen.state == state, seen
    assert found in seen.found
    assert meaning in seen.meaning
    assert keys_of(inner) == []


def test_what_is_broken_is_all_that_is_wrong() -> None:
    for make, expected in ((Lying, ['conditional PUT']), (AnHourAhead, ['clock']), (Honest, []), (Verified, [])):
        assert wrong_in(findings(make(MemoryStore()))) == expected


def test_a_signature_is_never_told() -> None:
    report = check(SignsNowhere(MemoryStore()), FEW)
    assert 'TOPSECRET' not in str(report.as_json())


def test_a_store_that_cannot_be_reached_is_asked_once() -> None:
    class Unreachable(WrappedStore):
        def check(self) -> None:
            raise Unavailable('store: endpoint cannot be reached')

    found = findings(Unreachable(MemoryStore()))
    assert wrong_in(found) == ['reached']
    assert found['reached'].found == 'store: endpoint cannot be reached'
    assert {finding.state for finding in found.values()} == {State.WRONG, State.SKIPPED, State.OK}
    assert found['small objects'].state is State.SKIPPED


def test_read_only_writes_nothing_and_reads_what_is_there() -> None:
    inner, data = MemoryStore(), os.urandom(1000)
    digest = hashlib.sha256(data).hexdigest()
    inner.put(f'blobs/sha256/{digest[:2]}/{digest}', data)
    found = findings(ReadOnly(inner), read_only=True)
    assert wrong_in(found) == []
    assert '1 of its blobs' in found['what is there'].found
    assert found['writing'].state is State.SKIPPED
    inner.put(f'blobs/sha256/{digest[:2]}/{digest}', b'other')
    assert 'is damaged' in findings(ReadOnly(inner), read_only=True)['what is there'].found


def test_calls_that_had_to_be_made_again_are_told() -> None:
    faulty = FaultyStore(MemoryStore(), first(Fault.UNAVAILABLE, ['put'], times=2))
    found = findings(RetryingStore(TimedStore(faulty), Policy(pause=0)))
    assert wrong_in(found) == []
    assert found['failures'].found.startswith('2 of ')


@pytest.mark.parametrize('fault', [Fault.UNAVAILABLE, Fault.LOST_ANSWER, Fault.CUT])
def test_a_store_that_fails_in_the_middle_is_left_empty(fault: Fault) -> None:
    inner = MemoryStore()
    for number in range(1, 90, 6):
        faulty = FaultyStore(inner, nth(number, fault))
        report = check(faulty, FEW)
        assert faulty.happened and not report.ok
        assert keys_of(inner) == [], faulty.happened


def test_ctrl_c_leaves_nothing_and_what_was_found_is_told() -> None:
    inner = MemoryStore()
    for number in range(1, 90, 6):
        faulty = Interrupted(inner, nth(number, Fault.UNAVAILABLE))
        report = check(faulty, FEW)
        assert faulty.happened and not report.ok
        assert [finding.found for finding in report.findings if finding.probe == 'the rest'] == ['interrupted']
        assert keys_of(inner) == [], faulty.happened


def test_ctrl_c_while_it_tidies_up_leaves_nothing_either() -> None:
    inner = MemoryStore()
    faulty = Interrupted(inner, first(Fault.UNAVAILABLE, ['list'], key='uploads/'))
    assert check(faulty, FEW).ok
    assert faulty.happened
    assert keys_of(inner) == []


def test_what_cannot_be_deleted_is_told() -> None:
    class Keeping(WrappedStore):
        def delete(self, keys: Any) -> None:
            raise Refused('store: delete: this user may not do that')

    inner = MemoryStore()
    found = findings(Keeping(inner))
    assert keys_of(inner)[0] in found['tidying up'].found
    assert found['tidying up'].state is State.WRONG


def test_a_check_keeps_to_its_bounds() -> None:
    inner = MemoryStore()
    report = check(inner, replace(FEW, calls=30))
    assert 'more by --calls' in [finding.found for finding in report.findings if finding.state is State.WRONG][0]
    assert sum(timing.times for timing in report.calls) <= 30
    report = check(inner, replace(FEW, seconds=0.0))
    assert 'more by --seconds' in report.findings[0].found
    assert keys_of(inner) == []


def test_no_object_is_held_in_memory(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path), sync=False)
    tracemalloc.start()
    try:
        assert check(store, replace(FEW, size=30 * 1024**2)).ok
        assert tracemalloc.get_traced_memory()[1] < 10 * 1024**2
    finally:
        tracemalloc.stop()
    store.close()
