"""What happens when a provider has named somebody: his account, his groups, and whether he may come in."""

from __future__ import annotations

from typing import NamedTuple

from objreg.hub.accounts import Accounts
from objreg.hub.audit import Audit
from objreg.hub.records import Account
from objreg.hub.sso.entrance import Entrance
from objreg.hub.sso.groups import Groups, Meaning
from objreg.hub.sso.links import Links
from objreg.hub.sso.person import LoginRefused, Person
from objreg.hub.sso.provider import Provider


class Arrived(NamedTuple):
    """Who came in; `epoch` is what his sessions are bound to, as it was before it was looked at whether he may."""

    account: Account
    epoch: str
    provider: str


class Arrivals:
    """At one hub."""

    def __init__(
        self, accounts: Accounts, links: Links, entrance: Entrance, groups: Groups, audit: Audit
    ) -> None:
        self._accounts = accounts
        self._links = links
        self._entrance = entrance
        self._groups = groups
        self._audit = audit

    def arrive(self, settings: Provider, person: Person, address: str) -> Arrived:
        """Let him in, with the groups that he has now; raises `LoginRefused`."""
        account, is_new = self._entrance.account(person, create=settings.create)
        if is_new:
            self._audit.write(
                'user.signup', account.name, by=account.name, address=address, provider=person.provider
            )
        epoch = self._accounts.epoch(account.name)
        if self._accounts.suspension(account.name) is not None:
            raise LoginRefused('suspended', f'the account {account.name} is suspended')
        self._groups.note(account.name, person.provider, Meaning.of(settings).said(person.groups, person.at))
        # whoever takes the link away then ends what its groups gave, and all sessions: those of this epoch, too
        link = self._links.find(person.issuer, person.subject)
        if link is None or link.account != account.id:
            self._groups.forget(account.name, person.provider)
            raise LoginRefused('busy', 'somebody is changing your account at this moment: try again')
        return Arrived(account, epoch, person.provider)
