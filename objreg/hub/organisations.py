"""Organisations: their members, teams, and what teams may do.

What somebody is in an organisation is said by keys alone, so that two who change it at once change two keys.  Lists of
some stores lag: what one shows is looked at before it counts, so that a right that was taken away is away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from objreg.hub import keys, names, records
from objreg.hub.policy import Grant, Role
from objreg.hub.records import Mark
from objreg.store import Store

MemberRole = Literal['owner', 'member']
GrantedRole = Literal['read', 'write', 'admin']


class Place(NamedTuple):
    """What somebody is in an organisation; an empty `role`: nothing."""

    role: str = ''
    teams: frozenset[str] = frozenset()


class TeamGrant(NamedTuple):
    """What a team may do."""

    team: str
    role: str
    pattern: str


_THIS_MINUTE = 60
"""Seconds, with what the clocks of nodes may differ by."""


class LastOwner(Exception):
    """An organisation has an owner: this one is the last."""


class Organisations:
    """Those of one hub."""

    def __init__(self, store: Store, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    # Members

    def place(self, organisation: str, user: str) -> Place:
        """What he is there: one list call where lists do not lag."""
        prefix = keys.member(organisation, user)
        return _place(key.removeprefix(prefix) for key in self._there(prefix))

    def members(self, organisation: str) -> dict[str, Place]:
        """All of them: one list call a thousand."""
        facts: dict[str, set[str]] = {}
        for entry in self._store.list(keys.members(organisation)):
            user, _, fact = entry.key.removeprefix(keys.members(organisation)).partition('/')
            facts.setdefault(user, set()).add(fact)
        return {user: place for user, found in facts.items() if (place := _place(found)).role}

    def owners(self, organisation: str) -> list[str]:
        """Who owns it at this moment."""
        prefix = keys.members(organisation)
        found = [entry.key for entry in self._store.list(prefix) if entry.key.endswith('/owner')]
        return [key.removeprefix(prefix).partition('/')[0] for key in self._still(found)]

    def add(self, organisation: str, user: str, role: MemberRole, *, by: str) -> None:
        """Make him a member, or an owner; what he was otherwise ends.  Raises `LastOwner`.

        An owner is a member too: were one of two keys taken away for the other, two who change it at once would each
        take away what the other wrote.
        """
        mark = Mark(int(self._now()), by).dump()
        place = self.place(organisation, user)
        if not place.role:
            self._forget_teams(organisation, user)
        self._store.put(keys.membership(organisation, user, 'member'), mark)
        self._store.put(keys.organisation(user, organisation), mark)
        if role == 'owner':
            self._store.put(keys.membership(organisation, user, 'owner'), mark)
            self._store.delete([keys.founding(user, organisation)])
        elif place.role == 'owner':
            self._disown(organisation, user, by=by)

    def remove(self, organisation: str, user: str, *, by: str = '') -> None:
        """Let him be nothing there, nor in any of its teams.  Raises `LastOwner`."""
        if self.place(organisation, user).role == 'owner':
            self._disown(organisation, user, by=by, leaves=True)
        else:
            listed = [entry.key for entry in self._store.list(keys.member(organisation, user))]
            said = [key for key in listed if key.endswith('/member')]
            self._store.delete([keys.membership(organisation, user, 'member'), *said])
        self._forget(organisation, user)  # without the membership all that counts for nothing

    def _forget_teams(self, organisation: str, user: str) -> None:
        """The teams that he was in before must not come back with him, where what removed him stopped half way.

        What is of this minute stays: another node may make him a member, and put him into a team, at the same time.
        """
        prefix = keys.member(organisation, user)
        found = [entry.key for entry in self._store.list(prefix) if entry.key.startswith(f'{prefix}team-')]
        marks = {key: records.find(self._store, key, Mark) for key in found}
        before = self._now() - _THIS_MINUTE
        self._store.delete([key for key, mark in marks.items() if mark is not None and mark.at < before])

    def clear(self, organisation: str) -> None:
        """Let nobody be anything there, the owners last, so that one of them can go on where this stopped."""
        for team in {*self.teams(organisation), *(grant.team for grant in self.grants(organisation))}:
            self.remove_team(organisation, team)
        everybody = self.members(organisation)
        for user in sorted(everybody, key=lambda user: everybody[user].role == 'owner'):
            self._store.delete([keys.membership(organisation, user, role) for role in ('owner', 'member')])
            self._forget(organisation, user)

    def _forget(self, organisation: str, user: str) -> None:
        found = [entry.key for entry in self._store.list(keys.member(organisation, user))]
        self._store.delete([*found, keys.organisation(user, organisation), keys.founding(user, organisation)])

    def _disown(self, organisation: str, user: str, *, by: str, leaves: bool = False) -> None:
        """Let him own it no more, nor be a member, where he `leaves`.  Raises `LastOwner`.

        Two owners may do this to each other at once, and both see the other.  So each looks again when it is done, and
        gives back what it took where nobody is left: whoever looks last sees what both did, and one or both stay.
        """
        if not set(self.owners(organisation)) - {user}:
            raise LastOwner(user)
        roles = ('owner', 'member') if leaves else ('owner',)
        taken = [keys.membership(organisation, user, role) for role in roles]
        self._store.delete([*taken, keys.founding(user, organisation)])
        if not set(self.owners(organisation)) - {user}:  # if he is there again, somebody else has just given it back
            for key in reversed(taken):
                self._store.put(key, Mark(int(self._now()), by).dump())
            raise LastOwner(user)

    def of(self, user: str) -> list[str]:
        """The organisations that he may be in."""
        prefix = keys.organisations(user)
        return [entry.key.removeprefix(prefix) for entry in self._store.list(prefix)]

    # Teams

    def add_team(self, organisation: str, team: str, *, by: str) -> None:
        """A new team; one that is there stays."""
        names.check_part(team)
        self._store.put(keys.team(organisation, team), Mark(int(self._now()), by).dump())

    def teams(self, organisation: str) -> list[str]:
        """All of them."""
        prefix = keys.teams(organisation)
        return [entry.key.removeprefix(prefix) for entry in self._store.list(prefix)]

    def has_team(self, organisation: str, team: str) -> bool:
        """Whether there is such a team."""
        return self._store.has(keys.team(organisation, team))

    def remove_team(self, organisation: str, team: str) -> None:
        """End a team: its grants first, then who is in it."""
        granted = [keys.grant(organisation, *grant) for grant in self.grants(organisation) if grant.team == team]
        self._store.delete(granted)
        facts = [entry.key for entry in self._store.list(keys.members(organisation))]
        self._store.delete([key for key in facts if key.endswith(f'/team-{team}')])
        self._store.delete([keys.team(organisation, team)])

    def join(self, organisation: str, user: str, team: str, *, by: str) -> None:
        """Put a member into a team."""
        self._store.put(keys.in_team(organisation, user, team), Mark(int(self._now()), by).dump())

    def leave(self, organisation: str, user: str, team: str) -> None:
        """Take him out; a provider that put him in does so again when he logs in by it."""
        listed = [entry.key for entry in self._store.list(keys.member(organisation, user))]
        said = [key for key in listed if key.endswith(f'/team-{team}')]
        self._store.delete([keys.in_team(organisation, user, team), *said])

    def grant(self, organisation: str, team: str, role: GrantedRole, pattern: str, *, by: str) -> None:
        """Let a team do what a role may, on names of the organisation that match a pattern."""
        self._store.put(keys.grant(organisation, team, role, pattern), Mark(int(self._now()), by).dump())

    def revoke(self, organisation: str, team: str, role: GrantedRole, pattern: str) -> None:
        """Let it do so no more."""
        self._store.delete([keys.grant(organisation, team, role, pattern)])

    def grants(self, organisation: str) -> list[TeamGrant]:
        """What its teams may do: one list call a thousand."""
        return [TeamGrant(*keys.parse_grant(key)) for key in self._there(keys.grants(organisation))]

    def grants_of(self, organisation: str, teams: Iterable[str]) -> list[Grant]:
        """The same for some of them, as `policy` has it."""
        wanted = frozenset(teams)
        if not wanted:
            return []
        return [
            Grant(found.pattern, Role.of(found.role)) for found in self.grants(organisation) if found.team in wanted
        ]

    def _there(self, prefix: str) -> list[str]:
        """The keys below a prefix that are there at this moment."""
        return self._still([entry.key for entry in self._store.list(prefix)])

    def _still(self, listed: list[str]) -> list[str]:
        """Those of the keys of a listing that are there."""
        if self._store.capabilities.consistent_list:
            return listed
        return [key for key in listed if self._store.has(key)]


def _place(facts: Iterable[str]) -> Place:
    """What these facts make of him: said by hand, or by the provider that he logs in by (``login-<provider>/<fact>``).

    A provider makes nobody an owner.
    """
    by_hand = set(facts)
    by_login = {fact.rpartition('/')[2] for fact in by_hand if fact.startswith(keys.BY_LOGIN)}
    role = 'owner' if 'owner' in by_hand else 'member' if 'member' in by_hand | by_login else ''
    if not role:
        return Place()
    return Place(role, frozenset(fact[5:] for fact in by_hand | by_login if fact.startswith('team-')))
