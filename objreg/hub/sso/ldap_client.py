"""One connection to a directory, by python-ldap: over TLS (`ldap_tls`), without referrals, in bounded time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import ldap

from objreg.hub.sso import ldap_tls
from objreg.hub.sso.ldap_login import Entry
from objreg.hub.sso.ldap_settings import Ldap
from objreg.hub.sso.person import ProviderFailed

_DOES_NOT_LET_IN = (
    ldap.INVALID_CREDENTIALS, ldap.INAPPROPRIATE_AUTH, ldap.UNWILLING_TO_PERFORM, ldap.INSUFFICIENT_ACCESS,
    ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX, ldap.CONSTRAINT_VIOLATION,
)
"""What servers say of a wrong password, of an entry that has none, and of one that is locked."""


class LdapConnection:
    """To one server; all that is done by it takes no longer than the operator says."""

    def __init__(self, settings: Ldap, url: str) -> None:
        self._until = time.monotonic() + settings.timeout
        with _failures():
            # which is closed with the connection; TLS is around it
            connected = ldap_tls.connect(settings, url, self._until).detach()
            self._ldap = ldap.initialize('ldap://directory', fileno=connected)
            self._ldap.set_option(ldap.OPT_PROTOCOL_VERSION, 3)
            self._ldap.set_option(ldap.OPT_REFERRALS, 0)

    def bind(self, dn: str, password: str) -> bool:
        if dn and not password:  # an "unauthenticated bind" succeeds, and is nobody (RFC 4513, section 5.1.2)
            return False
        with _failures():
            self._hurry()
            try:
                self._ldap.simple_bind_s(dn, password)
            except _DOES_NOT_LET_IN:
                return False
        return True

    def search(self, base: str, filter: str, attributes: list[str], most: int) -> list[Entry]:
        with _failures():
            found = self._ldap.search_ext_s(
                base, ldap.SCOPE_SUBTREE, filter, attributes, timeout=self._hurry(), sizelimit=most
            )
        # without a name it is a referral, which is not followed
        return [
            Entry(dn, {name.lower(): values for name, values in found.items()}) for dn, found in found if dn is not None
        ]

    def close(self) -> None:
        with contextlib.suppress(ldap.LDAPError):
            self._ldap.unbind_ext_s()

    def _hurry(self) -> float:
        """Seconds that are left, which the next call may take."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise ProviderFailed('it takes too long')
        self._ldap.set_option(ldap.OPT_TIMEOUT, left)
        return left


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except ldap.LDAPError as error:
        said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        words = [type(error).__name__, str(said.get('desc', '')), str(said.get('info', ''))]
        raise ProviderFailed(': '.join(word for word in words if word)[:500]) from error
    except (OSError, ValueError, TypeError) as error:  # the last two of what cannot be written into a request
        raise ProviderFailed(str(error)[:500]) from error
