"""Signatures of libtrust, made and verified by cryptography alone: a second implementation of `objreg.libtrust`."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature


def encode(data: bytes) -> str:
    """Base64 as JOSE has it."""
    return base64.urlsafe_b64encode(data).decode().rstrip('=')


def decode(text: str) -> bytes:
    """The bytes."""
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def key_id(key: ec.EllipticCurvePublicKey) -> str:
    """As libtrust computes it."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
    return ':'.join(text[at:at + 4] for at in range(0, 48, 4))


def jwk_of(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The public key, as it stands in a signature."""
    numbers = key.public_numbers()
    return {
        'crv': 'P-256', 'kid': key_id(key), 'kty': 'EC', 'x': encode(numbers.x.to_bytes(32)),
        'y': encode(numbers.y.to_bytes(32)),
    }


def payload_of(document: bytes) -> bytes:
    """What was signed, by each signature of the document; fails where one is wrong."""
    payloads = set()
    for block in json.loads(document)['signatures']:
        protected = json.loads(decode(block['protected']))
        payload = document[:protected['formatLength']] + decode(protected['formatTail'])
        jwk, raw = block['header']['jwk'], decode(block['signature'])
        assert block['header']['alg'] == 'ES256' and jwk['kty'] == 'EC' and jwk['crv'] == 'P-256' and len(raw) == 64
        x, y = (int.from_bytes(decode(jwk[name])) for name in 'xy')
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        assert jwk['kid'] == key_id(key)
        signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        key.verify(signature, f'{block["protected"]}.{encode(payload)}'.encode(), ec.ECDSA(hashes.SHA256()))
        payloads.add(payload)
    assert len(payloads) == 1
    return payloads.pop()


def signed(payload: bytes, **more: Any) -> bytes:
    """A document with a signature; `more` replaces fields of it: ``alg``, ``jwk``, ``protected``, ``signature``."""
    key = ec.generate_private_key(ec.SECP256R1())
    head = payload.rstrip()[:-1].rstrip()
    fields = {'formatLength': len(head), 'formatTail': encode(payload[len(head):]), **more.pop('protected', {})}
    protected = encode(json.dumps({name: value for name, value in fields.items() if value is not None}).encode())
    made = key.sign(f'{protected}.{encode(payload)}'.encode(), ec.ECDSA(hashes.SHA256()))
    raw = b''.join(number.to_bytes(32) for number in decode_dss_signature(made))
    block = {
        'header': {'jwk': more.pop('jwk', jwk_of(key.public_key())), 'alg': more.pop('alg', 'ES256')},
        'signature': more.pop('signature', encode(raw)), 'protected': protected,
    }
    assert not more
    return head + b',"signatures":' + json.dumps([block]).encode() + b'}'
