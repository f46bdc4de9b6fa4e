"""Which repositories there are: what the registry notes in its catalog, in the same store."""

from __future__ import annotations

from typing import NamedTuple

from objreg import keys
from objreg.hub import names
from objreg.store import Store


class Names(NamedTuple):
    """A page of names, and where the next one begins ('' nowhere)."""

    names: list[str]
    last: str


def page(store: Store, namespace: str, after: str, limit: int) -> Names:
    """Names of a namespace, of all with '', at most that many: one list call."""
    delimiter, begin = '', keys.CATALOG
    if namespace == names.LIBRARY:
        delimiter = '/'  # the names of one component
    elif namespace:
        begin = keys.catalog(f'{namespace}/')
    found = store.page(begin, keys.catalog(after) if after else '', delimiter=delimiter, limit=limit)
    listed = [entry.key.removeprefix(keys.CATALOG) for entry in found.entries]
    last = listed[-1] if found.more and listed else ''
    return Names([name for name in listed if not name.endswith('/')], last)


def some(store: Store, namespace: str, limit: int = 10) -> list[str]:
    """Some repositories of a namespace."""
    return page(store, namespace, '', limit).names


def has(store: Store, repository: str) -> bool:
    """Whether there is a repository of that name."""
    return store.has(keys.catalog(repository))
