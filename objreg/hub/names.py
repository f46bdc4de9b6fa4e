"""Names of accounts (people and organisations), of robots, and the namespace of a repository.

An account's name is the first component of its repositories' names.  Names that differ in their separators only
(``a-b``, ``a_b``, ``a.b``) are one name, or people would be taken for each other; nothing but lower-case ASCII letters
and digits is there to be mistaken for something else.
"""

from __future__ import annotations

import re

LIBRARY = 'library'
"""The namespace of repositories whose name has one component only; the administrators'."""
LONGEST = 64
_ACCOUNT = re.compile(r'[a-z0-9]+(?:[._-][a-z0-9]+)*', re.ASCII)
_TEAM = _ACCOUNT
_SEPARATORS = re.compile('[._-]')
ROBOT = '+'
"""Between the namespace of a robot and its own name."""

RESERVED = frozenset({
    'about', 'account', 'admin', 'administrator', 'anonymous', 'api', 'assets', 'auth', 'authenticated', 'explore',
    'healthz', 'help', 'hub', 'internal', 'jwks', 'keys', LIBRARY, 'livez', 'login', 'logout', 'me', 'metrics', 'new',
    'objreg', 'private', 'public', 'readyz', 'registry', 'robots', 'root', 'search', 'settings', 'setup', 'signup',
    'static', 'system', 'token', 'tokens', 'user', 'users', 'v1', 'v2',
})
"""What a path or a word of the interface means already."""


class NameRefused(ValueError):
    """The text is for the person who chose the name."""


def check_account(name: str) -> str:
    """`name` if an account may be called so; raises `NameRefused`."""
    if not 2 <= len(name) <= LONGEST or not _ACCOUNT.fullmatch(name):
        raise NameRefused(
            f'a name has 2 to {LONGEST} lower-case letters and digits, with single ".", "_" or "-" between them'
        )
    if canonical(name) in RESERVED:
        raise NameRefused(f'{name!r} is reserved')
    return name


def is_account(name: str) -> bool:
    """Whether somebody may be called so."""
    try:
        check_account(name)
    except NameRefused:
        return False
    return True


def check_part(name: str) -> str:
    """`name` if a team or the second half of a robot's name may be so; raises `NameRefused`."""
    if not 1 <= len(name) <= LONGEST or not _TEAM.fullmatch(name):
        raise NameRefused(
            f'a name has at most {LONGEST} lower-case letters and digits, with single ".", "_" or "-" between them'
        )
    return name


def is_part(name: str) -> bool:
    """Whether a team or the second half of a robot's name may be so."""
    try:
        check_part(name)
    except NameRefused:
        return False
    return True


def canonical(name: str) -> str:
    """The same for all names that are taken for one."""
    return _SEPARATORS.sub('-', name)


def namespace(repository: str) -> str:
    """The account that a repository belongs to."""
    first, slash, _ = repository.partition('/')
    return first if slash else LIBRARY


def robot(namespace: str, name: str) -> str:
    """What a robot logs in as."""
    return f'{namespace}{ROBOT}{name}'


def split_robot(login: str) -> tuple[str, str] | None:
    """The namespace and the name of a robot; None for a person."""
    namespace, plus, name = login.partition(ROBOT)
    return (namespace, name) if plus else None
