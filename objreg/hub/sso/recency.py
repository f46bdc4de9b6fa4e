"""Whether somebody is still known to the provider by which he logs in, as far as can be told without asking it.

A provider says nothing when it removes somebody: he logs in no more, that is all.  His tokens would go on, so those of
whoever can only log in by a provider count for so many days after he did so last.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from cachetools import LRUCache

from objreg.hub.accounts import Accounts
from objreg.hub.sso.links import Links

_DAY = 86400
_REMEMBERED = 10_000


class Recency:
    """Of the people of one hub; `days` 0: tokens count for ever."""

    def __init__(self, links: Links, accounts: Accounts, days: int, *, now: Callable[[], float] = time.time) -> None:
        self._links = links
        self._accounts = accounts
        self._days = days
        self._now = now
        self._until: LRUCache[str, float] = LRUCache(_REMEMBERED)

    def is_recent(self, user: str) -> bool:
        """Whether his tokens count: a list call once a day and node, and for who has links some reads."""
        if not self._days or self._until.get(user, 0) > self._now():
            return True
        links = self._links.with_times(user)
        seen = max((max(found.seen, found.link.at) for found in links), default=None)
        until = self._now() + _DAY if seen is None else seen + self._days * _DAY
        if until <= self._now() and self._accounts.password_changed(user):  # he has another way in
            until = self._now() + _DAY
        # what is remembered can only be too early: he may have logged in since, and is looked for again then
        self._until[user] = min(until, self._now() + _DAY)
        return until > self._now()
