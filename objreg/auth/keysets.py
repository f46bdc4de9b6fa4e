"""The public keys of a token service: a JWKS (RFC 7517) from a file or over HTTP, kept and read again."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import urllib3
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from objreg.config import ConfigError

log = logging.getLogger(__name__)

_LARGEST = 1024**2
_LOOPBACK = ('localhost', '127.0.0.1', '::1')
_KEEP = 3600.0
_ASK_AGAIN = 30.0
"""Seconds between two reads, however many unknown keys are named meanwhile."""


class KeysUnavailable(Exception):
    """The keys cannot be read, and there are none from before."""


class Keys:
    """The keys by their ``kid``.  Nothing is read before it is needed."""

    def __init__(self, source: str) -> None:
        if '://' in source:
            parts = urlsplit(source)
            if parts.scheme != 'https' and not (parts.scheme == 'http' and parts.hostname in _LOOPBACK):
                raise ConfigError(f'jwks: {source!r}: https is needed, or a path')
        self._source = source
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=5), retries=False)
        self._keys: list[Any] = []
        self._read_at = self._asked_at = -1e9
        self._lock = Lock()

    def find(self, kid: str | None) -> list[Any]:
        """The keys of that id; all of them where a token names none.  Raises `KeysUnavailable`."""
        now = time.monotonic()
        if now - self._read_at > _KEEP or not self._of(kid):
            self._ask(now)
        if not self._keys:
            raise KeysUnavailable(self._source)
        return self._of(kid)

    def _of(self, kid: str | None) -> list[Any]:
        return self._keys if kid is None else [key for key in self._keys if key.kid == kid]

    def _ask(self, now: float) -> None:
        with self._lock:
            if now - self._asked_at < _ASK_AGAIN:
                return
            self._asked_at = now
            try:
                self.reload()
            except ConfigError as error:
                log.error('%s; the keys from before stay', error)

    def reload(self) -> None:
        """Read them now; raises `ConfigError`, and keeps what was read before."""
        try:
            data = self._fetch() if '://' in self._source else Path(self._source).read_bytes()
            self._keys = list(KeySet.import_key_set(json.loads(data)).keys)
        except (OSError, urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError, JoseError) as error:
            raise ConfigError(f'jwks: {self._source}: {getattr(error, "strerror", None) or error}') from error
        self._read_at = time.monotonic()

    def _fetch(self) -> bytes:
        answer = self._pool.request('GET', self._source, preload_content=False, redirect=False)
        try:
            if answer.status != 200:
                raise ValueError(f'it answers {answer.status}')
            data = answer.read(_LARGEST + 1)
        finally:
            answer.release_conn()
        if len(data) > _LARGEST:
            raise ValueError('it is too large')
        return data
