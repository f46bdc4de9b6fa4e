"""Whether a password is that of a hash, bcrypt's or argon2's, at a bounded cost.

Verifying one costs tens of milliseconds by design, and a push makes dozens of requests: a success is remembered for a
while, under a key that is worth nothing outside this process.  An unknown user costs as much as a wrong password.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import deque
from threading import BoundedSemaphore, Lock

import argon2
import bcrypt
from argon2.exceptions import VerificationError
from cachetools import TTLCache

from objreg.errors import StoreUnavailable

_MOST_BCRYPT = 72
"""Bytes of a password that bcrypt looks at; longer ones are refused, not cut."""
_LONGEST = 1024
_AT_ONCE = 2
"""Verifications at a time: the rest of the threads (four, or more) stay free for those who are known."""
_WAIT = 5.0
_MANY_FAILURES, _LATELY = 8, 10.0
"""So many wrong passwords in so many seconds are somebody who guesses."""
_KNOWN, _KNOWN_SECONDS = 10_000, 300.0


class Verifier:
    """Remembers what was right, and lets nobody use up the machine by guessing."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher()
        self._known: TTLCache[bytes, bool] = TTLCache(_KNOWN, _KNOWN_SECONDS)
        self._key = secrets.token_bytes(32)
        self._lock = Lock()
        self._verifying = BoundedSemaphore(_AT_ONCE)
        self._failures: deque[float] = deque(maxlen=_MANY_FAILURES)

    def verify(self, user: str, hashed: str | None, password: str, stand_in: str) -> bool:
        """Whether the user's password is this; `hashed` is None where there is no such user.

        `stand_in` is the hash to verify against then.  Raises 503 while too many others are being verified.
        """
        if len(password) > _LONGEST or '\0' in password:
            return False
        key = self.digest('\0'.join((user, hashed or '', password)))
        if self._is_known(key):
            return True
        # while somebody guesses nobody waits, or the guesses would be what all threads wait for
        if not self._verifying.acquire(timeout=0 if self._is_guessed() else _WAIT):
            raise StoreUnavailable('too many passwords are being verified', headers={'Retry-After': '2'})
        try:
            if self._is_known(key):  # the same was verified while this one waited
                return True
            is_right = self._matches(hashed or stand_in, password) and hashed is not None
        finally:
            self._verifying.release()
        with self._lock:
            if is_right:
                self._known[key] = True
            else:
                self._failures.append(time.monotonic())
        return is_right

    def digest(self, text: str) -> bytes:
        """A digest that nobody outside this process can compute."""
        return hmac.digest(self._key, text.encode(), hashlib.sha256)

    def _is_known(self, key: bytes) -> bool:
        with self._lock:
            return key in self._known

    def _is_guessed(self) -> bool:
        with self._lock:
            return len(self._failures) == _MANY_FAILURES and time.monotonic() - self._failures[0] < _LATELY

    def _matches(self, hashed: str, password: str) -> bool:
        if hashed.startswith('$argon2'):
            try:
                return self._hasher.verify(hashed, password)
            except VerificationError:
                return False
        data = password.encode()
        is_short = len(data) <= _MOST_BCRYPT
        return bool(hashed) and bcrypt.checkpw(data[:_MOST_BCRYPT], hashed.encode()) and is_short
