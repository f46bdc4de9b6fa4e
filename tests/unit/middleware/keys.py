"""A token service in miniature: a key, its JWKS, and tokens of any kind."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

ISSUER, SERVICE, REALM = 'https://tokens.example', 'registry.example', 'https://tokens.example/token'
RSA = RSAKey.generate_key(2048, parameters={'kid': 'one', 'use': 'sig'}, private=True)
EC = ECKey.generate_key('P-256', parameters={'kid': 'two'}, private=True)


def write_jwks(path: Path, *keys: Any) -> str:
    """The public halves as a file."""
    path.write_text(json.dumps({'keys': [key.as_dict(private=False) for key in keys or (RSA, EC)]}))
    return str(path)


def grants(name: str, *actions: str, kind: str = 'repository') -> dict[str, Any]:
    """An entry of the claim ``access``."""
    return {'type': kind, 'name': name, 'actions': list(actions)}


def token(
    *access: dict[str, Any], key: Any = RSA, algorithm: str = 'RS256', **claims: Any
) -> str:
    """A signed token; a claim that is None is left out."""
    now = int(time.time())
    all_claims = {
        'iss': ISSUER, 'aud': SERVICE, 'sub': 'alice', 'exp': now + 300, 'iat': now, 'access': list(access), **claims,
    }
    return jwt.encode(
        {'alg': algorithm, 'kid': key.kid},
        {name: value for name, value in all_claims.items() if value is not None}, key, algorithms=[algorithm],
    )
