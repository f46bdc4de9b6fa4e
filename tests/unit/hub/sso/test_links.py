"""Whose account a provider means: one, whatever comes at the same time, and whatever ends half way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub import keys
from objreg.hub.accounts import Accounts, Taken
from objreg.hub.claims import Busy
from objreg.hub.hub import Hub
from objreg.hub.records import Account
from objreg.hub.sso.entrance import Entrance
from objreg.hub.sso.links import Link, Links, id_of, made
from objreg.hub.sso.person import LoginRefused, Person
from objreg.store import Body, Store, StoreError
from objreg.testing.faults import Fault, FaultyStore, InterceptedStore, Stop, nth
from tests.browsers import Browser
from tests.hubs import Site
from tests.openid import ISSUER, OpenId, arrive
from tests.unit.hub.steps import Stage, SteppedStore, schedules

ALICE = {'sub': '1', 'preferred_username': 'alice'}


def person(name: str = 'alice', subject: str = '1') -> Person:
    return Person('oidc', 'company', ISSUER, subject, name, 7)


def enter(store: Store, who: Person, stage: Stage | None = None) -> str:
    """The id of the account that somebody comes to; or how he was refused."""
    accounts = Accounts(store, clock=stage) if stage else Accounts(store)
    links = Links(store, clock=stage) if stage else Links(store)
    try:
        return Entrance(accounts, links).account(who, create=True)[0].id
    except LoginRefused as error:
        return error.kind


class Atomic(SteppedStore):
    """Create-if-absent is one step, as the store declares."""

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        self.intercept('put', key, lambda: self.inner.put(key, body, size, if_absent=if_absent))


class Unsure(InterceptedStore):
    """Does not promise that."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.capabilities = replace(inner.capabilities, conditional_put=False)

    def intercept(self, operation: str, key: str, work: Callable[[], Any], cut: Any = None) -> Any:
        return work()


def run(*programs: Person, atomic: bool = True) -> Callable[[], Stage]:
    """People who come at the same time, each to a node of its own."""
    def begin() -> Stage:
        stage, inner = Stage(), MemoryStore()
        stage.inner = inner  # type: ignore[attr-defined]
        for who in programs:
            store = Atomic(inner, stage) if atomic else SteppedStore(Unsure(inner), stage)
            stage.add(lambda store=store, who=who: enter(store, who, stage))
        return stage
    return begin


@pytest.mark.parametrize(('atomic', 'preemptions'), [(True, 2), (False, 1)])
def test_two_nodes_at_the_first_login_make_one_account(atomic: bool, preemptions: int) -> None:
    seen = won = 0
    for stage in schedules(run(person(), person(), atomic=atomic), preemptions):
        assert all(isinstance(one, str | Busy) for one in stage.results)
        id = enter(stage.inner, person())  # type: ignore[attr-defined]
        assert {one for one in stage.results if isinstance(one, str)} <= {id}
        accounts = [entry.key for entry in stage.inner.list('hub/accounts/')]  # type: ignore[attr-defined]
        assert accounts == ['hub/accounts/alice']
        won += any(one == id for one in stage.results)
        seen += 1
    assert seen > 10 and won > seen / 2


def test_two_people_who_would_be_called_the_same_at_once_are_not_one() -> None:
    outcomes = set()
    for stage in schedules(run(person(), person(subject='2')), preemptions=2):
        inner = stage.inner  # type: ignore[attr-defined]
        account = Accounts(inner).find('alice')
        assert account is not None and sorted(stage.results, key=len) == ['taken', account.id]
        winner = '1' if stage.results[0] == account.id else '2'
        loser = '2' if winner == '1' else '1'
        assert [enter(inner, person(subject=one)) for one in (winner, loser)] == [account.id, 'taken']
        outcomes.add(winner)
    assert outcomes == {'1', '2'}


@pytest.mark.parametrize('fault', [Fault.STOP_BEFORE, Fault.STOP_AFTER, Fault.UNAVAILABLE, Fault.LOST_ANSWER])
def test_whoever_is_stopped_at_his_first_login_goes_on_at_the_next(fault: Fault) -> None:
    number = 0
    while True:
        number += 1
        inner = MemoryStore()
        try:
            enter(FaultyStore(inner, nth(number, fault)), person())
            break
        except (Stop, StoreError):
            id = enter(inner, person())
            assert id == Accounts(inner).find('alice').id == enter(inner, person())  # type: ignore[union-attr]
            assert [one.account for one in Links(inner).of('alice')] == [id], 'which is shown among his own'
    assert number > 5


def test_a_name_that_was_lost_to_another_between_link_and_account_is_his() -> None:
    """And an administrator can give who lost it another account."""
    inner = MemoryStore()
    Links(inner).claim(made('oidc', 'company', ISSUER, '1', Account('alice', 'user', 'x' * 32, 0), at=7, by=''))
    Accounts(inner).create('alice', 'user')
    assert enter(inner, person()) == 'taken' == enter(inner, person('other'))


def test_an_id_tells_where_the_issuer_ends() -> None:
    assert len({id_of('ab', 'c'), id_of('a', 'bc'), id_of('', 'abc'), id_of('abc', ''), id_of('1:ab', 'c')}) == 5


def test_a_record_of_another_subject_leads_to_nobody() -> None:
    store = MemoryStore()
    other = made('oidc', 'company', ISSUER, '2', Account('alice', 'user', 'x', 0), at=7, by='')
    store.put(keys.link(id_of(ISSUER, '1')), other.dump())
    assert Links(store).find(ISSUER, '1') is None


def test_a_link_is_claimed_once() -> None:
    links = Links(MemoryStore())
    link = made('oidc', 'company', ISSUER, '1', Account('alice', 'user', 'x', 0), at=7, by='')
    links.claim(link)
    links.claim(link)  # a write that was tried again finds itself
    with pytest.raises(Taken):
        links.claim(Link(**{**{f: getattr(link, f) for f in link.__struct_fields__}, 'user': 'bob'}))


# By an administrator


@pytest.fixture
def admin(browser: Browser) -> str:
    return browser.site.user('root2', is_administrator=True)


def test_an_administrator_links_an_account_that_is_there(browser: Browser, provider: OpenId, admin: str) -> None:
    site = browser.site
    site.user('alice')
    refused = arrive(browser, provider, **ALICE)
    assert 'objreg user link NAME company 1' in refused.json['detail']
    body = {'provider': 'company', 'subject': '1'}
    answer = site.api(admin, 'POST', '/users/alice/links', body)
    assert (answer.status_code, answer.json['by'], answer.json['issuer']) == (201, admin, ISSUER)
    arrive(browser, provider, **ALICE)
    assert browser.user == 'alice' and site.token('alice'), 'and his password is still his'
    (shown,) = browser.ask('GET', '/api/v1/users/alice/links').json
    assert shown['seen'] > 0 and shown['subject'] == '1'
    assert site.api(admin, 'POST', '/users/alice/links', body).status_code == 201, 'once more changes nothing'
    answer = site.api(admin, 'POST', '/users/olga/links', body)
    assert (answer.status_code, 'unlink' in answer.json['detail']) == (409, True)
    assert browser.user == 'alice'


def test_an_administrator_unlinks_it_and_all_of_it_ends(browser: Browser, provider: OpenId, admin: str) -> None:
    site = browser.site
    arrive(browser, provider, groups=['platform', 'hub-admins'], **ALICE)
    pat = site.pat('alice')
    assert site.api(admin, 'DELETE', '/users/alice/links?provider=other').status_code == 404
    assert site.api(admin, 'DELETE', '/users/alice/links?provider=company').status_code == 204
    assert browser.user == '' and not site.hub.accounts.is_administrator('alice')
    assert site.hub.organisations.place('acme', 'alice').role == ''
    assert site.token('alice', secret=pat), 'his tokens are his own'
    assert site.api('', 'GET', '/users/alice/links', authorization=f'Bearer {pat}').json == []
    assert arrive(browser, provider, **ALICE).status_code == 403, 'his name is his, and he is another one now'
    site.api(admin, 'POST', '/users/alice/links', {'provider': 'company', 'subject': '1'})
    arrive(browser, provider, **ALICE)
    assert browser.user == 'alice'


def test_of_several_the_subject_has_to_be_said(browser: Browser, admin: str) -> None:
    site = browser.site
    for subject in ('1', '2'):
        site.api(admin, 'POST', '/users/olga/links', {'provider': 'company', 'subject': subject})
    assert site.api(admin, 'DELETE', '/users/olga/links?provider=company').status_code == 409
    assert site.api(admin, 'DELETE', '/users/olga/links?provider=company&subject=2').status_code == 204
    assert [one['subject'] for one in site.api('olga', 'GET', '/users/olga/links').json] == ['1']


def test_the_link_of_somebody_who_is_gone_can_be_given_to_another(
    browser: Browser, provider: OpenId, admin: str
) -> None:
    site = browser.site
    arrive(browser, provider, **ALICE)
    browser.ask('DELETE', '/api/v1/users/alice')
    answer = site.api(admin, 'POST', '/users/olga/links', {'provider': 'company', 'subject': '1'})
    assert answer.status_code == 201
    arrive(browser, provider, **ALICE)
    assert browser.user == 'olga'


REFUSED: list[tuple[dict[str, str], int]] = [
    ({'provider': 'none', 'subject': '1'}, 404), ({'provider': 'company', 'subject': ''}, 400),
    ({'provider': 'company', 'subject': 'x' * 256}, 400), ({'provider': 'company'}, 400),
    ({'provider': 'company', 'subject': '1', 'issuer': 'x'}, 400),
]


def test_what_cannot_be_linked_is_refused(browser: Browser, admin: str) -> None:
    for body, status in REFUSED:
        assert browser.site.api(admin, 'POST', '/users/olga/links', body).status_code == status


def test_nobody_links_himself(browser: Browser, provider: OpenId, admin: str) -> None:
    """Or whoever finds an open session has a way in of his own."""
    body = {'provider': 'company', 'subject': '666'}
    assert browser.site.api('olga', 'POST', '/users/olga/links', body).status_code == 403
    assert browser.site.api('olga', 'DELETE', '/users/olga/links?provider=company').status_code == 403


def test_an_account_that_is_about_to_be_made_is_not_taken_away(browser: Browser, admin: str) -> None:
    account = Account('alice', 'user', 'x' * 32, 0)
    browser.site.hub.links.claim(made('oidc', 'company', ISSUER, '1', account, at=7, by='alice'))
    answer = browser.site.api(admin, 'POST', '/users/olga/links', {'provider': 'company', 'subject': '1'})
    assert (answer.status_code, answer.json['type']) == (409, 'urn:objreg:problem:busy')


def test_a_login_and_the_end_of_its_link_at_once_leave_nothing(provider: OpenId, site: Site) -> None:
    """Whoever is interrupted where: no session, no membership, no administration."""
    inner, seen = site.store, 0
    arrive(Browser(site), provider, groups=['platform', 'hub-admins'], **ALICE)
    (link,) = site.hub.links.of('alice')
    settings = site.hub.logins.find('company').settings
    groups = frozenset({'platform', 'hub-admins'})
    who = Person('oidc', 'company', ISSUER, '1', 'alice', int(time.time()), groups=groups)

    def begin() -> Stage:
        stage = Stage()
        inner.put(keys.link(link.id), link.dump())
        Links(inner).show(link)
        coming, ending = (Hub(SteppedStore(inner, stage)) for _ in range(2))

        def unlink() -> None:
            ending.links.remove(link)
            ending.groups.forget('alice', 'company')
            ending.accounts.end_sessions('alice')

        stage.add(lambda: coming.arrivals.arrive(settings, who, ''))
        stage.add(unlink)
        return stage

    for stage in schedules(begin, preemptions=1):
        arrived, ended = stage.results
        assert ended is None
        assert isinstance(arrived, LoginRefused) or arrived.epoch != site.hub.accounts.epoch('alice')
        assert [entry.key for entry in inner.list('hub/members/acme/alice/')] == []
        assert not inner.has(keys.administrator_by('alice', 'company'))
        seen += 1
    assert seen > 20
