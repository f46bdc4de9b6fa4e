"""The first administrator: one, by a code that the server showed, whatever dies on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub import keys
from objreg.hub.accounts import Accounts, PasswordRefused, Taken
from objreg.hub.claims import CLOCK, Busy
from objreg.hub.codes import CodeRefused
from objreg.hub.first import SECONDS, First, OtherName
from objreg.hub.names import NameRefused
from objreg.state import Secrets, seal
from objreg.store import Store
from objreg.testing.faults import CountingStore
from tests.unit.hub.steps import Stage, Stop, schedules
from tests.unit.hub.test_mailboxes import STORES, Stopping

pytestmark = pytest.mark.exhaustive

SECRET = 'correct horse'


def first(store: Store, **more: Any) -> First:
    clock = more.get('clock', CLOCK)
    return First(store, Accounts(store, clock=clock), Secrets(store), **more)


def administrators(store: Store) -> list[str]:
    return [entry.key.split('/')[2] for entry in store.list(keys.PEOPLE) if keys.is_administrator(entry.key)]


def test_a_code_makes_one_administrator() -> None:
    store = MemoryStore()
    one, other = first(store), first(store)
    code, of_another_node = one.code(), other.code()
    account = other.make(code, 'alice', SECRET)
    assert Accounts(store).find('alice') == account and Accounts(store).has_password('alice', SECRET)
    assert administrators(store) == ['alice']
    for again in (code, of_another_node):
        for name in ('alice', 'bob'):
            with pytest.raises(CodeRefused):
                one.make(again, name, 'another password')
    assert Accounts(store).has_password('alice', SECRET) and Accounts(store).find('bob') is None
    assert one.code() == ''


def test_it_costs_one_call_to_know_whether_a_code_is_wanted() -> None:
    counting = CountingStore(MemoryStore())
    known = Secrets(counting)
    known.newest()  # as each node does when it starts
    counting.reset()
    assert First(counting, Accounts(counting), known).code()
    assert counting.total == 1


def test_an_administrator_who_was_made_otherwise_ends_all_codes() -> None:
    store = MemoryStore()
    code = first(store).code()
    Accounts(store).create('olga', 'user')
    Accounts(store).make_administrator('olga')
    with pytest.raises(CodeRefused):
        first(store).make(code, 'alice', SECRET)
    store.delete([keys.ADMINISTERED])  # he was made by an older version, or the node died before it said so
    with pytest.raises(CodeRefused):
        first(store).make(code, 'alice', SECRET)
    assert first(store).code() == ''
    assert administrators(store) == ['olga']


@pytest.mark.parametrize('wrong', ['', 'guess', 'a.b.c', 'other purpose', 'over', 'another hub', 'changed'])
def test_nothing_else_is_a_code(wrong: str) -> None:
    store = MemoryStore()
    known, later = Secrets(store), first(store, now=lambda: 1e9)
    code = {
        'other purpose': seal(known, {'for': 'an upload', 'expires': 2**40}), 'over': later.code(),
        'another hub': first(MemoryStore()).code(), 'changed': first(store).code()[:-1] + '!',
    }.get(wrong, wrong)
    with pytest.raises(CodeRefused):
        first(store).make(code, 'alice', SECRET)
    with pytest.raises(CodeRefused):
        first(store, now=lambda: 1e9 + SECONDS).make(later.code(), 'alice', SECRET)
    assert Accounts(store).find('alice') is None


def test_what_is_no_name_and_no_password_uses_nothing_up() -> None:
    store = MemoryStore()
    Accounts(store).create('al-ice', 'user')
    one = first(store)
    code = one.code()
    for name, password, problem in (
        ('Alice', SECRET, NameRefused), ('alice', 'alice', PasswordRefused), ('al-ice', SECRET, Taken),
        ('al.ice', SECRET, Taken),
    ):
        with pytest.raises(problem):
            one.make(code, name, password)
    one.make(code, 'bob', SECRET)
    assert administrators(store) == ['bob']


def test_whatever_dies_on_the_way_the_same_name_goes_on_and_no_other_does() -> None:
    for at in range(60):
        store = MemoryStore()
        code = first(store).code()
        try:
            first(Stopping(store, at)).make(code, 'alice', 'never was it')
        except Stop:
            pass
        else:
            assert at > 10
            return
        if not administrators(store) and store.has(keys.first(0)):
            with pytest.raises(OtherName, match='alice'):
                first(store).make(code, 'bob', SECRET)
        if not administrators(store):
            first(store).make(code, 'alice', SECRET)
            assert Accounts(store).has_password('alice', SECRET)
        assert administrators(store) == ['alice'] and Accounts(store).find('alice')
        assert Accounts(store).password_changed('alice')
    pytest.fail('it never came to its end')


def test_a_name_that_somebody_else_got_meanwhile_locks_nobody_out() -> None:
    store = MemoryStore()
    one = first(store)
    code = one.code()
    with pytest.raises(Stop):
        first(Stopping(store, 8)).make(code, 'alice', SECRET)
    assert store.has(keys.first(0)) and Accounts(store).find('alice') is None
    Accounts(store).create('al-ice', 'user') and Accounts(store).create('alice', 'user')
    with pytest.raises(Taken):
        one.make(code, 'alice', SECRET)
    one.make(code, 'bob', SECRET)
    assert administrators(store) == ['bob']


@pytest.mark.parametrize('stepped_by', STORES)
@pytest.mark.parametrize('names', ['alice bob', 'alice alice'])
def test_of_two_at_once_one_becomes_administrator(names: str, stepped_by: Any) -> None:
    def run() -> Stage:
        stage, inner = Stage(), MemoryStore()
        code = first(inner).code()
        stepped = first(stepped_by(inner, stage), clock=stage)
        for name in names.split():
            stage.add(lambda name=name: stepped.make(code, name, SECRET))  # type: ignore[misc]
        stage.store, stage.code = inner, code  # type: ignore[attr-defined]
        return stage

    count = 0
    for stage in schedules(run, 1):
        count += 1
        store: Store = stage.store  # type: ignore[attr-defined]
        refused = [one for one in stage.results if isinstance(one, Exception)]
        assert all(isinstance(one, CodeRefused | OtherName | Taken | Busy) for one in refused), refused
        if not administrators(store):
            assert all(isinstance(one, Busy) for one in refused) and len(refused) == 2
            first(store, clock=stage).make(stage.code, 'alice', SECRET)  # type: ignore[attr-defined]
        assert len(administrators(store)) == 1, stage.results
    assert count > 20


def sign_up(accounts: Accounts) -> Callable[[], Any]:
    return lambda: accounts.create('alice', 'user')


@pytest.mark.parametrize('stepped_by', STORES)
def test_somebody_who_signs_up_by_the_name_at_that_moment_becomes_nothing(stepped_by: Any) -> None:
    def run() -> Stage:
        stage, inner = Stage(), MemoryStore()
        code = first(inner).code()
        store = stepped_by(inner, stage)
        stage.add(lambda: first(store, clock=stage).make(code, 'alice', SECRET))
        stage.add(sign_up(Accounts(store, clock=stage)))
        stage.store, stage.code = inner, code  # type: ignore[attr-defined]
        return stage

    for stage in schedules(run, 1):
        made, signed_up = stage.results
        store: Store = stage.store  # type: ignore[attr-defined]
        if isinstance(made, Exception):
            assert administrators(store) == []
            name = 'alice' if isinstance(signed_up, Exception) else 'bob'
            first(store, clock=stage).make(stage.code, name, SECRET)  # type: ignore[attr-defined]
            assert administrators(store) == [name]
        else:
            assert isinstance(signed_up, Taken | Busy) and administrators(store) == ['alice']
