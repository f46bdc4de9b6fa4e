"""State that lives in a URL: JSON that any node can check, because the keys that sign it lie in the bucket.

A node signs with the newest key that it knows and accepts every key that is there.  Two nodes that start at once both
make a key; that does no harm.  A sealed text is ``<payload>.<key id>.<mac>`` with an HMAC-SHA256 over the first two as
they stand, so that no altered text passes; the payload is JSON with fixed fields, never anything executable.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from threading import Lock
from typing import Any

from objreg import keys
from objreg.store import NotFound, Store

_MAX_SEALED = 4096
_ID = re.compile('[0-9]{20}-[0-9a-f]{8}')


class Tampered(ValueError):
    """The text was not sealed by a key of this registry."""


class Secrets:
    """The keys under ``system/secrets/``, read when first needed and again when an unknown one is named."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[str, bytes] = {}
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
        """The key of that id; a new one is looked for in the bucket, at the cost of one call, as for any other name.

        Not throttled: another node may have made its key this very moment.
        """
        if id not in self._keys and _ID.fullmatch(id):
            with contextlib.suppress(NotFound):
                key = self._key(keys.secret(id))
                with self._lock:
                    self._keys = {**self._keys, id: key}
        return self._keys.get(id)

    def reload(self) -> None:
        """Read all keys again; those that were taken away count no longer."""
        with self._lock:
            self._read()

    def _read(self) -> None:
        found = [entry.key for entry in self._store.list(keys.SECRETS)]
        self._keys = {key.removeprefix(keys.SECRETS): self._key(key) for key in found}

    def _key(self, key: str) -> bytes:
        return bytes.fromhex(json.loads(self._store.read(key))['key'])

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
