"""The lists that are announced: by several nodes, again and again, and by one that dies on the way."""

from __future__ import annotations

import itertools

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub import keys
from objreg.hub.hub import Hub
from objreg.hub.index.announced import KEPT, LARGEST, Announced, Image, parse
from objreg.store import Unavailable
from objreg.testing.faults import CountingStore, Fault, FaultyStore, Stop
from objreg.v1.errors import V1Error
from tests.unit.hub.index.clients import CHECKSUM, ONE, TWO

NAME = 'team/app'
SECONDS = itertools.count(1000)


def each(function, items):  # type: ignore[no-untyped-def]
    return list(map(function, items))


@pytest.fixture
def bucket() -> MemoryStore:
    return MemoryStore()


def node(store, now=lambda: next(SECONDS)):  # type: ignore[no-untyped-def]
    return Announced(store, each, now=now)


def test_an_announcement_is_one_write_and_the_same_again_is_the_same(bucket: MemoryStore) -> None:
    counting = CountingStore(bucket)
    here, there = node(counting), node(counting)
    here.announce(NAME, (Image(ONE),))
    assert counting.calls == {'put': 1, 'list': 1}
    there.announce(NAME, (Image(ONE),))
    assert len(list(bucket.list(keys.announced(NAME)))) == 1
    assert there.of(NAME) == here.of(NAME) == ([Image(ONE)], True)


def test_who_announces_with_a_checksum_is_believed(bucket: MemoryStore) -> None:
    announced = node(bucket)
    announced.announce(NAME, (Image(ONE), Image(TWO)))
    announced.announce(NAME, (Image(TWO, CHECKSUM),))
    announced.announce(NAME, (Image(TWO), Image('c' * 64)))
    assert announced.of(NAME).images == [Image(ONE), Image(TWO, CHECKSUM), Image('c' * 64)]
    announced.announce(NAME, (Image(TWO, CHECKSUM + '0'),))
    assert announced.of(NAME).images[1] == Image(TWO, CHECKSUM + '0'), 'the last of them'


def test_one_node_begins_and_another_ends(bucket: MemoryStore) -> None:
    node(bucket).announce(NAME, (Image(ONE),))
    node(bucket).announce(NAME, (Image(ONE, CHECKSUM),))
    assert node(bucket).of(NAME).images == [Image(ONE, CHECKSUM)]


def test_the_lists_of_the_last_pushes_are_kept(bucket: MemoryStore) -> None:
    announced = node(bucket)
    for number in range(3 * KEPT):
        announced.announce(NAME, (Image(f'{number:064x}'),))
    assert len(list(bucket.list(keys.announced(NAME)))) == KEPT
    assert announced.of(NAME).images == [Image(f'{number:064x}') for number in range(2 * KEPT, 3 * KEPT)]


def test_nodes_whose_clocks_differ_take_nothing_newer_away(bucket: MemoryStore) -> None:
    """Who prunes looks at a list that may be a moment old."""
    for seconds in (1000.0, 990.0, 1010.0):
        node(bucket, lambda seconds=seconds: seconds).announce(NAME, (Image(ONE),))  # type: ignore[misc]
        assert node(bucket).of(NAME).images == [Image(ONE)]
    for number in range(KEPT):
        node(bucket, lambda: 5000.0).announce(NAME, (Image(f'{number:064x}'),))
    node(bucket, lambda: 10.0).announce(NAME, (Image(TWO),))
    assert Image(TWO) in node(bucket).of(NAME).images, 'of a clock that is far behind'


def test_lists_of_other_repositories_are_others(bucket: MemoryStore) -> None:
    announced = node(bucket)
    for name in ('team', 'team/app', 'team/app/deep', 'team/app2'):
        announced.announce(name, (Image(f'{len(name):064x}'),))
    for name in ('team', 'team/app', 'team/app/deep', 'team/app2'):
        assert announced.of(name).images == [Image(f'{len(name):064x}')]
    announced.forget('team/app')
    assert announced.of('team/app') == ([], False)
    assert announced.of('team/app/deep').is_known


@pytest.mark.parametrize('operation', ['put', 'list', 'delete'])
@pytest.mark.parametrize('fault', [Fault.UNAVAILABLE, Fault.LOST_ANSWER, Fault.STOP_BEFORE, Fault.STOP_AFTER])
def test_a_death_on_the_way_leaves_nothing_broken(bucket: MemoryStore, operation: str, fault: Fault) -> None:
    for number in range(KEPT):
        node(bucket).announce(NAME, (Image(f'{number:064x}'),))
    broken = FaultyStore(bucket, lambda call: fault if call.operation == operation else None)
    with pytest.raises((Unavailable, Stop)):
        node(broken).announce(NAME, (Image(ONE),))
    other = node(bucket)
    assert len(other.of(NAME).images) >= KEPT - 1 and other.of(NAME).is_known
    other.announce(NAME, (Image(ONE),))
    assert Image(ONE) in other.of(NAME).images
    assert len(list(bucket.list(keys.announced(NAME)))) == KEPT


def test_nothing_is_read_without_bound(bucket: MemoryStore) -> None:
    for number in range(20 * KEPT):
        bucket.put(keys.announcement(NAME, number, f'{number:064x}'), b'{"images": []}')
    counting = CountingStore(bucket)
    node(counting).of(NAME)
    assert sum(counting.calls.values()) <= 1 + 4 * KEPT


def test_a_list_as_long_as_it_may_be_is_taken_and_no_deeper_one() -> None:
    most = LARGEST // len(f'{{"id":"{ONE}"}},')
    text = b'[' + b','.join(b'{"id":"%064x"}' % number for number in range(most)) + b']'
    assert len(text) <= LARGEST and len(parse(text)) == most
    for data in (b'[' * 100_000, b'{"id":' * 100_000, b'[{"id":"%s","x":%s' % (ONE.encode(), b'[' * 100_000)):
        with pytest.raises(V1Error):
            parse(data)


def test_a_hub_counts_nothing_of_it_among_accounts(bucket: MemoryStore) -> None:
    node(bucket).announce(NAME, (Image(ONE),))
    assert not Hub(bucket).accounts.are_there()
