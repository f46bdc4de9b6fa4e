"""htpasswd files with bcrypt or argon2 hashes."""

from __future__ import annotations

import re

import argon2
from argon2.exceptions import InvalidHashError

from objreg.auth.files import Watched
from objreg.auth.verifying import Verifier
from objreg.config import ConfigError

_BCRYPT = re.compile(r'\$2[aby]\$(0[4-9]|1[0-9])\$[./A-Za-z0-9]{53}')


class Passwords:
    """The users of a file, which is read again when it changes."""

    def __init__(self, path: str) -> None:
        self._file = Watched('htpasswd', path, _parse)
        self._verifier = Verifier()

    def reload(self) -> None:
        """Read the file again; raises `ConfigError` and keeps what was read before."""
        self._file.reload()

    def knows(self, user: str) -> bool:
        """Whether there is such a user."""
        return user in self._file.current()

    def verify(self, user: str, password: str) -> bool:
        """Whether that is the user's password.  Raises 503 while too many others are being verified."""
        hashes = self._file.current()
        return self._verifier.verify(user, hashes.get(user), password, self._stand_in(user, hashes))

    def _stand_in(self, user: str, hashes: dict[str, str]) -> str:
        """The hash to verify against for somebody who does not exist.

        Always the same for him, so that where they cost different times he looks like anybody else.
        """
        if not hashes:
            return ''
        return [*hashes.values()][int.from_bytes(self._verifier.digest(user)) % len(hashes)]


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
