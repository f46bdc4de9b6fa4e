"""Docker's libtrust: ids of keys, and signatures that stand in the JSON document that they are of.  No I/O.

A signed document is the payload with one more field at its end, ``signatures``.  Each of them says in its protected
header how many bytes of the document begin the payload (`formatLength`), and what ends it instead (`formatTail`, in
base64); the rest is JSON Web Signature (RFC 7515).  The key is in the signature, so it tells of accidents, and nothing
about who signed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from objreg.errors import ManifestInvalid
from objreg.manifest import load

MOST_SIGNATURES = 16
_INDENT = 3
_KEYS: dict[str, tuple[type[ECKey | RSAKey], tuple[str, ...], dict[str, str]]] = {
    'ES256': (ECKey, ('x', 'y'), {'kty': 'EC', 'crv': 'P-256'}),
    'RS256': (RSAKey, ('n',), {'kty': 'RSA', 'e': 'AQAB'}),
}
"""By algorithm, what a key has to be: which fields it has, and which it has with these values."""
_LONGEST = 700
"""Characters of a number in a key or signature: RSA of 4,096 bits."""
_PROTECTED = {'formatLength', 'formatTail', 'time'}
_REGISTRY = JWSRegistry(algorithms=list(_KEYS), strict_check_header=False)


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


def payload_of(data: bytes) -> bytes:
    """What was signed of a document that has ``signatures``, each of which must be good; raises MANIFEST_INVALID."""
    document = load(data)
    blocks = document.pop('signatures', None)
    if not isinstance(blocks, list) or not 0 < len(blocks) <= MOST_SIGNATURES:
        raise ManifestInvalid(f'signatures: there is a list of 1 to {MOST_SIGNATURES}')
    payloads = {_payload(data, block) for block in blocks}
    if len(payloads) > 1:
        raise ManifestInvalid('its signatures are of several documents')
    payload = payloads.pop()
    if load(payload) != document:  # two readers would see two documents
        raise ManifestInvalid('what is signed is another document')
    for block in blocks:
        _verify(payload, block)
    return payload


def _payload(data: bytes, block: Any) -> bytes:
    """What one signature says that it is of."""
    protected = load(_decode(_text(block, 'protected')))
    length, tail = protected.get('formatLength'), _decode(_text(protected, 'formatTail'))
    if set(protected) - _PROTECTED:
        raise ManifestInvalid('a signature protects what nobody knows')
    if not isinstance(length, int) or isinstance(length, bool) or not 0 < length <= len(data):
        raise ManifestInvalid('formatLength is not within the manifest')
    if tail.strip(b' \t\r\n') != b'}':
        raise ManifestInvalid('formatTail is not the end of an object')
    return data[:length] + tail


def _verify(payload: bytes, block: dict[str, Any]) -> None:
    header = block.get('header')
    algorithm, jwk = (header.get('alg'), header.get('jwk')) if isinstance(header, dict) else (None, None)
    if not isinstance(algorithm, str) or algorithm not in _KEYS or not isinstance(jwk, dict):
        raise ManifestInvalid(f'a signature is made by {" or ".join(_KEYS)}, with its key in jwk')
    kind, numbers, fixed = _KEYS[algorithm]
    if any(jwk.get(field) != value for field, value in fixed.items()):
        raise ManifestInvalid(f'the key of a signature by {algorithm} has {fixed}')
    signature = _text(block, 'signature')
    try:
        key = kind.import_key({**fixed, **{field: _text(jwk, field) for field in numbers}})
        jws.deserialize_json({
            'payload': _encode(payload), 'protected': block['protected'], 'signature': signature,
            'header': {'alg': algorithm},
        }, key, registry=_REGISTRY)
    except (JoseError, ValueError) as error:
        raise ManifestInvalid('a signature is wrong') from error
    if jwk.get('kid', key_id(key)) != key_id(key):
        raise ManifestInvalid('the id of the key of a signature is that of another one')


def _text(fields: Any, name: str) -> str:
    found = fields.get(name) if isinstance(fields, dict) else None
    if not isinstance(found, str) or len(found) > _LONGEST:
        raise ManifestInvalid(f'a signature has no {name}')
    return found


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + '=' * (-len(text) % 4), altchars=b'-_', validate=True)
    except (binascii.Error, ValueError) as error:
        raise ManifestInvalid('a signature is not base64') from error


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()
