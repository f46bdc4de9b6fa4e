"""The hub in one object: its parts, over one store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from objreg.config import Network
from objreg.hub import correspondence, guard
from objreg.hub.accounts import Accounts
from objreg.hub.audit import Audit
from objreg.hub.authority import Authority
from objreg.hub.codes import Codes
from objreg.hub.correspondence import Correspondence
from objreg.hub.cursors import Cursors
from objreg.hub.deliveries import Deliveries
from objreg.hub.denials import Denials
from objreg.hub.first import First
from objreg.hub.founding import Founder
from objreg.hub.guard import Guard
from objreg.hub.mailboxes import Mailboxes
from objreg.hub.mailer import Mailer
from objreg.hub.organisations import Organisations
from objreg.hub.policy import Visibility
from objreg.hub.quotas import Quotas
from objreg.hub.repositories import Repositories
from objreg.hub.sessions import Sessions
from objreg.hub.signing import Signing
from objreg.hub.sso.arrivals import Arrivals
from objreg.hub.sso.directories import Directories
from objreg.hub.sso.entrance import Entrance
from objreg.hub.sso.groups import Groups
from objreg.hub.sso.links import Links
from objreg.hub.sso.logins import Logins
from objreg.hub.sso.recency import Recency
from objreg.hub.stars import Stars
from objreg.hub.tokens import Tokens
from objreg.hub.webhooks import Webhooks
from objreg.hub.workload import NO_ISSUERS, Issuers, Trusts
from objreg.state import Secrets
from objreg.store import Store

Each = Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]


class Settings(NamedTuple):
    """What is said of a hub as a whole; `key_days` is how long a key signs, `signup` one of `SIGNUPS`."""

    visibility: Visibility = Visibility.PRIVATE
    algorithm: str = 'ES256'
    key_days: float = 30
    issuers: Issuers = NO_ISSUERS
    webhook_networks: Sequence[Network] = ()
    """Private networks that webhooks may be sent to."""
    failures: str = guard.DEFAULT
    """How many wrong passwords are too many, see `objreg.hub.guard`."""
    signup: str = 'closed'
    session_seconds: int = 12 * 3600
    """How long a browser stays logged in."""
    mailer: Mailer | None = None
    """Sends mail; without it none is."""
    mails: str = correspondence.DEFAULT
    """How many mails go to one address, see `objreg.hub.correspondence`."""
    logins: Logins = Logins()
    """Whose services people log in by."""
    stale_days: int = 90
    """How long the tokens of somebody count who does not log in by them any more; 0: for ever."""


SIGNUPS = ('closed', 'invitation', 'open')


class Hub:
    """The parts of a hub.  `each` calls a function with each of many things, maybe at the same time.

    `secrets` are those of the registry, where they have been read already.
    """

    def __init__(
        self, store: Store, settings: Settings | None = None, *, each: Each | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        self.settings = settings = settings or Settings()
        self.each: Each = each or (lambda function, items: list(map(function, items)))
        self.store = store
        self.logins = settings.logins
        self.accounts = Accounts(store, providers=self.logins.with_administrators)
        self.organisations = Organisations(store)
        self.repositories = Repositories(store, settings.visibility)
        self.quotas = Quotas(store)
        self.stars = Stars(store)
        self.tokens = Tokens(store)
        self.denials = Denials(store)
        self.signing = Signing(store, algorithm=settings.algorithm, days=settings.key_days)
        self.sessions = Sessions(store, self.signing, self.accounts, settings.session_seconds)
        self.audit = Audit(store)
        self.codes = Codes(store)
        self.mailboxes = Mailboxes(store, self.accounts)
        self.mail = Correspondence(self.accounts, self.codes, self.mailboxes, settings.mailer, settings.mails)
        self.founder = Founder(store, self.accounts, self.organisations)
        known = secrets or Secrets(store)
        self.cursors = Cursors(known)
        self.first = First(store, self.accounts, known)
        self.webhooks = Webhooks(store, settings.webhook_networks)
        self.deliveries = Deliveries(store, self.webhooks)
        self.trusts = Trusts(store, settings.issuers)
        self.links = Links(store)
        self.groups = Groups(store, self.accounts, self.organisations, self.denials)
        entrance = Entrance(self.accounts, self.links)
        self.arrivals = Arrivals(self.accounts, self.links, entrance, self.groups, self.audit)
        self.authority = Authority(
            store, accounts=self.accounts, organisations=self.organisations, repositories=self.repositories,
            tokens=self.tokens, trusts=self.trusts, guard=Guard(settings.failures),
            directories=Directories(self.logins, self.links, self.arrivals),
            recency=Recency(self.links, self.accounts, settings.stale_days),
        )

    def show_repository(self, name: str, visibility: Visibility, *, by: str, address: str) -> None:
        """Change who sees a repository; access tokens that were given before expire within minutes."""
        self.repositories.show(name, visibility, by=by)
        self.audit.write('repository.visibility', name, by=by, address=address, visibility=visibility)
        # any node that delivers finds it in the queue
        self.deliveries.emit(self.webhooks.event('visibility', name, by=by, visibility=visibility))
