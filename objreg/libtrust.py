"""Docker's libtrust: ids of keys, and signatures that stand in the JSON document that they are of.  No I/O.

A signed document is the payload with one more field at its end, ``signatures``.  Each of them says in its protected
header how many bytes of the document begin the payload (`formatLength`), and what ends it instead (`formatTail`, in
base64); the rest is JSON Web Signature (RFC 7515).  The key is in the signature, so it tells of accidents, and nothing
about who signed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from joserfc import jws
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

_INDENT = 3
_REGISTRY = JWSRegistry(algorithms=['ES256'], strict_check_header=False)


def public_bytes(key: Any) -> bytes:
    """The public key of a JWK, DER (SubjectPublicKeyInfo)."""
    encoded: bytes = key.public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def key_id(key: Any) -> str:
    """The first 240 bits of the SHA-256 of the public key of a JWK, in base 32, four at a time."""
    text = base64.b32encode(hashlib.sha256(public_bytes(key)).digest()[:30]).decode()
    return ':'.join(text[at:at + 4] for at in range(0, len(text), 4))


class Signer:
    """Signs by a key (P-256) that nobody else has, and that ends with it."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key('P-256', auto_kid=False)
        self._jwk = dict(sorted({**self._key.as_dict(private=False), 'kid': key_id(self._key)}.items()))

    def signed(self, payload: bytes) -> bytes:
        """A JSON object, indented by three, with its signature."""
        head = payload.removesuffix(b'}').rstrip()
        protected = {
            'formatLength': len(head), 'formatTail': _encode(payload[len(head):]),
            'time': datetime.now(UTC).strftime('%Y-%m-%dT%H:%M:%SZ'),
        }
        made = jws.serialize_json(
            {'protected': protected, 'header': {'alg': 'ES256'}}, payload, self._key, registry=_REGISTRY
        )
        block = {
            'header': {'jwk': self._jwk, 'alg': 'ES256'}, 'signature': made['signature'],
            'protected': made['protected'],
        }
        text = json.dumps([block], indent=_INDENT).replace('\n', '\n' + ' ' * _INDENT)
        return b'%s,\n%s"signatures": %s\n}' % (head, b' ' * _INDENT, text.encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()
