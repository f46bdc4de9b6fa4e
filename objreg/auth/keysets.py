"""The public keys of a token service: a JWKS (RFC 7517) from a file or over HTTP, kept and read again."""

from __future__ import annotations

import json
import logging
import time
from threading import Lock
from typing import Any, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from objreg.auth.files import Watched
from objreg.auth.remote import LONGEST, Remote
from objreg.config import ConfigError

log = logging.getLogger(__name__)

_KEEP = 3600.0
_ASK_AGAIN = 30.0
"""Seconds between two reads, however many unknown keys are named meanwhile."""
_PATIENCE = 1.0
"""Seconds to wait for the read that another thread has begun."""


class KeysUnavailable(Exception):
    """The keys cannot be read, and there are none from before."""


class Keys(Protocol):
    """The keys of a token service."""

    def find(self, kid: str | None) -> list[Any]:
        """The keys of that id; all of them where a token names none.  Raises `KeysUnavailable`."""

    def reload(self) -> None:
        """Read them now; raises `ConfigError`, and keeps what was read before."""


def open_keys(source: str) -> Keys:
    """The keys at a path or at a URL; raises `ConfigError`."""
    if '://' not in source:
        return KeyFile(source)
    return KeyURL(source)


class KeyFile:
    """A file, which is read again when it changes."""

    def __init__(self, path: str) -> None:
        self._file = Watched('jwks', path, _parse)

    def find(self, kid: str | None) -> list[Any]:
        """The keys of that id."""
        return _of(self._file.current(), kid)

    def reload(self) -> None:
        """Read the file again."""
        self._file.reload()


class Readable(Protocol):
    """A document that another server publishes."""

    def read(self) -> bytes:
        """What is there; raises `ConfigError`."""


class KeyURL:
    """What a service publishes.  Nothing is asked before it is needed.  `remote` reads it in another way."""

    def __init__(self, url: str, remote: Readable | None = None) -> None:
        self._url = url
        self._remote = remote or Remote('jwks', url)
        self._keys: list[Any] = []
        self._read_at = self._asked_at = -1e9
        self._lock = Lock()

    def find(self, kid: str | None) -> list[Any]:
        """The keys of that id, as they were an hour ago or later, if the service answers."""
        found = _of(self._keys, kid)
        if not found or time.monotonic() - self._read_at > _KEEP:
            # who has a key does not wait for somebody else's read
            self._ask(patience=0 if found else _PATIENCE if self._keys else LONGEST)
            found = _of(self._keys, kid)
        if not self._keys:
            raise KeysUnavailable(self._url)
        return found

    def _ask(self, patience: float) -> None:
        if not self._lock.acquire(timeout=patience):
            return
        try:
            if time.monotonic() - self._asked_at < _ASK_AGAIN:
                return
            self._asked_at = time.monotonic()
            self.reload()
        except ConfigError as error:
            log.error('%s; the keys from before stay', error)
        finally:
            self._lock.release()

    def reload(self) -> None:
        """Ask the service now."""
        try:
            self._keys = _parse(self._remote.read().decode(), self._url)
        except UnicodeDecodeError as error:
            raise ConfigError(f'jwks: {self._url}: {error}') from error
        self._read_at = time.monotonic()


def _of(keys: list[Any], kid: str | None) -> list[Any]:
    return keys if kid is None else [key for key in keys if key.kid == kid]


def _parse(text: str, source: str) -> list[Any]:
    try:
        return list(KeySet.import_key_set(json.loads(text)).keys)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, JoseError) as error:
        raise ConfigError(f'jwks: {source}: {str(error) or type(error).__name__}') from error
