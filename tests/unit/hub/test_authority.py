"""Who somebody is by his credentials, and what asking that costs the store."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub import keys
from objreg.hub.authority import NOBODY, Identity, Rejected
from objreg.hub.hub import Hub
from objreg.hub.policy import Visibility
from objreg.hub.records import Namespace, Robot, Scope
from objreg.testing.faults import CountingStore

SECRET = 'correct horse'
PULL = Scope(('pull',))


@pytest.fixture
def store() -> CountingStore:
    return CountingStore(MemoryStore())


@pytest.fixture
def hub(store: CountingStore) -> Hub:
    """With alice and bob, acme of olga with mia in two teams, and a robot of acme."""
    hub = Hub(store)
    for name in ('alice', 'bob', 'olga', 'mia'):
        hub.accounts.create(name, 'user')
        hub.accounts.set_password(name, SECRET)
    hub.accounts.create('acme', 'organisation')
    hub.organisations.add('acme', 'olga', 'owner', by='')
    hub.organisations.add('acme', 'mia', 'member', by='')
    for team in ('web', 'db'):
        hub.organisations.add_team('acme', team, by='')
        hub.organisations.join('acme', 'mia', team, by='')
        hub.organisations.grant('acme', team, 'write', f'acme/{team}/**', by='')
    store.put(keys.robot('acme', 'ci'), Robot((PULL,), 0).dump())
    return hub


def issue(hub: Hub, kind: str, holder: str, **more: object) -> str:
    account = hub.accounts.find(holder.partition('+')[0])
    assert account
    return str(hub.tokens.issue(kind, holder, account.id, **more))  # type: ignore[arg-type]


def test_somebody_is_known_by_his_password_his_token_or_that_of_his_robot(hub: Hub) -> None:
    alice = hub.accounts.find('alice')
    assert alice and hub.authority.authenticate('alice', SECRET) == Identity('alice', alice.id)
    assert hub.authority.authenticate('ALICE', SECRET).name == 'alice', 'as people write their names'
    identity = hub.authority.authenticate('alice', issue(hub, 'pat', 'alice', scopes=[PULL]))
    assert identity.name == 'alice' and identity.scopes == (PULL.as_policy(),) and identity.credential
    robot = hub.authority.authenticate('acme+ci', issue(hub, 'robot', 'acme+ci'))
    assert robot.name == 'acme+ci' and robot.scopes == (PULL.as_policy(),)


@pytest.mark.parametrize('login', ['bob', '', 'alic', 'alice_', 'alice+ci', 'acme+ci', 'library'])
def test_a_token_is_good_for_its_holder_alone(hub: Hub, login: str) -> None:
    with pytest.raises(Rejected):
        hub.authority.authenticate(login, issue(hub, 'pat', 'alice'))


@pytest.mark.parametrize('kind', ['refresh', 'code'])
def test_what_is_for_another_purpose_is_no_password(hub: Hub, kind: str) -> None:
    with pytest.raises(Rejected):
        hub.authority.authenticate('alice', issue(hub, 'refresh', 'alice').replace('refresh', kind))


@pytest.mark.parametrize(('login', 'secret'), [
    ('alice', 'wrong horse'), ('alice', ''), ('nobody', SECRET), ('', SECRET), ('', ''), ('acme', SECRET),
    ('acme+ci', SECRET), ('bob/../alice', SECRET), ('alice\0', SECRET), ('alice', SECRET + '\0'),
])
def test_nobody_else_gets_in(hub: Hub, login: str, secret: str) -> None:
    with pytest.raises(Rejected):
        hub.authority.authenticate(login, secret)


def test_an_organisation_does_not_log_in(hub: Hub) -> None:
    """Not even where a password of its name is found."""
    hub.accounts.set_password('acme', SECRET)
    with pytest.raises(Rejected):
        hub.authority.authenticate('acme', SECRET)


@pytest.mark.parametrize('end', ['suspend', 'delete', 'revoke'])
def test_what_ends_ends_at_once(hub: Hub, end: str) -> None:
    tokens = {
        'alice': issue(hub, 'pat', 'alice'), 'acme+ci': issue(hub, 'robot', 'acme+ci'),
    }
    for login, token in tokens.items():
        hub.authority.authenticate(login, token)
        name = login.partition('+')[0]
        account = hub.accounts.find(name)
        assert account
        if end == 'suspend':
            hub.accounts.suspend(name, by='')
        elif end == 'delete':
            hub.accounts.delete(account)
        else:
            hub.tokens.revoke_all(login)
        with pytest.raises(Rejected):
            hub.authority.authenticate(login, token)
    if end != 'revoke':
        with pytest.raises(Rejected):
            hub.authority.authenticate('alice', SECRET)


def test_a_robot_that_was_taken_away_is_nobody(hub: Hub) -> None:
    token = issue(hub, 'robot', 'acme+ci')
    hub.store.delete([keys.robot('acme', 'ci')])
    with pytest.raises(Rejected, match='robot'):
        hub.authority.authenticate('acme+ci', token)


def test_a_token_is_of_one_account_and_not_of_the_next_of_its_name(hub: Hub) -> None:
    made = str(hub.tokens.issue('pat', 'alice', 'the id of another account'))
    with pytest.raises(Rejected, match='account'):
        hub.authority.authenticate('alice', made)


def test_only_who_logged_in_without_limits_owns_or_administers(hub: Hub) -> None:
    hub.accounts.make_administrator('olga')
    olga = hub.authority.authenticate('olga', SECRET)
    limited = replace(olga, scopes=(Scope(('pull', 'push', 'delete')).as_policy(),))
    robot = Identity('olga+ci', olga.account, 'x', ())
    assert hub.authority.is_administrator(olga) and hub.authority.owns(olga, 'acme') and hub.authority.owns(olga, 'bob')
    for identity in (limited, robot, NOBODY):
        assert not hub.authority.is_administrator(identity)
        assert not any(hub.authority.owns(identity, name) for name in ('acme', 'olga', 'bob', ''))
        assert not hub.authority.may(identity, 'administer', 'acme/app')
    alice = hub.authority.authenticate('alice', SECRET)
    assert hub.authority.owns(alice, 'alice') and not hub.authority.owns(alice, 'acme')
    assert not hub.authority.owns(hub.authority.authenticate('mia', SECRET), 'acme')


# What it costs

READS = ('get', 'stat', 'list')


def reads(counted: Counter[str]) -> int:
    return sum(counted[operation] for operation in READS)


@pytest.mark.parametrize('is_settled', [True, False])
def test_what_anybody_may_is_two_reads_at_most(hub: Hub, store: CountingStore, is_settled: bool) -> None:
    if is_settled:
        hub.repositories.show('alice/app', Visibility.PUBLIC, by='')
    hub.repositories.set_settings('alice', Namespace(visibility=Visibility.PUBLIC))
    with store.counted() as counted:
        assert hub.authority.narrow(NOBODY, 'alice/app', ['pull', 'push']) == ['pull']
    assert reads(counted) == (1 if is_settled else 2) and counted['put'] == 0


@pytest.mark.parametrize('scopes', [None, [Scope(('pull', 'push'))]])
def test_a_token_in_its_own_namespace_is_four_reads(
    hub: Hub, store: CountingStore, scopes: list[Scope] | None
) -> None:
    token = issue(hub, 'pat', 'alice', scopes=scopes)
    hub.repositories.show('alice/app', Visibility.PRIVATE, by='')
    hub.authority.authenticate('alice', token)
    with store.counted() as counted:
        identity = hub.authority.authenticate('alice', token)
        assert hub.authority.narrow(identity, 'alice/app', ['pull', 'push']) == ['pull', 'push']
    assert reads(counted) == 4 and counted['put'] == 0


def test_the_first_push_writes_once_what_the_repository_is(hub: Hub, store: CountingStore) -> None:
    alice = hub.authority.authenticate('alice', SECRET)
    with store.counted() as counted:
        hub.authority.narrow(alice, 'alice/app', ['pull', 'push'])
    assert reads(counted) == 2 and counted['put'] == 1
    with store.counted() as counted:
        hub.authority.narrow(alice, 'alice/app', ['pull', 'push'])
    assert reads(counted) == 1 and counted['put'] == 0


@pytest.mark.parametrize(('repository', 'expected'), [('acme/web/app', ['pull', 'push']), ('acme/other', ['pull'])])
def test_a_token_in_an_organisation_is_nine_reads_at_most(
    hub: Hub, store: CountingStore, repository: str, expected: list[str]
) -> None:
    """However many teams there are."""
    for number in range(50):
        hub.organisations.join('acme', 'mia', f'team{number}', by='')
        hub.organisations.grant('acme', f'team{number}', 'read', f'acme/{number}', by='')
    token = issue(hub, 'pat', 'mia')
    hub.repositories.show(repository, Visibility.PRIVATE, by='')
    hub.authority.authenticate('mia', token)
    with store.counted() as counted:
        identity = hub.authority.authenticate('mia', token)
        assert hub.authority.narrow(identity, repository, ['pull', 'push']) == expected
    assert reads(counted) <= 9 and counted['put'] == 0
