"""Who may do what: the matrix, against a second implementation that is slow and obvious and shares no code."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objreg.drivers.memory import MemoryStore
from objreg.hub import keys, policy
from objreg.hub.authority import NOBODY, Identity
from objreg.hub.hub import Hub
from objreg.hub.policy import ACTIONS, ANYBODY, Grant, Repository, Role, Scope, Subject, Visibility
from objreg.hub.records import Namespace, Robot
from objreg.hub.records import Scope as Written

ALL = ('pull', 'push', 'delete', 'administer')
OF_ROLE = {'none': '', 'read': 'pull', 'write': 'pull push', 'admin': 'pull push delete administer'}


@dataclass(frozen=True)
class Who:
    """Somebody, as plain facts.  `scopes` are actions and patterns; None: he logs in by what is not limited."""

    name: str
    is_administrator: bool = False
    organisation: str = ''
    """His role in acme."""
    teams: tuple[str, ...] = ()
    collaborates: dict[str, str] = field(default_factory=dict)
    scopes: tuple[tuple[str, str], ...] | None = None


TEAMS = {
    'readers': ('read', 'acme/**'), 'writers': ('write', 'acme/web/*'), 'admins': ('admin', 'acme/w*'),
    'elsewhere': ('admin', 'bob/**'), 'one': ('write', 'acme/app'), 'deep': ('write', 'acme/**/site'),
}
SHARED = ('alice/app', 'acme/app', 'acme/web/deep/site', 'alpine')
PEOPLE = [
    Who(''), Who('sam'), Who('alice'), Who('acm'), Who('bob'),
    Who('ada', is_administrator=True), Who('olga', organisation='owner'), Who('mia', organisation='member'),
    *(Who(f'{team}-member', organisation='member', teams=(team,)) for team in TEAMS),
    Who('all-teams', organisation='member', teams=tuple(TEAMS)), Who('gone', teams=tuple(TEAMS)),
    *(Who(f'helper-{role}', collaborates=dict.fromkeys(SHARED, role)) for role in ('read', 'write', 'admin')),
    Who('mixed', organisation='member', teams=('readers',), collaborates={'acme/app': 'write'}),
    # tokens: narrower, of other names, of other actions, of nothing that fits
    Who('alice', scopes=(('pull', '**'),)), Who('alice', scopes=(('push', 'alice/app'),)),
    Who('alice', scopes=(('pull push delete', 'bob/**'),)),
    Who('alice', scopes=(('delete', 'alice/*'), ('pull', '**'))),
    Who('ada', is_administrator=True, scopes=(('push', 'acme/**'),)),
    Who('olga', organisation='owner', scopes=(('delete', 'acme/web/**'),)),
    Who('mia', organisation='member', scopes=(('pull push delete', '**'),)),
    Who('sam', scopes=(('pull push delete', '**'),)),
    Who('helper-admin', collaborates=dict.fromkeys(SHARED, 'admin'), scopes=(('pull', 'acme/app'),)),
    # robots
    Who('acme+all', scopes=(('pull push delete', '**'),)), Who('acme+pull', scopes=(('pull', 'acme/web/**'),)),
    Who('acme+nothing', scopes=()), Who('alice+bot', scopes=(('pull push', 'alice/app'), ('pull', 'acme/**'))),
    Who('library+bot', scopes=(('pull push', '**'),)),
]
REPOSITORIES = [
    'alice/app', 'alice/deep/er/app', 'bob/app', 'acme/app', 'acme/web', 'acme/web/site', 'acme/web/deep/site',
    'acme-x/app', 'acm/app', 'alpine', 'library/alpine',
]


def fits(pattern: str, name: str) -> bool:
    """Letter by letter."""
    if pattern.endswith('/**') and fits(pattern[:-3], name):
        return True
    if not pattern:
        return not name
    if pattern.startswith('**'):
        return any(fits(pattern[2:], name[at:]) for at in range(len(name) + 1))
    if pattern[0] == '*':
        return any(fits(pattern[1:], name[at:]) for at in range(len(name) + 1) if '/' not in name[:at])
    return bool(name) and pattern[0] == name[0] and fits(pattern[1:], name[1:])


def of_himself(who: Who, repository: str, visibility: str, members: str) -> set[str]:
    """What he may, were his token not limited."""
    namespace = repository.partition('/')[0] if '/' in repository else 'library'
    if '+' in who.name:
        return set(ALL) if who.name.partition('+')[0] == namespace else set()
    if who.name == '':
        return set()
    if who.is_administrator or who.name == namespace or (namespace == 'acme' and who.organisation == 'owner'):
        return set(ALL)
    found = set()
    if visibility == 'internal':
        found.add('pull')
    if namespace == 'acme' and who.organisation == 'member':
        found.update(OF_ROLE[members].split())
        for team in who.teams:
            role, pattern = TEAMS[team]
            if fits(pattern, repository):
                found.update(OF_ROLE[role].split())
    found.update(OF_ROLE[who.collaborates.get(repository, 'none')].split())
    return found


def slow(who: Who, repository: str, visibility: str, members: str) -> set[str]:
    """All that he may do."""
    found = of_himself(who, repository, visibility, members)
    if who.scopes is not None:
        left = {word for words, pattern in who.scopes if fits(pattern, repository) for word in words.split()}
        found &= left
    if visibility == 'public':
        found.add('pull')
    return found


@pytest.fixture(scope='module')
def world() -> tuple[Hub, list[Identity]]:
    """The people with their accounts, and who they are when they log in by a token."""
    hub = Hub(MemoryStore())
    hub.accounts.create('acme', 'organisation')
    for name in sorted({who.name for who in PEOPLE if who.name and '+' not in who.name}):
        hub.accounts.create(name, 'user')
    for team, (role, pattern) in TEAMS.items():
        hub.organisations.add_team('acme', team, by='')
        hub.organisations.grant('acme', team, role, pattern, by='')  # type: ignore[arg-type]
    return hub, [settled(hub, who) for who in PEOPLE]


def settled(hub: Hub, who: Who) -> Identity:
    """Write down what is said of him, and let him log in."""
    if who.organisation:
        hub.organisations.add('acme', who.name, who.organisation, by='')  # type: ignore[arg-type]
    for team in who.teams:
        hub.organisations.join('acme', who.name, team, by='')
    if who.is_administrator:
        hub.accounts.make_administrator(who.name)
    for repository, role in who.collaborates.items():
        hub.repositories.invite(repository, who.name, role, by='')
    if not who.name:
        return NOBODY
    scopes = None if who.scopes is None else tuple(
        Written(tuple(words.split()), (pattern,)) for words, pattern in who.scopes  # type: ignore[arg-type]
    )
    namespace, plus, robot = who.name.partition('+')
    account = hub.accounts.find(namespace)
    id = account.id if account else ''
    if plus:
        hub.store.put(keys.robot(namespace, robot), Robot(scopes or (), 0).dump())
        token = hub.tokens.issue('robot', who.name, id)
    else:
        token = hub.tokens.issue('pat', who.name, id, scopes=scopes)
    return hub.authority.authenticate(who.name, str(token))


@pytest.mark.parametrize('members', ['none', 'read', 'write', 'admin'])
@pytest.mark.parametrize('visibility', ['public', 'internal', 'private'])
def test_the_matrix(world: tuple[Hub, list[Identity]], visibility: str, members: str) -> None:
    """Each of these has some 1,300 rows: who, what, with which repository."""
    hub, identities = world
    for namespace in ('acme', 'alice', 'bob', 'library'):
        hub.repositories.set_settings(namespace, Namespace(members=members))  # type: ignore[arg-type]
    rows = 0
    for repository in REPOSITORIES:
        hub.repositories.show(repository, Visibility(visibility), by='')
        for who, identity in zip(PEOPLE, identities, strict=True):
            expected = slow(who, repository, visibility, members)
            found = {action for action in ALL if hub.authority.may(identity, action, repository)}
            assert found == expected, (who, repository)
            assert set(hub.authority.narrow(identity, repository, ['*'])) == expected - {'administer'}
            assert set(hub.authority.narrow(identity, repository, ['pull', 'fly'])) == expected & {'pull'}
            rows += len(ALL)
    assert rows > 1000


def test_the_rows_differ(world: tuple[Hub, list[Identity]]) -> None:
    """Each of the people may do something that another may not: a matrix of one answer would prove nothing."""
    answers = {
        (who.name, who.scopes): tuple(
            frozenset(slow(who, name, visibility, members))
            for name, visibility, members in product(REPOSITORIES, ('public', 'internal', 'private'), OF_ROLE)
        ) for who in PEOPLE
    }
    assert len(set(answers.values())) > 20


@pytest.mark.parametrize('namespace', ['alice', 'acme', 'library'])
@pytest.mark.parametrize('said', [None, 'public', 'internal', 'private'])
def test_a_new_repository_is_as_visible_as_its_namespace_says(namespace: str, said: str | None) -> None:
    hub = Hub(MemoryStore())
    hub.repositories.set_settings(namespace, Namespace(visibility=Visibility(said) if said else None))
    name = 'alpine' if namespace == 'library' else f'{namespace}/new'
    is_public = said == 'public' or (said is None and namespace == 'library')
    assert hub.authority.may(NOBODY, 'pull', name) is is_public
    hub.accounts.create('sam', 'user')
    sam = Identity('sam')
    assert hub.authority.may(sam, 'pull', name) is (is_public or said == 'internal')


def test_a_repository_stays_as_visible_as_it_was_when_it_began() -> None:
    hub = Hub(MemoryStore())
    account = hub.accounts.create('alice', 'user')
    hub.repositories.set_settings('alice', Namespace(visibility=Visibility.PRIVATE))
    assert hub.authority.narrow(Identity('alice', account.id), 'alice/app', ['push']) == ['push']
    hub.repositories.set_settings('alice', Namespace(visibility=Visibility.PUBLIC))
    assert not hub.authority.may(NOBODY, 'pull', 'alice/app')
    assert hub.authority.may(NOBODY, 'pull', 'alice/later')


# Whatever is said of somebody

PATTERNS = st.sampled_from(['**', 'a/**', 'a/*', 'a/b', 'b/**', '*/b', 'a*'])
SCOPES = st.lists(
    st.builds(Scope, st.frozensets(st.sampled_from(['pull', 'push', 'delete']), min_size=1), st.tuples(PATTERNS)),
    max_size=3,
).map(tuple)
SUBJECTS = st.builds(
    Subject, st.sampled_from(['', 'a', 'b', 'x']), st.booleans(), st.booleans(), st.booleans(),
    st.lists(st.builds(Grant, PATTERNS, st.sampled_from(Role)), max_size=3).map(tuple), st.none() | SCOPES,
)
NAMES = st.sampled_from(['a/b', 'a/b/c', 'b/b', 'a', 'ab/c'])
PLACES = st.builds(Repository, NAMES, st.sampled_from(Visibility), st.sampled_from(Role))


@given(SUBJECTS, SCOPES, PLACES)
def test_a_scope_never_adds_a_right(subject: Subject, scopes: tuple[Scope, ...], repository: Repository) -> None:
    unlimited = Subject(
        subject.name, subject.is_administrator, subject.is_owner, subject.is_member, subject.grants, None
    )
    limited = Subject(
        subject.name, subject.is_administrator, subject.is_owner, subject.is_member, subject.grants, scopes
    )
    for action in ACTIONS:
        assert policy.may(unlimited, action, repository) >= policy.may(limited, action, repository)


@given(SUBJECTS | st.builds(Subject, st.sampled_from(['a+r', 'b+r']), scopes=SCOPES), PLACES)
def test_what_anybody_may_everybody_may(subject: Subject, repository: Repository) -> None:
    for action in ACTIONS:
        assert policy.may(subject, action, repository) >= policy.may(ANYBODY, action, repository)


@given(SCOPES, PLACES)
def test_a_robot_does_nothing_beyond_its_namespace(scopes: tuple[Scope, ...], repository: Repository) -> None:
    robot = Subject('a+r', is_administrator=True, is_owner=True, is_member=True, scopes=scopes)
    if repository.namespace != 'a':
        assert [action for action in ACTIONS if policy.may(robot, action, repository)] == [
            action for action in ACTIONS if policy.may(ANYBODY, action, repository)
        ]


@given(SUBJECTS, PLACES)
def test_more_is_never_granted_without_the_less(subject: Subject, repository: Repository) -> None:
    """Whoever may push may pull what he pushed, as far as his token goes."""
    whole = Subject(subject.name, subject.is_administrator, subject.is_owner, subject.is_member, subject.grants)
    may = [policy.may(whole, action, repository) for action in ('pull', 'push', 'delete')]
    assert may == sorted(may, reverse=True)
