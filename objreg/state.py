"""State that lives in a URL: JSON that any node can check, because the keys that sign it lie in the bucket.

A node signs with the newest key that it knows and accepts every key that is there.  Two nodes that start at once both
make a key; that does no harm.  A sealed text is ``<payload>.<key id>.<mac>`` with an HMAC-SHA256 over the first two as
they stand, so that no altered text passes; the payload is JSON with fixed fields, never anything executable.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from threading import Lock
from typing import Any

from objreg import keys
from objreg.store import Store

_MAX_SEALED = 4096
_RELOAD_SECONDS = 2.0


class Tampered(ValueError):
    """The text was not sealed by a key of this registry."""


class Secrets:
    """The keys under ``system/secrets/``, read when first needed and again when an unknown one is named."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[str, bytes] = {}
        self._read_at = float('-inf')
        self._lock = Lock()

    def newest(self) -> tuple[str, bytes]:
        """The key to sign with; makes the first one.  Ids sort by the time when they were made."""
        if not self._keys:
            with self._lock:
                if not self._keys:
                    self._read()
                if not self._keys:
                    self._make()
        return max(self._keys.items())

    def find(self, id: str) -> bytes | None:
        """The key of that id; looks into the bucket (not more often than every few seconds) when it is a new one."""
        if id not in self._keys:
            with self._lock:
                if id not in self._keys and time.monotonic() - self._read_at > _RELOAD_SECONDS:
                    self._read()
        return self._keys.get(id)

    def reload(self) -> None:
        """Read all keys again; those that were taken away count no longer."""
        with self._lock:
            self._read()

    def _read(self) -> None:
        found = {}
        for entry in list(self._store.list(keys.SECRETS)):
            document = json.loads(self._store.read(entry.key))
            found[entry.key.removeprefix(keys.SECRETS)] = bytes.fromhex(document['key'])
        self._keys = found
        self._read_at = time.monotonic()

    def _make(self) -> None:
        id = f'{time.time_ns():020d}-{secrets.token_hex(4)}'
        key = secrets.token_bytes(32)
        self._store.put(keys.secret(id), json.dumps({'key': key.hex()}).encode())
        self._keys = {id: key}


def _mac(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def seal(known: Secrets, state: dict[str, Any]) -> str:
    """`state` as text for a URL."""
    id, key = known.newest()
    payload = urlsafe_b64encode(json.dumps(state, separators=(',', ':')).encode()).decode().rstrip('=')
    return f'{payload}.{id}.{_mac(key, f"{payload}.{id}")}'


def unseal(known: Secrets, text: str) -> dict[str, Any]:
    """The state that was sealed; raises `Tampered`, or the store's errors when a key has to be looked up."""
    signed, _, mac = text.rpartition('.')
    payload, _, id = signed.partition('.')
    if len(text) > _MAX_SEALED or not text.isascii() or not payload:
        raise Tampered('not a sealed text')
    key = known.find(id)
    if key is None or not hmac.compare_digest(_mac(key, signed), mac):
        raise Tampered('signed by no key of this registry')
    state: dict[str, Any] = json.loads(urlsafe_b64decode(payload + '=' * (-len(payload) % 4)))
    return state
