"""Whom a provider means: an issuer and a subject are one account, whatever anybody is called.

A link is claimed as a name is (`objreg.hub.claims`), so that of two nodes that see somebody for the first time one
decides.  Neither name nor mail address ever leads to an account: both can be somebody else's tomorrow.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from objreg.hub import claims, keys, records
from objreg.hub.claims import Clock, Taken
from objreg.hub.records import Account, Record
from objreg.store import Store

LinkKind = Literal['oidc', 'ldap']


class Link(Record, frozen=True):
    """That who logs in by this is that account: its name, and its id, since a name alone says too little."""

    kind: LinkKind
    provider: str
    issuer: str
    subject: str
    user: str
    account: str
    at: int
    by: str = ''

    @property
    def id(self) -> str:
        """Another one for each issuer and subject."""
        return id_of(self.issuer, self.subject)


class Found(NamedTuple):
    """A link of somebody, and when he last logged in by its provider, in seconds since the epoch; 0 never."""

    link: Link
    seen: int


def id_of(issuer: str, subject: str) -> str:
    """SHA-256 of both; the length of the first tells where it ends."""
    return hashlib.sha256(f'{len(issuer)}:{issuer}{subject}'.encode()).hexdigest()


class Links:
    """Those of one hub."""

    def __init__(
        self, store: Store, *, clock: Clock = claims.CLOCK, now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._clock = clock
        self._now = now

    def find(self, issuer: str, subject: str) -> Link | None:
        """That of an issuer and a subject: one read."""
        found = records.find(self._store, keys.link(id_of(issuer, subject)), Link)
        # a digest that is the same, and a record that is another one: nobody made that by accident
        return found if found is not None and (found.issuer, found.subject) == (issuer, subject) else None

    def claim(self, link: Link) -> None:
        """Write it, if nobody has; raises `Taken`, `claims.Busy`."""
        claims.create(self._store, keys.link(link.id), link.dump(), f'link-{link.id}', clock=self._clock)

    def replace(self, link: Link) -> None:
        """Write it in place of one whose account is gone."""
        self._store.put(keys.link(link.id), link.dump())

    def show(self, link: Link) -> None:
        """Have it among those of its user."""
        self._store.put(keys.linked(link.user, link.id), link.dump())

    def remove(self, link: Link) -> None:
        """Let nobody log in by it."""
        self._store.delete([keys.link(link.id)])
        self._store.delete([keys.linked(link.user, link.id)])

    def of(self, user: str) -> list[Link]:
        """Those by which somebody logs in: one list call, and two reads each."""
        prefix = keys.links(user)
        listed = [records.find(self._store, entry.key, Link) for entry in list(self._store.list(prefix))]
        # what counts is the link itself: the list is written after it, and may be of a former account
        return [one for one in listed if one is not None and self._is_his(one, user)]

    def seen(self, user: str, provider: str) -> int:
        """When he last logged in by that provider: one list call."""
        prefix = keys.said(user, provider)
        times = [entry.key.removeprefix(prefix).partition('-')[0] for entry in self._store.list(prefix)]
        return int(max(times, default='0'))

    def with_times(self, user: str) -> list[Found]:
        """Those of somebody, each with when he was last seen."""
        return [Found(one, self.seen(user, one.provider)) for one in self.of(user)]

    def _is_his(self, listed: Link, user: str) -> bool:
        link = self.find(listed.issuer, listed.subject)
        return link is not None and link.user == user and link.account == listed.account


def made(
    kind: LinkKind, provider: str, issuer: str, subject: str, account: Account, *, at: float, by: str
) -> Link:
    """A link to that account."""
    return Link(kind, provider, issuer, subject, account.name, account.id, int(at), by)


__all__ = ['Found', 'Link', 'Links', 'Taken', 'id_of', 'made']
