"""Who may do what with a repository: one pure function, `may`, and the values that it looks at.

===========  ==========================================================================
role         what it grants on a repository
===========  ==========================================================================
``read``     pull
``write``    pull, push (which makes the repository, where there was none)
``admin``    pull, push, delete, administer: visibility, collaborators, its description
===========  ==========================================================================

Somebody has the highest of these roles:

- an administrator of the hub, the owner of a namespace (the person it is named after, or an owner of the organisation):
  admin;
- a member of an organisation: what the organisation grants to its members on all of its repositories;
- a member of a team: what the team was granted on names that match a pattern;
- a collaborator of one repository: what he was granted on it;
- anybody, on a public repository, and anybody with an account, on an internal one: read.

A token can only narrow this down (`Scope`), to no less than what anybody may.  A robot has no role but what its own
scope grants within its namespace.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from objreg.auth import rules
from objreg.hub import names


class Role(enum.IntEnum):
    """What somebody is to a repository; more is higher."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3

    @classmethod
    def of(cls, word: str) -> Role:
        """The role that a record or a person names."""
        return cls[word.upper()]


class Visibility(enum.StrEnum):
    """Who sees a repository without having been granted anything."""

    PUBLIC = 'public'
    INTERNAL = 'internal'
    PRIVATE = 'private'


ACTIONS = {'pull': Role.READ, 'push': Role.WRITE, 'delete': Role.ADMIN, 'administer': Role.ADMIN}
"""What can be done with a repository, and the role that it takes."""
IN_TOKENS = ('pull', 'push', 'delete')
"""The actions that a registry knows."""


@dataclass(frozen=True)
class Scope:
    """What a token is limited to: these actions, on names that match one of these patterns."""

    actions: frozenset[str]
    patterns: tuple[str, ...] = ('**',)

    def covers(self, action: str, repository: str) -> bool:
        """Whether it leaves this over."""
        return action in self.actions and any(matches(pattern, repository) for pattern in self.patterns)


class Grant(NamedTuple):
    """A role on the repositories that match a pattern (`objreg.auth.rules.pattern`)."""

    pattern: str
    role: Role


@dataclass(frozen=True)
class Subject:
    """Who asks, and what he is to one namespace; the empty name is anybody."""

    name: str = ''
    is_administrator: bool = False
    is_owner: bool = False
    """Of the namespace: it is named after him, or he is an owner of the organisation."""
    is_member: bool = False
    grants: tuple[Grant, ...] = ()
    """Of his teams in the namespace, and as a collaborator."""
    scopes: tuple[Scope, ...] | None = None
    """What his token is limited to, any of these; None: not at all."""

    @property
    def is_robot(self) -> bool:
        """Whether it belongs to a namespace, rather than being somebody."""
        return names.ROBOT in self.name


@dataclass(frozen=True)
class Repository:
    """A repository, whether it exists or not."""

    name: str
    visibility: Visibility = Visibility.PRIVATE
    members: Role = Role.READ
    """What its organisation grants to members."""
    is_settled: bool = False
    """Whether it has been said who sees it; else that follows from its namespace."""

    @property
    def namespace(self) -> str:
        """The account that it belongs to."""
        return names.namespace(self.name)


ANYBODY = Subject()


def may(subject: Subject, action: str, repository: Repository) -> bool:
    """Whether `subject` may do `action` (a key of `ACTIONS`) with the repository.

    `subject` must have been gathered for the repository's namespace.
    """
    if subject.scopes is not None and not any(scope.covers(action, repository.name) for scope in subject.scopes):
        subject = ANYBODY  # what needs no token is not taken away by one
    return role(subject, repository) >= ACTIONS[action]


def role(subject: Subject, repository: Repository) -> Role:
    """The highest role that `subject` has, whatever his token leaves of it."""
    least = Role.READ if repository.visibility is Visibility.PUBLIC else Role.NONE
    if not subject.name:
        return least
    if subject.is_robot:
        owner, _, _ = subject.name.partition(names.ROBOT)
        return Role.ADMIN if owner == repository.namespace and subject.scopes is not None else least
    if subject.is_administrator or subject.is_owner:
        return Role.ADMIN
    if repository.visibility is Visibility.INTERNAL:
        least = Role.READ
    granted = [grant.role for grant in subject.grants if matches(grant.pattern, repository.name)]
    if subject.is_member:
        granted.append(repository.members)
    return max([least, *granted])


def narrow(subject: Subject, actions: Iterable[str], repository: Repository) -> list[str]:
    """Those of the actions that are granted, in their order; ``*`` asks for all that a registry knows."""
    wanted = IN_TOKENS if '*' in (asked := list(actions)) else asked
    return [action for action in dict.fromkeys(wanted) if action in IN_TOKENS and may(subject, action, repository)]


def matches(pattern: str, repository: str) -> bool:
    """Whether a pattern means that repository."""
    return _compiled(pattern).fullmatch(repository) is not None


@lru_cache(4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return rules.pattern(pattern)
