"""The scopes of Docker's token specification: ``repository:team/app:pull,push`` and ``registry:catalog:*``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from objreg.errors import NameInvalid
from objreg.names import check_name

MOST = 100
"""Scopes of one request."""
_MOST_ACTIONS = 10


class ScopeInvalid(ValueError):
    """Not a scope; the text is for the client."""


class Wanted(NamedTuple):
    """One scope."""

    kind: str
    name: str
    actions: tuple[str, ...]


def parse(given: Iterable[str]) -> list[Wanted]:
    """The scopes in these texts, each of which may have several, separated by spaces; raises `ScopeInvalid`."""
    words = [word for text in given for word in text.split()]
    if len(words) > MOST:
        raise ScopeInvalid(f'more than {MOST} scopes')
    found: dict[tuple[str, str], list[str]] = {}
    for word in words:
        wanted = _parse(word)
        found.setdefault((wanted.kind, wanted.name), []).extend(wanted.actions)
    return [Wanted(kind, name, tuple(dict.fromkeys(actions))) for (kind, name), actions in found.items()]


def _parse(word: str) -> Wanted:
    kind, _, rest = word.partition(':')
    name, colon, actions = rest.rpartition(':')
    if not colon or not name:
        raise ScopeInvalid(f'{word[:100]!r} is not like repository:<name>:<actions>')
    # a class, as in ``repository(plugin)``, says what is in it; the rights are the same
    kind, _, _ = kind.partition('(')
    if kind == 'repository':
        try:
            check_name(name)
        except NameInvalid as error:
            raise ScopeInvalid(f'{name[:100]!r} is no name of a repository') from error
    words = [action for action in actions.split(',') if action][:_MOST_ACTIONS]
    return Wanted(kind, name, tuple(words))


def dump(kind: str, name: str, actions: Iterable[str]) -> str:
    """A scope as text."""
    return f'{kind}:{name}:{",".join(actions)}'
