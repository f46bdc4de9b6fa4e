"""htpasswd files with bcrypt or argon2 hashes.

Verifying one costs tens of milliseconds by design, and a push makes dozens of requests: a success is remembered for a
while, under a key that is worth nothing outside this process.  An unknown user costs as much as a wrong password.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections import deque
from threading import BoundedSemaphore, Lock

import argon2
import bcrypt
from argon2.exceptions import InvalidHashError, VerificationError
from cachetools import TTLCache

from objreg.auth.files import Watched
from objreg.config import ConfigError
from objreg.errors import StoreUnavailable

_BCRYPT = re.compile(r'\$2[aby]\$(0[4-9]|1[0-9])\$[./A-Za-z0-9]{53}')
_MOST_BCRYPT = 72
"""Bytes of a password that bcrypt looks at; longer ones are refused, not cut."""
_LONGEST = 1024
_AT_ONCE = 2
"""Verifications at a time: the rest of the threads (four, or more) stay free for those who are known."""
_WAIT = 5.0
_MANY_FAILURES, _LATELY = 8, 10.0
"""So many wrong passwords in so many seconds are somebody who guesses."""
_KNOWN, _KNOWN_SECONDS = 10_000, 300.0


class Passwords:
    """The users of a file, which is read again when it changes."""

    def __init__(self, path: str) -> None:
        self._file = Watched('htpasswd', path, _parse)
        self._hasher = argon2.PasswordHasher()
        self._known: TTLCache[bytes, bool] = TTLCache(_KNOWN, _KNOWN_SECONDS)
        self._key = secrets.token_bytes(32)
        self._lock = Lock()
        self._verifying = BoundedSemaphore(_AT_ONCE)
        self._failures: deque[float] = deque(maxlen=_MANY_FAILURES)

    def reload(self) -> None:
        """Read the file again; raises `ConfigError` and keeps what was read before."""
        self._file.reload()

    def verify(self, user: str, password: str) -> bool:
        """Whether that is the user's password.  Raises 503 while too many others are being verified."""
        if len(password) > _LONGEST or '\0' in password:
            return False
        hashes = self._file.current()
        hashed = hashes.get(user)
        key = self._digest('\0'.join((user, hashed or '', password)))
        if self._is_known(key):
            return True
        # while somebody guesses nobody waits, or the guesses would be what all threads wait for
        if not self._verifying.acquire(timeout=0 if self._is_guessed() else _WAIT):
            raise StoreUnavailable('too many passwords are being verified', headers={'Retry-After': '2'})
        try:
            if self._is_known(key):  # the same was verified while this one waited
                return True
            is_right = self._matches(hashed or self._stand_in(user, hashes), password) and hashed is not None
        finally:
            self._verifying.release()
        with self._lock:
            if is_right:
                self._known[key] = True
            else:
                self._failures.append(time.monotonic())
        return is_right

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), hashlib.sha256)

    def _is_known(self, key: bytes) -> bool:
        with self._lock:
            return key in self._known

    def _is_guessed(self) -> bool:
        with self._lock:
            return len(self._failures) == _MANY_FAILURES and time.monotonic() - self._failures[0] < _LATELY

    def _stand_in(self, user: str, hashes: dict[str, str]) -> str:
        """The hash to verify against for somebody who does not exist.

        Always the same for him, so that where they cost different times he looks like anybody else.
        """
        if not hashes:
            return ''
        return [*hashes.values()][int.from_bytes(self._digest(user)) % len(hashes)]

    def _matches(self, hashed: str, password: str) -> bool:
        if hashed.startswith('$argon2'):
            try:
                return self._hasher.verify(hashed, password)
            except VerificationError:
                return False
        data = password.encode()
        is_short = len(data) <= _MOST_BCRYPT
        return bool(hashed) and bcrypt.checkpw(data[:_MOST_BCRYPT], hashed.encode()) and is_short


def _parse(text: str, path: str) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        user, _, hashed = line.strip().partition(':')
        where = f'htpasswd: {path}, line {number}'
        if not user or not hashed:
            raise ConfigError(f'{where}: not like <user>:<hash>')
        if user in hashes:
            raise ConfigError(f'{where}: {user!r} is there twice')
        if not _is_strong(hashed):
            raise ConfigError(f'{where}: the hash of {user!r} is neither bcrypt nor argon2 (make one: htpasswd -B)')
        hashes[user] = hashed
    return hashes


def _is_strong(hashed: str) -> bool:
    if _BCRYPT.fullmatch(hashed):
        return True
    try:
        return hashed.startswith('$argon2') and argon2.extract_parameters(hashed).memory_cost <= 1024**2
    except InvalidHashError:
        return False
