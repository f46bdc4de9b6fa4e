"""What the groups of a provider mean here, and how it comes about when somebody logs in.

What a provider says is a fact of its own, beside what people say by hand: it goes when the provider says so no more,
and takes nothing with it.  Of several logins at once the latest counts, by what the provider says of when it was.  Each
node notes what it was told before it acts, and looks afterwards whether something newer was noted meanwhile: whoever
looks last sees what was said last.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from objreg.hub import keys, records
from objreg.hub.accounts import Accounts
from objreg.hub.denials import Denials
from objreg.hub.organisations import Organisations
from objreg.hub.records import Mark, Record
from objreg.hub.sso.provider import Provider
from objreg.store import Store

log = logging.getLogger(__name__)

_AHEAD = 60
"""Seconds by which the clock of a provider may be ahead."""
_ROUNDS = 10
"""So many newer logins are acted upon in the place of one that began before them."""


class Said(Record, frozen=True):
    """What a provider said at a login: `targets` are what its groups mean here."""

    at: int
    targets: tuple[str, ...] = ()
    administrator: bool = False


class Meaning(NamedTuple):
    """The rules of a provider: groups by name, each with what it means, and the group of administrators ('' none)."""

    teams: Mapping[str, tuple[str, ...]]
    administrators: str = ''

    @classmethod
    def of(cls, provider: Provider) -> Meaning:
        """Those of that provider."""
        return cls(provider.targets(), provider.administrators)

    def said(self, groups: frozenset[str], at: int) -> Said:
        """What it is to be in these groups."""
        found = {target for group in groups & self.teams.keys() for target in self.teams[group]}
        return Said(at, tuple(sorted(found)), bool(self.administrators) and self.administrators in groups)


class Groups:
    """Of the people of one hub."""

    def __init__(
        self, store: Store, accounts: Accounts, organisations: Organisations, denials: Denials,
        *, now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._organisations = organisations
        self._denials = denials
        self._now = now

    def note(self, user: str, provider: str, said: Said) -> None:
        """Have it be so; that he was here is noted with it."""
        now = self._now()
        at = min(said.at, int(now) + _AHEAD)  # a clock that is far ahead is not to be the last word for ever
        # of two that the provider dates by the same second, the later one is the one that came later
        id = f'{int(now * 1_000_000):018d}-{secrets.token_hex(4)}'
        self._store.put(keys.said_at(user, provider, at, id), said.dump())
        done = ''
        for _ in range(_ROUNDS):
            *older, last = self._noted(user, provider) or [done]
            if last == done:
                return
            latest = records.find(self._store, last, Said)
            if latest is not None:
                self._become(user, provider, latest)
                self._store.delete(older)
            done = last

    def forget(self, user: str, provider: str) -> None:
        """Let nothing be left of what that provider said of him."""
        self._store.delete(self._noted(user, provider))
        self._accounts.end_administration_by(user, provider)
        if self._withdrawn(self._all(user, provider)):
            self._denials.deny('subject', user)

    def _noted(self, user: str, provider: str) -> list[str]:
        """The keys of what was said, the oldest first."""
        return [entry.key for entry in self._store.list(keys.said(user, provider))]

    def _become(self, user: str, provider: str, said: Said) -> None:
        """Rights that go, go first."""
        wanted = self._wanted(user, provider, said.targets)
        is_less = self._withdrawn(self._all(user, provider) - set(wanted))
        if not said.administrator:
            is_less |= self._accounts.end_administration_by(user, provider)
        if is_less:
            self._denials.deny('subject', user)
        if said.administrator:
            self._accounts.make_administrator_by(user, provider)
        for key in wanted:
            self._store.put(key, Mark(int(self._now()), f'login-{provider}').dump())

    def _wanted(self, user: str, provider: str, targets: Iterable[str]) -> list[str]:
        """The keys that are to be there, of organisations and teams that there are.

        In this order: what is found when it has to go is written before what grants something.
        """
        found: dict[str, None] = {}
        for target in targets:
            organisation, _, team = target.partition('/')
            account = self._accounts.find(organisation)
            if account is None or account.kind != 'organisation':
                log.warning('logins: %s: %s is no organisation here', provider, organisation)
                continue
            found[keys.organisation(user, organisation)] = None
            found[keys.by_login(organisation, user, provider, 'member')] = None
            if team and self._organisations.has_team(organisation, team):
                found[keys.by_login(organisation, user, provider, f'team-{team}')] = None
            elif team:
                log.warning('logins: %s: %s is no team here', provider, target)
        return list(found)

    def _all(self, user: str, provider: str) -> set[str]:
        """The keys that this provider's earlier words have made."""
        return {
            entry.key for organisation in self._organisations.of(user)
            for entry in self._store.list(keys.by_login(organisation, user, provider))
        }

    def _withdrawn(self, going: set[str]) -> bool:
        """Take these away, memberships first, without which a team counts for nothing; whether there were any."""
        self._store.delete(sorted(going))
        return bool(going)
