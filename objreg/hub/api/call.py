"""One request to the API: who asks, and what of the hub there is to answer it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from objreg.http import Request
from objreg.hub.authority import Identity
from objreg.hub.hub import Hub
from objreg.hub.sessions import Session
from objreg.middleware.base import client_of


@dataclass(frozen=True)
class Call:
    """What an operation is given first.  `is_operator`: by the command line, on the bucket itself.

    `session` is that of the cookie, where the request is identified by one; `headers` go into the answer.
    """

    req: Request
    hub: Hub
    identity: Identity
    is_operator: bool = False
    session: Session | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def by(self) -> str:
        """Who, for records and the audit log; whoever has the bucket is called ``operator``."""
        return 'operator' if self.is_operator else self.identity.name

    @property
    def is_administrator(self) -> bool:
        """Whether he may do everything."""
        return self.is_operator or self.hub.authority.is_administrator(self.identity)

    @property
    def address(self) -> str:
        """Whence the request comes, as far as that can be trusted."""
        return client_of(self.req.environ)

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def note(self, action: str, target: str, **more: object) -> None:
        """Write into the audit log what was done."""
        self.hub.audit.write(action, target, by=self.by, address=self.address, **more)
