"""Who may do what, as a file says it: a list of grants, of which each only adds.

    - users: [anonymous]                # everybody
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
from typing import Any

import yaml

from objreg.auth.files import Watched
from objreg.config import ConfigError, close_match

ACTIONS = ('pull', 'push', 'delete')
ANONYMOUS, AUTHENTICATED = 'anonymous', 'authenticated'
_KEYS = ('users', 'repositories', 'actions')
_WITHIN, _ACROSS = '[^/]*?', '.*?'
"""The wildcards ``*`` and ``**``."""


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
        # what anonymous may, everybody may: he had only to keep his password to himself
        if not self.users & {user, ANONYMOUS, AUTHENTICATED if user else ANONYMOUS}:
            return False
        return any(pattern.fullmatch(name) for pattern in self.repositories)


class Rules:
    """All grants."""

    def __init__(self, grants: list[Grant]) -> None:
        self._grants = grants

    def may(self, user: str, action: str, name: str) -> bool:
        """Whether any of them grants it."""
        return any(grant.covers(user, action, name) for grant in self._grants)

    def grants_to_anonymous(self) -> bool:
        """Whether nobody in particular may do anything at all."""
        return any(ANONYMOUS in grant.users for grant in self._grants)


def without_file(anonymous: str) -> Rules:
    """Everybody who has a password may do everything; the others what `anonymous` says, ``none`` or ``pull``."""
    everything = (pattern('**'),)
    grants = [Grant(frozenset([AUTHENTICATED]), everything, frozenset(ACTIONS))]
    if anonymous == 'pull':
        grants.append(Grant(frozenset([ANONYMOUS]), everything, frozenset(['pull'])))
    return Rules(grants)


def watch(path: str) -> Watched[Rules]:
    """The rules of a file, as it is at any time; raises `ConfigError`."""
    return Watched('rules', path, parse)


def load(path: str) -> Rules:
    """The rules of a file, once; raises `ConfigError`."""
    return watch(path).current()


def parse(text: str, path: str) -> Rules:
    """The rules in the text of a file; raises `ConfigError`."""
    try:
        entries = yaml.safe_load(text)
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
    if '*' in words['users']:
        raise ConfigError(f'{where}: users: there is no "*"; write {AUTHENTICATED} or {ANONYMOUS}')
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
    if not isinstance(value, list) or not value or not all(word and isinstance(word, str) for word in value):
        raise ConfigError(f'{where}: a list of words is needed')
    return value


def pattern(text: str) -> re.Pattern[str]:
    """The names that a pattern means; raises `ValueError`.

    A wildcard that found its earliest place keeps it (an atomic group), for an earlier one leaves more to those that
    follow.  So the time grows with the square of a name's length at worst, however many wildcards there are.
    """
    if not re.fullmatch(r'[a-z0-9._*-]+(?:/[a-z0-9._*-]+)*', text):
        raise ValueError(f'{text!r} matches no name of a repository')
    text, end = (text[:-3], '(?:/.*)?') if text.endswith('/**') else (text, '')
    first, *others = [part.split('*') for part in text.split('**')]
    if not others:
        return re.compile(_to_the_end(first) + end)
    between = ''.join(f'(?>{_ACROSS}{_earliest(words)})' for words in others[:-1])
    return re.compile(_earliest(first) + between + _ACROSS + _to_the_end(others[-1]) + end)


def _earliest(words: list[str]) -> str:
    """What begins with the first of these, and goes on, within one part, with each of the others at its first place."""
    first, *others = map(re.escape, words)
    return first + ''.join(f'(?>{_WITHIN}{word})' for word in others)


def _to_the_end(words: list[str]) -> str:
    """The same, but the last of them is where it ends."""
    *before, last = words
    return (_earliest(before) + _WITHIN if before else '') + re.escape(last)
