"""What the hub writes to people, and what they prove by it.

An address counts once its owner followed the link that was sent there.  It proves nothing for logging in, and what it
is good for is one thing: a link by which its account gets a new password goes there and nowhere else.

What a code was sent for is looked at when it comes back.  One for a password counts no more once the password changed
or the account has another address; one for an address counts no more once the password changed or he asked for another
one.  So nothing is left to whoever had the account for a moment.
"""

from __future__ import annotations

import contextlib
import logging

from msgspec.structs import replace

from objreg.addresses import customer_of
from objreg.hub import letters
from objreg.hub.accounts import Accounts
from objreg.hub.codes import DAY, CodeRefused, Codes
from objreg.hub.mailboxes import AddressRefused, AddressTaken, Mailboxes, check_address, normal
from objreg.hub.mailer import Letter, Mailer, MailFailed
from objreg.hub.records import Account, Code
from objreg.rates import Counts, as_rates

log = logging.getLogger(__name__)

DEFAULT = '5 per hour'
RESET_HOURS = 2
PROOF_DAYS = 3
_OF_CLIENT = 10
"""Times as many, for one who asks, and all that he asks for."""


class Correspondence:
    """Of one hub; without a mailer nothing is sent, and nobody is asked for anything."""

    def __init__(
        self, accounts: Accounts, codes: Codes, mailboxes: Mailboxes, mailer: Mailer | None, rates: str = DEFAULT
    ) -> None:
        self._accounts = accounts
        self._codes = codes
        self._mailboxes = mailboxes
        self.mailer = mailer
        self._rates = as_rates('mails', rates, DEFAULT)
        self._counts = Counts()

    @property
    def is_on(self) -> bool:
        """Whether mail is sent at all."""
        return self.mailer is not None

    def admit(self, client: str) -> None:
        """Raise 429 where somebody at that address asked for too many mails; '' is this machine."""
        for rate in self._rates if client else ():
            of_client = type(rate)(rate.amount * _OF_CLIENT, rate.multiples)
            who = ('client', customer_of(client))
            if not self._counts.hit(of_client, *who):
                raise self._counts.refusal('too many mails were asked for', of_client, *who)

    # Addresses

    def set_address(self, user: str, address: str) -> None:
        """Note what he says; it counts once he proves it.  '' takes away what counted."""
        profile = self._accounts.profile(user)
        self._accounts.set_profile(user, replace(profile, email=address))
        if address:
            self.ask_for_proof(user)
            return
        before = self._mailboxes.of(user)
        if before:
            self._mailboxes.give_up(user)
            self._tell_of_change(user, before)

    def set_first_address(self, account: Account, address: str, *, is_proved: bool) -> None:
        """The same of an account that was just made; `is_proved`: by what was sent there, its owner made it."""
        profile = self._accounts.profile(account.name)
        self._accounts.set_profile(account.name, replace(profile, email=address))
        if is_proved:
            with contextlib.suppress(AddressTaken):  # then it is his to say, and does not count
                self._mailboxes.take(account, address)
        elif address:
            self.ask_for_proof(account.name)

    def ask_for_proof(self, user: str) -> None:
        """Send a link to the address that he says, if it does not count already."""
        if self.mailer is not None:
            self.mailer.later(lambda: self._proof(user))

    def prove(self, text: str) -> tuple[Account, str]:
        """Whose address it is from now on, and the address; who waited for that is let in.

        May be done again until it was done to its end.  Raises `CodeRefused`, `AddressTaken`, `claims.Busy`.
        """
        id, code = self._codes.find(text, 'address')
        account = self._accounts.find(code.account)
        if account is None or code.epoch != self._accounts.epoch(account.name):
            raise CodeRefused
        if normal(self._accounts.profile(account.name).email) != normal(code.email):
            raise CodeRefused
        before = self._mailboxes.take(account, code.email)
        self._accounts.let_in(account.name)
        with contextlib.suppress(CodeRefused):  # the same request, twice at once
            self._codes.use(id, by=account.name)
        if before and normal(before) != normal(code.email):
            self._tell_of_change(account.name, before)
        return account, code.email

    # Passwords

    def ask_for_reset(self, login: str) -> None:
        """Send a link to the proved address of whoever has that name, or that address."""
        if self.mailer is not None:
            self.mailer.later(lambda: self._reset(login))

    def check(self, code: Code) -> None:
        """Raise `CodeRefused` for a code whose account has another password or address than when it was made."""
        if code.epoch and code.epoch != self._accounts.epoch(code.account):
            raise CodeRefused
        if code.email and normal(code.email) != normal(self._mailboxes.of(code.account)):
            raise CodeRefused

    # Invitations

    def invite(self, address: str, code: str, days: int) -> bool:
        """Whether the server took it: waits for that."""
        if self.mailer is None:
            return False
        try:
            self.mailer.send(letters.invitation(self.mailer.url, address, code, days))
        except MailFailed as error:
            log.error('mail: to %s: not sent: %s', address, error)
            return False
        return True

    # What is written, on the mailer's threads

    def _proof(self, user: str) -> Letter | None:
        address = self._accounts.profile(user).email
        if not address or normal(address) == normal(self._mailboxes.of(user)) or not self._may_go_to(user, address):
            return None
        epoch = self._accounts.epoch(user)
        made, _ = self._codes.issue('address', seconds=PROOF_DAYS * DAY, account=user, email=address, epoch=epoch)
        return letters.proof(self._url, user, address, str(made), PROOF_DAYS)

    def _reset(self, login: str) -> Letter | None:
        account = self._mailboxes.owner(login) if '@' in login else self._accounts.find(login.lower())
        if account is None or account.kind != 'user' or self._accounts.suspension(account.name) is not None:
            return None
        user, address = account.name, self._mailboxes.of(account.name)
        if not address:
            return self._proof(user) if self._accounts.is_waiting(user) else None
        if not self._may_go_to(user, address):
            return None
        epoch = self._accounts.epoch(user)
        made, _ = self._codes.issue(
            'password', seconds=RESET_HOURS * 3600, account=user, email=address, epoch=epoch
        )
        return letters.reset(self._url, user, address, str(made), RESET_HOURS)

    def _tell_of_change(self, user: str, old: str) -> None:
        if self.mailer is not None:
            self.mailer.later(lambda: letters.changed(self._url, user, old))

    def _may_go_to(self, user: str, address: str) -> bool:
        """Whether mail goes there now, because of that account; counted, if it does."""
        try:
            check_address(address)
        except AddressRefused:  # from when no mail was sent
            return False
        whom = (('to', normal(address)), ('of', user))
        return all(self._counts.hit(rate, *who) for rate in self._rates for who in whom)

    @property
    def _url(self) -> str:
        return self.mailer.url if self.mailer else ''
