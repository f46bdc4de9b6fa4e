"""Access tokens that are withdrawn before they expire."""

from __future__ import annotations

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub.denials import LONGEST, Denials, is_denied
from objreg.testing.faults import CountingStore

START = 1_800_000_000


class Time:
    now = float(START)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that pass, in its only place."""
    now = [1000.0]
    monkeypatch.setattr('objreg.hub.denials.time.monotonic', lambda: now[0])
    return now


def test_what_was_issued_before_is_denied_and_what_comes_after_is_not(time: Time) -> None:
    denials = Denials(MemoryStore(), now=time)
    denials.deny('subject', 'alice')
    denials.deny('credential', 'abc')
    for subject, credential in (('alice', ''), ('bob', 'abc'), ('', 'abc'), ('alice+robot', '')):
        assert denials.is_denied(subject, credential, START - 300)
        assert denials.is_denied(subject, credential, START), 'within the same second nobody knows which was first'
        assert denials.is_denied(subject, credential, 0), 'which does not say when'
        assert not denials.is_denied(subject, credential, START + 1)


@pytest.mark.parametrize(('subject', 'credential'), [
    ('', ''), ('alic', ''), ('alice-b', ''), ('alice_b', ''), ('bob', ''), ('abc', ''), ('bob', 'alice'),
    ('bob+alice', ''), ('bob', 'ab'),
])
def test_nobody_else_is_denied(time: Time, subject: str, credential: str) -> None:
    denials = Denials(MemoryStore(), now=time)
    denials.deny('subject', 'alice')
    denials.deny('credential', 'abc')
    assert not denials.is_denied(subject, credential, START - 300)


def test_a_later_denial_counts_beside_an_earlier_one(time: Time) -> None:
    denials = Denials(MemoryStore(), now=time)
    denials.deny('subject', 'alice')
    time.now += 600
    denials.deny('subject', 'alice')
    assert denials.is_denied('alice', '', START + 600)
    assert dict(denials.current()) == {'subject-alice': START + 600}


def test_a_denial_goes_once_all_its_tokens_have_expired(time: Time) -> None:
    store = MemoryStore()
    denials = Denials(store, now=time)
    denials.deny('subject', 'alice')
    time.now += LONGEST
    assert dict(Denials(store, now=time).current()) == {'subject-alice': START}
    time.now += 1
    assert dict(Denials(store, now=time).current()) == {}
    denials.deny('subject', 'bob')
    assert len(list(store.list(''))) == 1, 'the old one was taken away'


def test_another_node_hears_of_it_in_seconds(time: Time, passing: list[float]) -> None:
    counting = CountingStore(MemoryStore())
    one, other = Denials(counting, now=time), Denials(counting, now=time)
    assert not other.is_denied('alice', '', START)
    one.deny('subject', 'alice')
    assert one.is_denied('alice', '', START), 'the node itself at once'
    passing[0] += 15
    assert other.is_denied('alice', '', START)
    counting.reset()
    for _ in range(1000):
        other.is_denied('alice', '', START)
    assert counting.total == 0, 'and the bucket is not asked at each request'


def test_a_list_that_was_published_means_the_same(time: Time) -> None:
    denials = Denials(MemoryStore(), now=time)
    denials.deny('subject', 'alice')
    denials.deny('credential', 'abc')
    found = denials.published()
    for subject, credential, issued, denied in [
        ('alice', '', START, True), ('alice+ci', '', START, True), ('bob', 'abc', START, True),
        ('alice', '', START + 1, False), ('bob', 'abcd', START, False), ('', '', START, False),
    ]:
        assert is_denied(found, subject, credential, issued, is_published=True) is denied
        assert denials.is_denied(subject, credential, issued) is denied
    assert not is_denied({}, 'alice', 'abc', 0)
