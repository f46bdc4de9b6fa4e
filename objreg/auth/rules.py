"""Who may do what, as a file says it: a list of grants, of which each only adds.

    - users: [anonymous]                # nobody in particular
      repositories: [public/**]
      actions: [pull]
    - users: [alice, bob]
      repositories: [team/**, shared/tools]
      actions: [pull, push]
    - users: [authenticated]            # whoever has a password
      repositories: ['**']
      actions: [pull]

``*`` stands for anything within one part of a name, ``**`` for any number of parts, and ``team/**`` for ``team`` too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from objreg.config import ConfigError, close_match

ACTIONS = ('pull', 'push', 'delete')
ANONYMOUS, AUTHENTICATED = 'anonymous', 'authenticated'
_KEYS = ('users', 'repositories', 'actions')
_MOST_WILDCARDS = 4
"""In a pattern: so that no name takes long to match."""


@dataclass(frozen=True)
class Grant:
    """One entry of the file."""

    users: frozenset[str]
    repositories: tuple[re.Pattern[str], ...]
    actions: frozenset[str]

    def covers(self, user: str, action: str, name: str) -> bool:
        """Whether it grants this; `user` is '' for nobody in particular."""
        if action not in self.actions:
            return False
        if (user or ANONYMOUS) not in self.users and not (user and AUTHENTICATED in self.users):
            return False
        return any(pattern.fullmatch(name) for pattern in self.repositories)


class Rules:
    """All grants."""

    def __init__(self, grants: list[Grant]) -> None:
        self._grants = grants

    def may(self, user: str, action: str, name: str) -> bool:
        """Whether any of them grants it."""
        return any(grant.covers(user, action, name) for grant in self._grants)


def without_file(anonymous: str) -> Rules:
    """Everybody who has a password may do everything; the others what `anonymous` says, ``none`` or ``pull``."""
    everything = (pattern('**'),)
    grants = [Grant(frozenset([AUTHENTICATED]), everything, frozenset(ACTIONS))]
    if anonymous == 'pull':
        grants.append(Grant(frozenset([ANONYMOUS, AUTHENTICATED]), everything, frozenset(['pull'])))
    return Rules(grants)


def load(path: str) -> Rules:
    """The rules of a file; raises `ConfigError`."""
    try:
        entries = yaml.safe_load(Path(path).read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'rules: {path}: {getattr(error, "strerror", None) or error}') from error
    except yaml.YAMLError as error:
        raise ConfigError(f'rules: {path}: not YAML: {" ".join(str(error).split())}') from error
    if not isinstance(entries, list):
        raise ConfigError(f'rules: {path}: a list of grants is needed')
    return Rules([_grant(entry, f'rules: {path}, entry {number}') for number, entry in enumerate(entries, 1)])


def _grant(entry: Any, where: str) -> Grant:
    if not isinstance(entry, dict):
        raise ConfigError(f'{where}: needs users, repositories and actions')
    for key in entry:
        if key not in _KEYS:
            raise ConfigError(f'{where}: there is no {key!r}; {close_match(str(key), _KEYS)}')
    words = {key: _words(entry.get(key), f'{where}: {key}') for key in _KEYS}
    for action in words['actions']:
        if action not in ACTIONS:
            raise ConfigError(f'{where}: actions: there is no {action!r}; {close_match(action, ACTIONS)}')
    try:
        patterns = tuple(pattern(text) for text in words['repositories'])
    except ValueError as error:
        raise ConfigError(f'{where}: repositories: {error}') from error
    return Grant(frozenset(words['users']), patterns, frozenset(words['actions']))


def _words(value: Any, where: str) -> list[str]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise ConfigError(f'{where}: a list of words is needed')
    return value


def pattern(text: str) -> re.Pattern[str]:
    """The names that a pattern means; raises `ValueError`."""
    if text.count('*') > 2 * _MOST_WILDCARDS:
        raise ValueError(f'{text!r} has too many wildcards')
    if not re.fullmatch(r'[a-z0-9._*-]+(?:/[a-z0-9._*-]+)*', text):
        raise ValueError(f'{text!r} matches no name of a repository')
    regular = ''
    for word in re.split(r'(/\*\*$|\*\*|\*)', text):
        regular += {'/**': '(?:/.*)?', '**': '.*', '*': '[^/]*'}.get(word, re.escape(word))
    return re.compile(regular)
