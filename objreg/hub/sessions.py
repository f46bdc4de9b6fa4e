"""Sessions of browsers: a cookie that any node accepts, and that says by itself whose it is and until when.

Nothing is kept of a session while it lasts.  What ends it early is read at each request: that the account is gone, or
suspended; that somebody's `Accounts.epoch` is another one, since his password changed or he logged out everywhere; and
that this one session was logged out.  The last is the one read that it costs more than a token does.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from objreg.hub import keys
from objreg.hub.accounts import Accounts
from objreg.hub.sealed import LEEWAY, Sealed
from objreg.hub.signing import Signing
from objreg.store import Store

DEFAULT = '12 hours'
SHORTEST, LONGEST = 300, 7 * 86400
"""Seconds; a signing key stays for longer than the longest (`objreg.hub.signing.LAST_TOKENS`)."""
_CLEANED_UP = 1000
"""Ended ones that expired, and are forgotten, when another one ends."""


class Session(NamedTuple):
    """One session; `id` is another one for each there ever was, times are seconds since the epoch."""

    user: str
    account: str
    id: str
    epoch: str
    issued: int
    expires: int


class Sessions:
    """Those of one hub."""

    def __init__(
        self, store: Store, signing: Signing, accounts: Accounts, seconds: int, *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._seconds = seconds
        self._now = now
        self._sealed = Sealed(signing, 'session', now=now)

    def begin(self, user: str, account: str, epoch: str) -> tuple[str, Session]:
        """A new one, and the text of its cookie.

        `epoch` is what `Accounts.epoch` was before it was looked at whether he may log in: what changed since counts.
        """
        text = self._sealed.seal(
            {'sub': user, 'account': account, 'sid': secrets.token_hex(16), 'epoch': epoch}, self._seconds
        )
        begun = self.read(text)
        if begun is None:
            raise RuntimeError('a session that was just sealed cannot be read')
        return text, begun

    def read(self, text: str) -> Session | None:
        """The session of a cookie; None for what is none, or is over.  Nothing is asked of the store."""
        claims = self._sealed.open(text) if text else None
        if claims is None:
            return None
        try:
            said = msgspec.convert(claims, _Claims)
        except msgspec.ValidationError:
            return None
        return Session(said.sub, said.account, said.sid, said.epoch, said.iat, said.exp)

    def is_live(self, session: Session) -> bool:
        """Whether it still counts at this moment: four reads."""
        accounts, user = self._accounts, session.user
        return (
            not self._store.has(_ended(session)) and accounts.exists(user, session.account)
            and accounts.suspension(user) is None and accounts.epoch(user) == session.epoch
        )

    def end(self, session: Session) -> None:
        """Let it count nowhere any more."""
        self._store.put(_ended(session), b'{}')
        now = int(self._now())
        listed = self._store.page(keys.ENDED, limit=_CLEANED_UP).entries
        self._store.delete([entry.key for entry in listed if keys.ended_until(entry.key) < now])


class _Claims(msgspec.Struct):
    sub: str
    account: str
    sid: str
    epoch: str
    iat: int
    exp: int


def _ended(session: Session) -> str:
    return keys.ended(session.expires + 2 * LEEWAY, session.id)
