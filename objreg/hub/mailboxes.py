"""Mail addresses of people: that somebody proved one to be his, and whose an address is.

Two keys: `keys.mailbox` of a person is what counts, and `keys.mail` of an address (by its hash) says where to look.
The second is written first, is never taken for true by itself, and is never taken away: one that was left by a node
that died, by an account that ended or by an address that changed leads to somebody who has no such mailbox, and whoever
proves the address next takes it over.

An address is one account's.  Of two who prove it at once one gets it: the entry is made by `claims.create`.  Where an
entry that means nothing is taken over, each looks again after he wrote, and gives way to whoever is there; both may
have the address then, which harms neither: both read what is sent there, and the entry leads to one of them.
"""

from __future__ import annotations

import hashlib
import re

from objreg.hub import claims, keys, records
from objreg.hub.accounts import Accounts
from objreg.hub.claims import Clock
from objreg.hub.records import Account, Mailbox, MailEntry
from objreg.store import NotFound, Store

_LONGEST = 254
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = r'[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
_DOMAIN = re.compile(rf'{_LABEL}(?:\.{_LABEL})*')


class AddressRefused(ValueError):
    """No mail is sent there; the text is for the person who gave it."""


class AddressTaken(Exception):
    """Somebody else proved it to be his."""


def check_address(text: str) -> str:
    """`text` if it is an address that mail is sent to: ASCII, without quotes or comments.  Raises `AddressRefused`."""
    local, at, domain = text.rpartition('@')
    is_short = at and len(text) <= _LONGEST and len(local) <= 64
    if not (is_short and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise AddressRefused('that is no mail address: like carol@example.org, in ASCII')
    return text


def normal(address: str) -> str:
    """The same for all spellings that are taken for one address."""
    return address.lower()


class Mailboxes:
    """Those of one hub."""

    def __init__(self, store: Store, accounts: Accounts, *, clock: Clock = claims.CLOCK) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock

    def of(self, user: str) -> str:
        """The address that he proved; '' for none."""
        mailbox = records.find(self._store, keys.mailbox(user), Mailbox)
        return mailbox.address if mailbox else ''

    def owner(self, address: str) -> Account | None:
        """Whose address that is: three reads."""
        entry = records.find(self._store, _key(address), MailEntry)
        return self._held(entry, address) if entry else None

    def take(self, account: Account, address: str) -> str:
        """Let it be his, as he proved; what he had before, '' for nothing.  May be done again.

        Raises `AddressTaken`, `claims.Busy`.
        """
        before = records.find(self._store, keys.mailbox(account.name), Mailbox)
        entry = MailEntry(account.name, account.id)
        found = records.find(self._store, _key(address), MailEntry)
        if found is None:
            found = self._create(address, entry)
        if found != entry:
            if self._held(found, address) is not None:
                raise AddressTaken(address)
            self._store.put(_key(address), entry.dump())
        self._store.put(keys.mailbox(account.name), Mailbox(address, int(self._clock.time())).dump())
        if self._is_mine(address, entry, found):
            return before.address if before else ''
        if before is None:
            self._store.delete([keys.mailbox(account.name)])
        else:
            self._store.put(keys.mailbox(account.name), before.dump())
        raise AddressTaken(address)

    def give_up(self, user: str) -> None:
        """Let him have none."""
        self._store.delete([keys.mailbox(user)])

    def _create(self, address: str, entry: MailEntry) -> MailEntry:
        """The entry that is there then."""
        key = _key(address)
        try:
            claims.create(self._store, key, entry.dump(), f'mail-{key.rpartition("/")[2]}', clock=self._clock)
        except claims.Taken:
            return records.parse(key, self._store.newest(key), MailEntry)
        return entry

    def _is_mine(self, address: str, entry: MailEntry, before: MailEntry) -> bool:
        """Whether the entry still names him, and nobody whom it named before turned out to have the address."""
        key = _key(address)
        if before != entry and self._held(before, address) is not None:
            self._store.put(key, before.dump())
            return False
        try:
            return records.parse(key, self._store.newest(key), MailEntry) == entry
        except NotFound:
            return False

    def _held(self, entry: MailEntry, address: str) -> Account | None:
        """The account that an entry names, if the address is its own."""
        account = self._accounts.find(entry.user)
        if account is None or account.id != entry.account or normal(self.of(entry.user)) != normal(address):
            return None
        return account


def _key(address: str) -> str:
    return keys.mail(hashlib.sha256(normal(address).encode()).hexdigest())
