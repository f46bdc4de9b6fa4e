"""People: that they exist, in what state, and their passwords."""

from __future__ import annotations

from typing import Any

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub import keys
from objreg.hub.accounts import Accounts, PasswordRefused
from objreg.hub.claims import Clock
from objreg.store import Unavailable
from objreg.testing.faults import CountingStore

SECRET = 'correct horse'


class Fixed(Clock):
    now = 1_800_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def clock() -> Fixed:
    return Fixed()


@pytest.fixture
def accounts(store: MemoryStore, clock: Fixed) -> Accounts:
    return Accounts(store, clock=clock)


def test_an_account_is_found_by_its_very_name(accounts: Accounts) -> None:
    made = accounts.create('a_b', 'user', by='ada')
    assert accounts.find('a_b') == made
    assert (made.kind, made.by, made.created) == ('user', 'ada', 1_800_000_000)
    for name in ('a-b', 'a.b', 'A_B', 'a_b ', 'a_', '../accounts/a_b', 'library', ''):
        assert accounts.find(name) is None
    assert accounts.exists('a_b', made.id) and not accounts.exists('a_b', 'x') and not accounts.exists('a-b', made.id)


def test_each_account_is_another_one(accounts: Accounts) -> None:
    """What was given to one is not given to whoever is called so in another hub, or was."""
    assert accounts.create('alice', 'user').id != accounts.create('bob', 'user').id


def test_what_ends_with_an_account(accounts: Accounts, store: MemoryStore) -> None:
    made = accounts.create('alice', 'user')
    accounts.set_password('alice', SECRET)
    accounts.make_administrator('alice')
    accounts.create('alice_b', 'user')
    accounts.set_password('alice_b', SECRET)
    accounts.delete(made)
    assert accounts.find('alice') is None and not accounts.exists('alice', made.id)
    assert not accounts.has_password('alice', SECRET) and not accounts.is_administrator('alice')
    assert accounts.has_password('alice_b', SECRET), 'and nobody whose name begins like his'
    left = [f'hub/people/alice_b/{fact}' for fact in ('epoch', 'password')]
    assert [entry.key for entry in store.list('hub/people/')] == left


def test_a_password_is_replaced_at_once(accounts: Accounts, clock: Fixed) -> None:
    accounts.create('alice', 'user')
    assert not accounts.has_password('alice', SECRET) and accounts.password_changed('alice') == 0
    accounts.set_password('alice', SECRET)
    assert accounts.has_password('alice', SECRET)
    clock.now += 60
    accounts.set_password('alice', 'another horse')
    assert accounts.password_changed('alice') == clock.now
    assert accounts.has_password('alice', 'another horse')
    assert not accounts.has_password('alice', SECRET), 'though it was remembered as right'


def test_a_password_is_kept_as_argon2id_and_each_time_another(accounts: Accounts, store: MemoryStore) -> None:
    """Equal passwords do not look equal."""
    hashes = []
    for name in ('alice', 'bob'):
        accounts.create(name, 'user')
        accounts.set_password(name, SECRET)
        hashes.append(store.read(keys.password(name)))
    assert all(b'"$argon2id$v=19$' in hashed for hashed in hashes) and hashes[0] != hashes[1]


@pytest.mark.parametrize('password', [
    '', 'short', 'x' * 7, 'x' * 20, 'ab' * 10, 'alice-the-1st', 'ALICE-the-1ST', 'y' * 1025, 'correct\0horse',
    'correct horse' + '!' * 1012,
])
def test_a_password_that_is_guessed_at_once_is_refused(accounts: Accounts, store: MemoryStore, password: str) -> None:
    accounts.create('alice-the-1st', 'user')
    before = [entry.key for entry in store.list('')]
    with pytest.raises(PasswordRefused) as error:
        accounts.set_password('alice-the-1st', password)
    assert not password or password not in str(error.value)
    assert [entry.key for entry in store.list('')] == before


@pytest.mark.parametrize('password', [
    'correct horse', 'ünïcödé pass', '我的密码有九个字符', ':colons: and "quotes"', 'abc' * 341,
])
def test_any_other_password_may_be_chosen(accounts: Accounts, password: str) -> None:
    accounts.create('alice', 'user')
    accounts.set_password('alice', password)
    assert accounts.has_password('alice', password) and not accounts.has_password('alice', password[:-1])


@pytest.mark.parametrize('name', ['nobody', '', 'library', 'A', '../bob', 'bob/password', 'x' * 500])
def test_nobody_has_no_password(accounts: Accounts, name: str) -> None:
    assert not accounts.has_password(name, SECRET)


def test_states_are_of_one_person_and_end(accounts: Accounts) -> None:
    accounts.suspend('ab', by='ada', why='spam')
    accounts.make_administrator('ab')
    for name, expected in (('ab', True), ('a', False), ('abc', False), ('ab_c', False)):
        assert (accounts.suspension(name) is not None) is expected
        assert accounts.is_administrator(name) is expected
    mark = accounts.suspension('ab')
    assert mark and (mark.by, mark.why, mark.at) == ('ada', 'spam', 1_800_000_000)
    accounts.resume('ab')
    accounts.unmake_administrator('ab')
    assert accounts.suspension('ab') is None and not accounts.is_administrator('ab')


@pytest.mark.parametrize('ask', [
    lambda accounts: accounts.find('alice'), lambda accounts: accounts.suspension('alice'),
    lambda accounts: accounts.has_password('alice', SECRET), lambda accounts: accounts.profile('alice'),
])
def test_a_record_that_cannot_be_read_is_no_answer(accounts: Accounts, store: MemoryStore, ask: Any) -> None:
    """A suspension that is damaged lets nobody in."""
    for key in (keys.account('alice'), keys.suspended('alice'), keys.password('alice'), keys.profile('alice')):
        store.put(key, b'{')
    with pytest.raises(Unavailable, match='is damaged'):
        ask(accounts)


def test_each_question_is_one_read(store: MemoryStore) -> None:
    counting = CountingStore(store)
    accounts = Accounts(counting)
    accounts.create('alice', 'user')
    for ask in (accounts.find, accounts.suspension, accounts.is_administrator, accounts.profile):
        counting.reset()
        ask('alice')
        assert counting.total == 1
    counting.reset()
    accounts.has_password('alice', SECRET)
    assert counting.calls == {'get': 1}
