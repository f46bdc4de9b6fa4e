"""Sessions of browsers: logging in by a password, and logging out."""

from __future__ import annotations

import msgspec

from objreg.hub import browser
from objreg.hub.api.call import Call
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import Problem, forbidden
from objreg.hub.api.users import Given, Secret, found_user
from objreg.hub.authority import Identity, NotLetIn, Rejected
from objreg.hub.visits import begin_session
from objreg.middleware.base import note_rejection


class Login(Given):
    """A name and its password; a token is not taken, as a session may do what a token may not."""

    name: str
    password: Secret


class Session(msgspec.Struct):
    """Who is logged in, and until when (seconds since the epoch)."""

    user: str
    expires: int


@operation('POST', '/session', Needs.NOTHING)
def log_in(call: Call, body: Login) -> Session:
    """Log a browser in; the session is the cookie of the answer, another one for each login.

    By the password that is kept here, or by that of a directory (LDAP).
    """
    if not browser.is_own(call.req, unsaid=True):
        raise forbidden('a page of another site may not log in here')
    epoch = call.hub.accounts.epoch(body.name)
    try:
        identity = call.hub.authority.by_password(body.name, body.password, call.address)
    except NotLetIn as error:
        note_rejection(call.req.environ, error)
        raise Problem(403, error.kind, str(error)) from error
    except Rejected as error:
        note_rejection(call.req.environ, error)
        raise _logged_out('wrong name or password') from error
    return begun(call, identity, identity.epoch if identity.provider else epoch)


@operation('GET', '/session', Needs.NOTHING)
def show_session(call: Call) -> Session:
    """Show who is logged in."""
    session = call.session
    if session is None:
        raise _logged_out('nobody is logged in')
    return Session(session.user, session.expires)


@operation('DELETE', '/session', Needs.NOTHING)
def log_out(call: Call) -> None:
    """Log this browser out; the cookie counts nowhere any more, wherever else it may be."""
    if call.session is not None:
        call.hub.sessions.end(call.session)
        call.note('session.logout', call.session.user)
    call.headers.append(browser.forget(call.req, browser.SESSION))


@operation('DELETE', '/users/{user}/sessions', Needs.SELF)
def end_sessions(call: Call, user: str) -> None:
    """Log somebody out everywhere: all sessions that he has end."""
    found_user(call, user)
    call.hub.accounts.end_sessions(user)
    call.note('session.end', user)


def begun(call: Call, identity: Identity, epoch: str) -> Session:
    """A session for who has just shown who he is."""
    kept, session = begin_session(call.hub, call.req, identity, epoch)
    call.headers.append(kept)
    return Session(session.user, session.expires)


def _logged_out(detail: str) -> Problem:
    """Without ``WWW-Authenticate``, at which a browser would ask for a password by itself."""
    return Problem(401, 'unauthenticated', detail)
