"""An address is one account's, whoever proves it when, and whatever stops on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub.accounts import Accounts
from objreg.hub.claims import Busy
from objreg.hub.mailboxes import AddressRefused, AddressTaken, Mailboxes, check_address
from objreg.store import Store
from objreg.testing.faults import InterceptedStore
from tests.unit.hub.steps import AtomicSteppedStore, Stage, SteppedStore, Stop, schedules
from tests.unit.hub.test_claims import Unsure

ADDRESS = 'carol@example.org'
STORES = [
    pytest.param(AtomicSteppedStore, id='atomic'),
    pytest.param(lambda store, stage: SteppedStore(Unsure(store), stage), id='not atomic'),
]


def mailboxes(store: Store, **more: Any) -> tuple[Accounts, Mailboxes]:
    accounts = Accounts(store)
    return accounts, Mailboxes(store, accounts, **more)


@pytest.mark.parametrize('text', [
    'a@b', 'carol@example.org', "o'hara+x@mail.example.org", 'A.B-c_d@EXAMPLE.org', 'a@xn--bcher-kva.example',
])
def test_what_mail_is_sent_to(text: str) -> None:
    assert check_address(text) == text


@pytest.mark.parametrize('text', [
    '', 'carol', '@example.org', 'carol@', 'a@b@c', 'carol@example.org\nBcc: eve@example.org', 'a@b\r\n', 'a b@c',
    'a,b@c', 'a@b,c@d', '<a@b>', '"a"@b', 'a@[127.0.0.1]', 'a..b@c', '.a@b', 'a.@b', 'a@b..c', 'a@-b', 'a@b-',
    'ä@example.org', 'a@bücher.example', 'a@b;c', 'a@b c', 'a(b)@c', 'x' * 65 + '@b', 'a@' + 'b' * 64, 'a\0@b', 'a@b\t',
    'a@' + '.'.join(['b' * 60] * 5),
])
def test_what_it_is_not(text: str) -> None:
    """CWE-93, and whatever else two mail servers may read differently."""
    with pytest.raises(AddressRefused):
        check_address(text)


def test_an_address_leads_to_who_proved_it() -> None:
    accounts, boxes = mailboxes(MemoryStore())
    alice, bob = accounts.create('alice', 'user'), accounts.create('bob', 'user')
    assert boxes.owner(ADDRESS) is None
    assert boxes.take(alice, ADDRESS) == '' and boxes.take(alice, ADDRESS.upper()) == ADDRESS
    assert boxes.owner('Carol@Example.ORG') == alice and boxes.of('alice') == ADDRESS.upper()
    with pytest.raises(AddressTaken):
        boxes.take(bob, ADDRESS)
    assert boxes.of('bob') == ''


@pytest.mark.parametrize('how', ['another address', 'none', 'the account is gone'])
def test_an_entry_that_means_nothing_any_more_harms_nobody(how: str) -> None:
    accounts, boxes = mailboxes(MemoryStore())
    alice, bob = accounts.create('alice', 'user'), accounts.create('bob', 'user')
    boxes.take(alice, ADDRESS)
    if how == 'another address':
        assert boxes.take(alice, 'alice@example.org') == ADDRESS
    elif how == 'none':
        boxes.give_up('alice')
    else:
        accounts.delete(alice)
    assert boxes.owner(ADDRESS) is None
    boxes.take(bob, ADDRESS)
    assert boxes.owner(ADDRESS) == bob
    if how == 'another address':
        assert boxes.owner('alice@example.org') == alice
        with pytest.raises(AddressTaken):
            boxes.take(alice, ADDRESS)
        assert boxes.of('alice') == 'alice@example.org'


class Stopping(InterceptedStore):
    """Ends the process at the call of that number."""

    def __init__(self, inner: Store, at: int) -> None:
        super().__init__(inner)
        self._left = at

    def intercept(
        self, operation: str, key: str, work: Callable[[], Any], cut: Callable[[], Any] | None = None
    ) -> Any:
        if self._left == 0:
            raise Stop
        self._left -= 1
        return work()


@pytest.mark.parametrize('left_over', [False, True])
def test_a_node_that_dies_on_the_way_keeps_the_address_from_nobody(left_over: bool) -> None:
    for at in range(20):
        store = MemoryStore()
        accounts, boxes = mailboxes(store)
        alice, bob, gone = (accounts.create(name, 'user') for name in ('alice', 'bob', 'gone'))
        if left_over:
            boxes.take(gone, ADDRESS)
            accounts.delete(gone)
        _, dying = mailboxes(Stopping(store, at))
        try:
            dying.take(alice, ADDRESS)
        except Stop:
            pass
        else:
            assert at > 4
            return
        if boxes.of('alice'):  # he proved it, and it is his
            boxes.take(alice, ADDRESS)
            assert boxes.owner(ADDRESS) == alice
        else:
            boxes.take(bob, ADDRESS)
            assert boxes.owner(ADDRESS) == bob
    pytest.fail('it never came to its end')


@pytest.mark.parametrize('stepped_by', STORES)
@pytest.mark.parametrize('left_over', [False, True])
def test_of_two_who_prove_it_at_once_one_has_it(left_over: bool, stepped_by: Any) -> None:
    """Where a left entry is taken over both may, who both read what is sent there; it leads to one who has it."""
    def run() -> Stage:
        stage, inner = Stage(), MemoryStore()
        accounts, boxes = mailboxes(inner)
        people = [accounts.create(name, 'user') for name in ('alice', 'bob', 'gone')]
        if left_over:
            boxes.take(people[2], ADDRESS)
            accounts.delete(people[2])
        _, stepped = mailboxes(stepped_by(inner, stage), clock=stage)
        for account in people[:2]:
            stage.add(lambda account=account: stepped.take(account, ADDRESS))  # type: ignore[misc]
        stage.boxes = boxes  # type: ignore[attr-defined]
        return stage

    for stage in schedules(run, 1):
        boxes: Mailboxes = stage.boxes  # type: ignore[attr-defined]
        results, owner = stage.results, boxes.owner(ADDRESS)
        assert all(result == '' or isinstance(result, AddressTaken | Busy) for result in results), results
        has = [name for name in ('alice', 'bob') if boxes.of(name)]
        assert len(has) == results.count('') <= 1 + left_over
        assert owner.name in has if owner else not has
