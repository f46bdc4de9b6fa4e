"""Tokens: issued, found, listed, revoked."""

from __future__ import annotations

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub import credentials, keys
from objreg.hub.credentials import Credential
from objreg.hub.records import Scope
from objreg.hub.tokens import Tokens
from objreg.store import Unavailable
from objreg.testing.faults import CountingStore, Fault, FaultyStore, LaggingStore, Stop, nth

DAY = 86400


class Time:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def tokens(store: MemoryStore, time: Time) -> Tokens:
    return Tokens(store, now=time)


def test_a_token_is_found_by_all_of_it_and_by_nothing_less(tokens: Tokens) -> None:
    made = tokens.issue('pat', 'alice', 'id', scopes=[Scope(('pull',))], label='laptop')
    found = tokens.find(made)
    assert found and (found.holder, found.account, found.label) == ('alice', 'id', 'laptop')
    assert found.scopes == (Scope(('pull',)),)
    assert tokens.find(Credential('pat', made.id, credentials.make('pat').secret)) is None
    assert tokens.find(Credential('pat', credentials.make('pat').id, made.secret)) is None
    for kind in ('robot', 'refresh', 'code'):
        assert tokens.find(Credential(kind, made.id, made.secret)) is None, 'a token is of one kind'


def test_a_token_ends_when_it_expires(tokens: Tokens, time: Time) -> None:
    made, eternal = tokens.issue('pat', 'alice', 'id', seconds=DAY), tokens.issue('pat', 'alice', 'id')
    time.now += DAY - 1
    assert tokens.find(made)
    time.now += 1
    assert tokens.find(made) is None
    time.now += 10_000 * DAY
    assert tokens.find(eternal)
    assert {held.id for held in tokens.held_by('alice')} == {made.id, eternal.id}, 'and is shown all the same'


def test_a_holder_sees_his_own_and_no_others(tokens: Tokens, time: Time) -> None:
    """CVE-2026-110697, the class of it: ``ab`` is no prefix of ``ab_c``."""
    ids: dict[str, list[str]] = {}
    for holder in ('ab', 'ab_c', 'ab-c', 'abc', 'a', 'ab+robot', 'ab'):
        time.now += 1
        ids.setdefault(holder, []).append(tokens.issue('pat', holder, 'id').id)
    for holder, expected in ids.items():
        assert [held.id for held in tokens.held_by(holder)] == expected, 'the oldest first'


def test_a_line_of_a_list_proves_nothing(tokens: Tokens, store: MemoryStore) -> None:
    """What the list of one names is another's: it is not shown, nor revoked with his."""
    other = tokens.issue('pat', 'bob', 'id')
    store.put(keys.held('alice', other.id), b'{}')
    assert tokens.held_by('alice') == []
    assert tokens.revoke_all('alice') == []
    assert tokens.find(other)


def test_a_token_that_was_revoked_leaves_nothing(tokens: Tokens, store: MemoryStore) -> None:
    made = tokens.issue('pat', 'alice', 'id')
    tokens.note(made.id)
    tokens.revoke(made.id, 'alice')
    assert tokens.find(made) is None and tokens.look(made.id) is None
    assert list(store.list('')) == []


def test_all_of_a_kind_are_revoked(tokens: Tokens) -> None:
    pat, refresh = tokens.issue('pat', 'alice', 'id'), tokens.issue('refresh', 'alice', 'id')
    other = tokens.issue('refresh', 'alice_b', 'id')
    assert tokens.revoke_all('alice', ['refresh']) == [refresh.id]
    assert tokens.find(pat) and tokens.find(other) and tokens.find(refresh) is None


def test_the_last_day_of_use_is_shown_and_written_once_a_day(store: MemoryStore, time: Time) -> None:
    counting = CountingStore(store)
    tokens = Tokens(counting, now=time)
    made = tokens.issue('pat', 'alice', 'id')
    assert [held.used for held in tokens.held_by('alice')] == ['']
    counting.reset()
    for _ in range(50):
        tokens.note(made.id)
    assert counting.calls == {'put': 1}
    time.now += DAY
    tokens.note(made.id)
    assert counting.calls == {'put': 2}
    assert [held.used for held in tokens.held_by('alice')] == ['2027-01-16']


@pytest.mark.parametrize('call', [1, 2])
@pytest.mark.parametrize('fault', [Fault.STOP_BEFORE, Fault.STOP_AFTER])
def test_there_is_no_token_that_its_holder_does_not_see(store: MemoryStore, call: int, fault: Fault) -> None:
    """Wherever the process ends: what he does not see he cannot revoke."""
    with pytest.raises(Stop):
        Tokens(FaultyStore(store, nth(call, fault))).issue('pat', 'alice', 'id')
    tokens = Tokens(store)
    there = {entry.key.rpartition('/')[2] for entry in store.list('hub/tokens/')}
    assert there == {held.id for held in tokens.held_by('alice')}


def test_a_token_that_was_revoked_is_not_found_while_lists_lag(time: Time) -> None:
    lagging = LaggingStore(MemoryStore())
    tokens = Tokens(lagging, now=time)
    made = tokens.issue('pat', 'alice', 'id')
    lagging.catch_up()
    tokens.revoke(made.id, 'alice')
    assert tokens.find(made) is None and tokens.held_by('alice') == []


@pytest.mark.parametrize('damaged', [
    b'', b'{', b'[]', b'{}', b'\xff', b'{"kind":"root","holder":"a","account":"","hash":"","created":0}',
    b'{"kind":"pat","holder":"a","account":"","hash":"","created":0,"scopes":[{"actions":["pull"],"until":7}]}',
    b'{"kind":"pat","holder":"a","account":"","hash":"","created":0,"scopes":[{"actions":["administer"]}]}',
    b'{"kind":"pat","holder":"a","account":"","hash":"","created":0,"scopes":[{"actions":["pull"],"repositories":["A"]}]}',
])
def test_a_record_that_cannot_be_read_grants_nothing(tokens: Tokens, store: MemoryStore, damaged: bytes) -> None:
    """Nor one whose scope says more than is understood: without it the token might do more."""
    made = tokens.issue('pat', 'alice', 'id')
    store.put(keys.token(made.id), damaged)
    with pytest.raises(Unavailable, match=f'^hub/tokens/{made.id} is damaged') as error:
        tokens.find(made)
    assert made.secret not in str(error.value)
