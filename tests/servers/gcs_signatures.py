"""What Cloud Storage makes of a signed URL (V4, RSA), which the emulator does not look at.

It is written from Google's description of canonical requests, and shares no code with what signs.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_ALGORITHM = 'GOOG4-RSA-SHA256'
_WEEK = 7 * 86400


def opens(url: str, method: str, key: rsa.RSAPublicKey, account: str) -> bool:
    """Whether this URL, signed by the key of that account, lets a stranger make such a request now."""
    parts = urlsplit(url)
    said = dict(parse_qsl(parts.query, keep_blank_values=True))
    signature = bytes.fromhex(said.pop('X-Goog-Signature', ''))
    named, _, scope = said['X-Goog-Credential'].partition('/')
    begun = datetime.strptime(said['X-Goog-Date'], '%Y%m%dT%H%M%SZ').replace(tzinfo=UTC).timestamp()
    seconds = int(said['X-Goog-Expires'])
    if named != account or not 0 < seconds <= _WEEK or not begun - 60 <= time.time() < begun + seconds:
        return False
    query = '&'.join(f'{quote(name, safe="~")}={quote(value, safe="~")}' for name, value in sorted(said.items()))
    request = '\n'.join((method, parts.path, query, f'host:{parts.netloc}', '', 'host', 'UNSIGNED-PAYLOAD'))
    text = '\n'.join((_ALGORITHM, said['X-Goog-Date'], scope, hashlib.sha256(request.encode()).hexdigest()))
    try:
        key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return said['X-Goog-Algorithm'] == _ALGORITHM
