"""How an organisation comes to be with an owner, whatever dies on the way.

Its name and its owner are two keys, and the owner's must not be written before the name is his: it would make him owner
of somebody else's organisation.  So it is noted first that he is about to make one, and with which id; the note grants
nothing.  If all ends between the name and the owner, the name is taken by an account of just that id, which nobody but
he can have made: whenever he looks at his organisations, or tries again, what was left is done.  The note ends
with the first owner key, and whenever he ceases to be an owner, so it never brings anybody back.
"""

from __future__ import annotations

import secrets

from objreg.hub import keys, names, records
from objreg.hub.accounts import Accounts, Taken
from objreg.hub.organisations import Organisations
from objreg.hub.records import Account, Founding
from objreg.store import Store

_ABANDONED = 3600
"""Seconds after which nobody is still about to take the name."""


class Founder:
    """Makes organisations."""

    def __init__(self, store: Store, accounts: Accounts, organisations: Organisations) -> None:
        self._store = store
        self._accounts = accounts
        self._organisations = organisations

    def found(self, name: str, owner: str, *, by: str, now: float) -> Account:
        """A new organisation of that owner, or the one that he had begun; raises as `Accounts.create` does."""
        names.check_account(name)
        begun = self.resume(name, owner, now=now)
        if begun is not None:
            return begun
        if self._accounts.find(name) is not None:  # so that a note is only made where it may be needed
            raise Taken(name)
        note = Founding(secrets.token_hex(16), int(now))
        self._store.put(keys.founding(owner, name), note.dump())
        try:
            account = self._accounts.create(name, 'organisation', by=by, id=note.id)
        except Taken:
            self._store.delete([keys.founding(owner, name)])
            raise
        self._organisations.add(name, owner, 'owner', by=by)
        return account

    def resume(self, name: str, owner: str, *, now: float) -> Account | None:
        """Give him the organisation of that name if he had begun to make it; None: he had not."""
        note = records.find(self._store, keys.founding(owner, name), Founding)
        if note is None:
            return None
        account = self._accounts.find(name)
        if account is not None and account.kind == 'organisation' and account.id == note.id:
            self._organisations.add(name, owner, 'owner', by=owner)
            return account
        if note.at + _ABANDONED <= now:
            self._store.delete([keys.founding(owner, name)])
        return None

    def resume_all(self, owner: str, *, now: float) -> None:
        """The same for whatever he had begun: one list call where there is nothing."""
        prefix = keys.foundings(owner)
        for entry in list(self._store.list(prefix)):
            self.resume(entry.key.removeprefix(prefix), owner, now=now)
