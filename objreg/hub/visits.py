"""How a browser's session begins, whichever way somebody showed who he is."""

from __future__ import annotations

from objreg.http import Request
from objreg.hub import browser
from objreg.hub.authority import Identity
from objreg.hub.hub import Hub
from objreg.hub.sessions import Session
from objreg.middleware.base import client_of


def begin_session(
    hub: Hub, req: Request, identity: Identity, epoch: str, **more: object
) -> tuple[tuple[str, str], Session]:
    """A session for who has just shown who he is, and the header by which the browser keeps it.

    `epoch` is what `Accounts.epoch` was before it was looked at whether he may log in; `more` is noted.
    """
    text, session = hub.sessions.begin(identity.name, identity.account, epoch)
    kept = browser.keep(req, browser.SESSION, text, session.expires - session.issued)
    hub.audit.write('session.login', identity.name, by=identity.name, address=client_of(req.environ), **more)
    return kept, session
