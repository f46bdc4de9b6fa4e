"""htpasswd files with bcrypt or argon2 hashes.

Verifying one costs tens of milliseconds by design, and a push makes dozens of requests: a success is remembered for a
while, under a key that is worth nothing outside this process.  An unknown user costs as much as a wrong password.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import time
from pathlib import Path
from threading import BoundedSemaphore, Lock

import argon2
import bcrypt
from argon2.exceptions import InvalidHashError, VerificationError
from cachetools import TTLCache

from objreg.config import ConfigError
from objreg.errors import StoreUnavailable

log = logging.getLogger(__name__)

_BCRYPT = re.compile(r'\$2[aby]\$(0[4-9]|1[0-9])\$[./A-Za-z0-9]{53}')
_MOST_BCRYPT = 72
"""Bytes of a password that bcrypt looks at; longer ones are refused, not cut."""
_LONGEST = 1024
_AT_ONCE = 4
"""Verifications at a time: the rest of the threads stay free for those who are known."""
_WAIT = 5.0
_KNOWN, _KNOWN_SECONDS = 10_000, 300.0
_LOOK_AGAIN = 1.0
_GONE = (0, 0, 0)
"""The stamp of a file that is not there."""


class Passwords:
    """The users of a file, which is read again when it changes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._hasher = argon2.PasswordHasher()
        self._known: TTLCache[bytes, bool] = TTLCache(_KNOWN, _KNOWN_SECONDS)
        self._key = secrets.token_bytes(32)
        self._lock = Lock()
        self._verifying = BoundedSemaphore(_AT_ONCE)
        self._looked = time.monotonic()
        self._stamp, self._hashes = self._read()

    def verify(self, user: str, password: str) -> bool:
        """Whether that is the user's password.  Raises 503 while too many others are being verified."""
        self._refresh()
        hashed = self._hashes.get(user)
        if len(password) > _LONGEST or '\0' in password:
            return False
        key = hmac.digest(self._key, '\0'.join((user, hashed or '', password)).encode(), hashlib.sha256)
        with self._lock:
            if hashed is not None and key in self._known:
                return True
        if not self._verifying.acquire(timeout=_WAIT):
            raise StoreUnavailable('too many passwords are being verified', headers={'Retry-After': '2'})
        try:
            # for somebody who does not exist, verify against anybody's
            against = hashed or next(iter(self._hashes.values()), '')
            is_right = self._matches(against, password) and hashed is not None
        finally:
            self._verifying.release()
        if is_right:
            with self._lock:
                self._known[key] = True
        return is_right

    def _matches(self, hashed: str, password: str) -> bool:
        if hashed.startswith('$argon2'):
            try:
                return self._hasher.verify(hashed, password)
            except VerificationError:
                return False
        data = password.encode()
        is_short = len(data) <= _MOST_BCRYPT
        return bool(hashed) and bcrypt.checkpw(data[:_MOST_BCRYPT], hashed.encode()) and is_short

    def reload(self) -> None:
        """Read the file again; raises `ConfigError` and keeps what was read before."""
        self._stamp, self._hashes = self._read()

    def _refresh(self) -> None:
        """Read it again if it changed; what cannot be read is said once, and leaves what was read before."""
        now = time.monotonic()
        if now - self._looked < _LOOK_AGAIN:
            return
        self._looked = now
        try:
            stamp = _stamp(self._path)
        except OSError:
            stamp = _GONE
        if stamp == self._stamp:
            return
        try:
            self.reload()
        except ConfigError as error:
            self._stamp = stamp
            log.error('%s; the users from before stay', error)

    def _read(self) -> tuple[tuple[int, int, int], dict[str, str]]:
        try:
            stamp, text = _stamp(self._path), Path(self._path).read_text(encoding='utf-8')
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f'htpasswd: {self._path}: {getattr(error, "strerror", None) or error}') from error
        hashes: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith('#'):
                continue
            user, _, hashed = line.strip().partition(':')
            where = f'htpasswd: {self._path}, line {number}'
            if not user or not hashed:
                raise ConfigError(f'{where}: not like <user>:<hash>')
            if user in hashes:
                raise ConfigError(f'{where}: {user!r} is there twice')
            if not _is_strong(hashed):
                raise ConfigError(f'{where}: the hash of {user!r} is neither bcrypt nor argon2 (make one: htpasswd -B)')
            hashes[user] = hashed
        return stamp, hashes


def _stamp(path: str) -> tuple[int, int, int]:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size, status.st_ino


def _is_strong(hashed: str) -> bool:
    if _BCRYPT.fullmatch(hashed):
        return True
    try:
        return hashed.startswith('$argon2') and argon2.extract_parameters(hashed).memory_cost <= 1024**2
    except InvalidHashError:
        return False
