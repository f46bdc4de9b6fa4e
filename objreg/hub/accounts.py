"""People and organisations: that they exist, and in what state."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from functools import cached_property

import argon2

from objreg.auth.verifying import Verifier
from objreg.hub import claims, keys, names, records
from objreg.hub.claims import Clock, Taken
from objreg.hub.records import Account, Epoch, Kind, Mark, Password, Profile
from objreg.hub.sso.links import Link
from objreg.store import Store

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1024


class PasswordRefused(ValueError):
    """The text is for the person who chose it."""


class Accounts:
    """Those of one hub."""

    def __init__(
        self, store: Store, *, clock: Clock = claims.CLOCK, providers: Callable[[], Iterable[str]] = tuple
    ) -> None:
        """`providers` are those by whose word somebody administers the hub, as they are at that moment."""
        self._store = store
        self._clock = clock
        self._providers = providers
        self._hasher = argon2.PasswordHasher()
        self._verifier = Verifier()

    @cached_property
    def _stand_in(self) -> str:
        """A hash for names that nobody has; made by the first who gives a password, as it takes as long as a login."""
        return self._hasher.hash(secrets.token_urlsafe())

    # That they exist

    def create(self, name: str, kind: Kind, *, by: str = '', id: str = '') -> Account:
        """A new account; `id` is new, and made up where it is not given.

        Raises `names.NameRefused`, `Taken`, `claims.Busy`.
        """
        names.check_account(name)
        account = Account(name, kind, id or secrets.token_hex(16), self._now(), by)
        claims.claim(self._store, account, clock=self._clock)
        return account

    def find(self, name: str) -> Account | None:
        """The account of exactly that name, unless it was deleted: one read."""
        account = self.kept(name) if names.is_account(name) else None
        return None if account is None or account.name != name or account.kind == 'deleted' else account

    def kept(self, name: str) -> Account | None:
        """What keeps a name from being given to somebody: the account of that name, or of one that is taken for it.

        One read.  It may have been deleted.
        """
        return records.find(self._store, keys.account(name), Account)

    def are_there(self) -> bool:
        """Whether anybody has an account: one list call."""
        return bool(self._store.page(keys.ACCOUNTS, limit=1).entries)

    def page(self, after: str, limit: int) -> tuple[list[Account], str]:
        """The accounts, deleted ones too, of at most that many names, and where the next page begins ('' nowhere).

        One list call, and a read each.  In the order of the canonical names, which is that of their keys.
        """
        page = self._store.page(keys.ACCOUNTS, keys.ACCOUNTS + after if after else '', limit=limit)
        found = [records.find(self._store, entry.key, Account) for entry in page.entries]
        last = page.entries[-1].key.removeprefix(keys.ACCOUNTS) if page.more and page.entries else ''
        return [account for account in found if account is not None], last

    def exists(self, name: str, id: str) -> bool:
        """Whether the account of that name is there, and is the one of that id."""
        account = self.find(name)
        return account is not None and account.id == id

    def delete(self, account: Account) -> None:
        """End an account; its name stays taken."""
        ended = Account(account.name, 'deleted', account.id, account.created, account.by)
        self._store.put(keys.account(account.name), ended.dump())
        self._store.delete([entry.key for entry in self._store.list(keys.person(account.name))])

    # In what state

    def suspension(self, user: str) -> Mark | None:
        """That somebody may do nothing for now; None: he may."""
        return records.find(self._store, keys.suspended(user), Mark)

    def suspend(self, user: str, *, by: str, why: str = '') -> None:
        """Let him do nothing."""
        self._store.put(keys.suspended(user), Mark(self._now(), by, why).dump())

    def resume(self, user: str) -> None:
        """Let him do again what he could."""
        self._store.delete([keys.suspended(user)])

    def is_administrator(self, user: str) -> bool:
        """Whether he administers the hub: a read, and one for each provider that says who does."""
        made = (keys.administrator(user), *(keys.administrator_by(user, one) for one in self._providers()))
        return any(self._store.has(key) for key in made)

    def make_administrator(self, user: str, *, by: str = '') -> None:
        """Let him administer the hub."""
        self._store.put(keys.administrator(user), Mark(self._now(), by).dump())
        self.note_administered()

    def unmake_administrator(self, user: str) -> None:
        """Let him do so no more; a provider by whose word he did says so again when he logs in by it."""
        self._store.delete([keys.administrator(user), *(keys.administrator_by(user, one) for one in self._providers())])

    def make_administrator_by(self, user: str, provider: str) -> None:
        """Let him administer the hub for as long as that provider says so."""
        mark = Mark(self._now(), f'login-{provider}').dump()
        self._store.put(keys.administrator_by(user, provider), mark)
        self._store.put(keys.ADMINISTERED, mark)

    def end_administration_by(self, user: str, provider: str) -> bool:
        """It says so no more; whether it did."""
        was = self._store.has(keys.administrator_by(user, provider))
        self._store.delete([keys.administrator_by(user, provider)])
        return was

    def note_administered(self) -> None:
        """There is an administrator, or was."""
        self._store.put(keys.ADMINISTERED, Mark(self._now()).dump())

    def was_administered(self) -> bool:
        """Whether somebody ever administered the hub, as far as one call tells: see `objreg.hub.first`."""
        return self._store.has(keys.ADMINISTERED)

    # Passwords

    def set_password(self, user: str, password: str) -> None:
        """Replace it; refresh tokens and sessions from before end with it.  Raises `PasswordRefused`.

        Whoever logs in reads the epoch before the password: with the old one, he has an epoch from before the second.
        The first is for the case that this stops half way: then sessions ended for nothing, rather than not at all.
        """
        check_password(password, user)
        self.check_settable(user)
        hashed = self._hasher.hash(password)
        self.end_sessions(user)
        self._store.delete([keys.waiting(user)])
        self._store.put(keys.password(user), Password(hashed, self._now()).dump())
        self.end_sessions(user)

    def set_password_for_later(self, user: str, password: str) -> None:
        """The one that somebody new will have once he is let in: until then he has none.  Raises `PasswordRefused`."""
        check_password(password, user)
        self._store.put(keys.waiting(user), Password(self._hasher.hash(password), self._now()).dump())

    def is_waiting(self, user: str) -> bool:
        """Whether he is still to be let in."""
        return self._store.has(keys.waiting(user))

    def let_in(self, user: str) -> None:
        """Let him have the password that he chose; nothing, where he is not waiting."""
        kept = records.find(self._store, keys.waiting(user), Password)
        if kept is not None:
            self._store.put(keys.password(user), kept.dump())
            self._store.delete([keys.waiting(user)])

    def check_settable(self, user: str) -> None:
        """Raise `PasswordRefused` for somebody whose password a directory keeps: a list call."""
        found = [records.find(self._store, entry.key, Link) for entry in list(self._store.list(keys.links(user)))]
        kept = [link.provider for link in found if link is not None and link.kind == 'ldap']
        if kept:
            raise PasswordRefused(f'the password of this account is kept by the directory {kept[0]}: change it there')

    def drop_password(self, user: str) -> None:
        """Let him have none here any more; who was logged in by it no longer is."""
        self.end_sessions(user)
        self._store.delete([keys.password(user)])
        self.end_sessions(user)

    def has_password(self, user: str, password: str) -> bool:
        """Whether it is his; costs the same whether there is such a user or not.  Raises 503 under many guesses."""
        kept = records.find(self._store, keys.password(user), Password) if names.is_account(user) else None
        return self._verifier.verify(user, kept.hash if kept else None, password, self._stand_in)

    def password_changed(self, user: str) -> int:
        """When it was set, in seconds since the epoch; 0: he has none."""
        kept = records.find(self._store, keys.password(user), Password)
        return kept.changed if kept else 0

    # Sessions

    def epoch(self, user: str) -> str:
        """What his sessions are bound to: they end when it becomes another one."""
        kept = records.find(self._store, keys.epoch(user), Epoch) if names.is_account(user) else None
        return kept.id if kept else ''

    def end_sessions(self, user: str) -> None:
        """End all that he has at this moment."""
        self._store.put(keys.epoch(user), Epoch(secrets.token_hex(8), self._now()).dump())

    # What else is known

    def profile(self, user: str) -> Profile:
        """His, or an empty one."""
        return records.find(self._store, keys.profile(user), Profile) or Profile()

    def set_profile(self, user: str, profile: Profile) -> None:
        """Replace it."""
        self._store.put(keys.profile(user), profile.dump())

    def _now(self) -> int:
        return int(self._clock.time())


def check_password(password: str, user: str) -> None:
    """Raise `PasswordRefused` for one that is guessed at once."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD or '\0' in password:
        raise PasswordRefused(f'a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters')
    if password.lower() == user or len(set(password)) < 3:
        raise PasswordRefused('that password is guessed at once')


__all__ = ['Accounts', 'PasswordRefused', 'Taken', 'check_password']
