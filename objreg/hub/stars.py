"""Who likes which repository.

Two keys for each star: that of the repository is what counts, and that of the person is for his list, where one that
was left by a node that died is passed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from objreg.hub import keys
from objreg.hub.records import Mark
from objreg.store import Store


class Stars:
    """Those of one hub."""

    def __init__(self, store: Store, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    def add(self, repository: str, user: str) -> None:
        """He likes it; saying so again changes nothing."""
        mark = Mark(int(self._now())).dump()
        self._store.put(keys.starred(user, repository), mark)
        self._store.put(keys.star(repository, user), mark)

    def remove(self, repository: str, user: str) -> None:
        """He does not any more."""
        self._store.delete([keys.star(repository, user), keys.starred(user, repository)])

    def has(self, repository: str, user: str) -> bool:
        """Whether he does."""
        return self._store.has(keys.star(repository, user))

    def count(self, repository: str) -> int:
        """How many do: a list call for each thousand."""
        return sum(1 for _ in self._store.list(keys.stars(repository)))

    def of(self, user: str) -> list[str]:
        """What he may like, by name."""
        prefix = keys.stars_of(user)
        return [keys.parse_starred(entry.key.removeprefix(prefix)) for entry in self._store.list(prefix)]
