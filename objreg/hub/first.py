"""How a hub gets its first administrator, who has no default password and needs no shell on the server.

Whoever starts a node of a hub that nobody ever administered is shown a code, sealed by the registry's keys in the
bucket: nothing is written for it, all nodes know it, and it counts for `SECONDS` and only until there is an
administrator.

Of all who use codes at once one becomes administrator: candidates stand one behind the other under `keys.first`, each
written by `claims.create`, and only the first counts whose name can still be his.  He is written down with the id of
the account that he will have, so that whoever dies on the way is followed by whoever comes with a code and the same
name.  Where somebody signed up by that name meanwhile, no account of that id can ever come to be, as names are taken
for ever: then, and only then, the next candidate counts.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from objreg.hub import claims, keys, names, records
from objreg.hub.accounts import Accounts, Taken, check_password
from objreg.hub.claims import Clock
from objreg.hub.codes import CodeRefused
from objreg.hub.records import Account, Candidate
from objreg.state import Secrets, Tampered, seal, unseal
from objreg.store import Store

SECONDS = 4 * 3600
_PURPOSE = 'first administrator'
_MOST = 100
"""Candidates whose names were taken from them; more than that is no accident."""


class OtherName(Exception):
    """Somebody began, by the name in the text, and can go on by it."""


class First:
    """Of one hub."""

    def __init__(
        self, store: Store, accounts: Accounts, known: Secrets, *, clock: Clock = claims.CLOCK,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._known = known
        self._clock = clock
        self._now = now

    def code(self) -> str:
        """A new code; '' where there has been an administrator: one call."""
        if self._accounts.was_administered():
            return ''
        return seal(self._known, {'for': _PURPOSE, 'expires': int(self._now()) + SECONDS})

    def make(self, code: str, name: str, password: str) -> Account:
        """The first administrator; may be tried again by the same name until there is one.

        Raises `CodeRefused`, `OtherName`, `Taken`, `NameRefused`, `PasswordRefused`, `claims.Busy`.
        """
        self._check(code)
        names.check_account(name)
        check_password(password, name)
        candidate = self._candidate(name)
        account = self._accounts.find(name)
        if account is None:
            account = self._accounts.create(name, 'user', by=name, id=candidate.id)
        elif account.id != candidate.id:
            raise Taken(name)
        if not self._accounts.is_administrator(name):  # another request of his may have come to its end
            self._accounts.set_password(name, password)
            self._accounts.make_administrator(name, by=name)
        return account

    def _check(self, code: str) -> None:
        try:
            said = unseal(self._known, code)
        except (Tampered, ValueError) as error:
            raise CodeRefused from error
        expires = said.get('expires')
        if said.get('for') != _PURPOSE or not isinstance(expires, int) or expires <= self._now():
            raise CodeRefused
        if self._accounts.was_administered():
            raise CodeRefused
        if self._is_administered():
            self._accounts.note_administered()
            raise CodeRefused

    def _is_administered(self) -> bool:
        """The same, looked for: a node may have died before it noted that, or be older than the note."""
        return any(keys.is_administrator(entry.key) for entry in self._store.list(keys.PEOPLE))

    def _candidate(self, name: str) -> Candidate:
        """The one that counts, if it is of that name; raises `OtherName`, `Taken`."""
        for number in range(_MOST):
            found = records.find(self._store, keys.first(number), Candidate) or self._stand(number, name)
            if self._can_be(found):
                if found.name != name:
                    raise OtherName(found.name)
                return found
        raise Taken(name)

    def _stand(self, number: int, name: str) -> Candidate:
        """Whoever stands there then."""
        made, key = Candidate(name, secrets.token_hex(16), int(self._clock.time())), keys.first(number)
        if not self._can_be(made):  # before the place is taken for nothing
            raise Taken(name)
        try:
            claims.create(self._store, key, made.dump(), f'first-{number}', clock=self._clock)
        except claims.Taken:
            return records.parse(key, self._store.newest(key), Candidate)
        return made

    def _can_be(self, candidate: Candidate) -> bool:
        """Whether his name is free, or his: by its canonical form, which is taken for ever."""
        account = records.find(self._store, keys.account(candidate.name), Account)
        return account is None or (account.id == candidate.id and account.kind == 'user')
