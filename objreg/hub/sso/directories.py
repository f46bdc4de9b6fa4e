"""Names with passwords that directories know (LDAP): whom they mean, at a bounded cost.

Of the password of a program that asks again and again (docker, by HTTP Basic) it is remembered for a while that it was
right, under a key that is worth nothing outside this process.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from threading import BoundedSemaphore, Lock

from cachetools import TTLCache

from objreg.errors import StoreUnavailable
from objreg.hub import names
from objreg.hub.sso import ldap_login
from objreg.hub.sso.arrivals import Arrivals, Arrived
from objreg.hub.sso.ldap_login import Connect, person_of
from objreg.hub.sso.links import Links
from objreg.hub.sso.logins import LdapLogin, Logins
from objreg.hub.sso.person import ProviderFailed

_AT_ONCE, _WAIT = 2, 2.0
"""Logins at a time, and seconds to wait for one's turn: the rest of the threads stay free for those who are known."""
_KNOWN, _KNOWN_SECONDS = 10_000, 300.0


class DirectoryAway(StoreUnavailable):
    """No server of a directory answers."""

    message = 'the directory does not answer, try again later'


class Directories:
    """Those of one hub."""

    def __init__(self, logins: Logins, links: Links, arrivals: Arrivals, *, connect: Connect | None = None) -> None:
        self._logins = logins
        self._links = links
        self._arrivals = arrivals
        self.connect: Connect = connect or ldap_login.connect
        self._turns = BoundedSemaphore(_AT_ONCE)
        self._known: TTLCache[bytes, Arrived] = TTLCache(_KNOWN, _KNOWN_SECONDS)
        self._key = secrets.token_bytes(32)
        self._lock = Lock()

    def are_there(self) -> bool:
        """Whether there is any."""
        return any(isinstance(one, LdapLogin) for one in self._logins)

    def keeps(self, user: str) -> bool:
        """Whether the password of that account is kept by a directory: one list call, where there is any."""
        if not self.are_there() or not names.is_account(user):
            return False
        return any(link.kind == 'ldap' for link in self._links.of(user))

    def log_in(self, name: str, password: str, address: str) -> Arrived | None:
        """Who that is; None for a wrong name or password.

        Raises `LoginRefused` for who may not come in although it is right, and `DirectoryAway`.
        """
        return self._asked([one for one in self._logins if isinstance(one, LdapLogin)], name, password, address)

    def recognise(self, name: str, password: str, address: str) -> Arrived | None:
        """The same for programs, where the operator lets them; an answer may be some minutes old."""
        logins = [one for one in self._logins if isinstance(one, LdapLogin) and one.settings.basic]
        if not logins:
            return None
        key = self._digest('\0'.join((name, password, *(repr(one) for one in logins))))
        with self._lock:
            known = self._known.get(key)
        if known is not None and self.keeps(known.account.name):  # who was unlinked is at once
            return known
        arrived = self._asked(logins, name, password, address)
        if arrived is not None:
            with self._lock:
                self._known[key] = arrived
        return arrived

    def _asked(self, logins: list[LdapLogin], name: str, password: str, address: str) -> Arrived | None:
        if not self._turns.acquire(timeout=_WAIT):
            raise StoreUnavailable('too many passwords are being verified', headers={'Retry-After': '2'})
        try:
            for login in logins:
                person = person_of(login.settings, login.name, name, password, connect=self.connect)
                if person is not None:
                    return self._arrivals.arrive(login.settings, person, address)
        except ProviderFailed as error:  # of which the log has been told
            raise DirectoryAway(headers={'Retry-After': '10'}) from error
        finally:
            self._turns.release()
        return None

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode('utf-8', 'surrogatepass'), hashlib.sha256)
