"""Whether an ID token is to be believed (OpenID Connect Core 1.0, section 3.1.3.7)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from objreg.auth.keysets import KeysUnavailable
from objreg.auth.tokens import TokenInvalid, Tokens
from objreg.hub.sso.metadata import LEEWAY
from objreg.hub.sso.person import ProviderFailed

_HASHES = {'256': hashlib.sha256, '384': hashlib.sha384, '512': hashlib.sha512}


def verified(
    tokens: Tokens, text: str, *, client_id: str, nonce: str, begun: float, access_token: str
) -> dict[str, Any]:
    """What it says; raises `ProviderFailed`.

    `tokens` knows keys, issuer, audience and algorithms; `begun` is when this login began, before which the token
    cannot have been issued.
    """
    try:
        claims = tokens.claims(text)
    except (TokenInvalid, KeysUnavailable) as error:
        raise ProviderFailed(f'its ID token: {error}') from error
    _check_audience(claims, client_id)
    said = claims.get('nonce')
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise ProviderFailed('its ID token is for another login')
    issued = claims.get('iat')
    if not isinstance(issued, int | float) or isinstance(issued, bool) or issued < begun - LEEWAY:
        raise ProviderFailed('its ID token is older than this login')
    if 'at_hash' in claims and claims['at_hash'] != _half(text, access_token):
        raise ProviderFailed('its access token is not the one of its ID token')
    return claims


def _check_audience(claims: dict[str, Any], client_id: str) -> None:
    """That it is for this hub is known; whoever else it is for, it must have been issued to this hub."""
    audience = claims.get('aud')
    is_for_others = isinstance(audience, list) and audience != [client_id]
    if (is_for_others or 'azp' in claims) and claims.get('azp') != client_id:
        raise ProviderFailed('its ID token was issued to somebody else')


def _half(id_token: str, access_token: str) -> str:
    """``at_hash``: the first half of the access token's hash, by the hash of the algorithm that signed."""
    encoded = id_token.partition('.')[0]
    algorithm = str(json.loads(base64.urlsafe_b64decode(encoded + '=' * (-len(encoded) % 4)))['alg'])
    made = _HASHES.get(algorithm[-3:], hashlib.sha512)  # of Ed25519, which has none in its name
    digest = made(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[:len(digest) // 2]).rstrip(b'=').decode()
