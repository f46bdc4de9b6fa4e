"""Where a page goes on, in a form that tells nothing: it may be behind a name that whoever asks may not see.

Encrypted by AES-GCM under a key made from the registry's secrets in the bucket, so that any node reads what another one
gave.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from objreg.state import Secrets

_NONCE = 12
_LONGEST = 1024


class CursorRefused(ValueError):
    """No node of this hub gave it."""


class Cursors:
    """Those of one hub."""

    def __init__(self, known: Secrets) -> None:
        self._known = known

    def seal(self, place: str) -> str:
        """The place as text for a URL; '' stays ''."""
        if not place:
            return ''
        id, key = self._known.newest()
        nonce = secrets.token_bytes(_NONCE)
        sealed = nonce + _cipher(key).encrypt(nonce, place.encode(), None)
        return f'{id}.{urlsafe_b64encode(sealed).decode().rstrip("=")}'

    def unseal(self, text: str) -> str:
        """The place; raises `CursorRefused`."""
        if not text:
            return ''
        id, _, encoded = text.partition('.')
        key = self._known.find(id) if len(text) <= _LONGEST else None
        try:
            if key is None:
                raise CursorRefused('no page begins there')
            sealed = urlsafe_b64decode(encoded + '=' * (-len(encoded) % 4))
            return _cipher(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], None).decode()
        except (InvalidTag, ValueError) as error:
            raise CursorRefused('no page begins there') from error


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, b'objreg hub cursors').derive(key))
