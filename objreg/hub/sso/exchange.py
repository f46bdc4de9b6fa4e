"""What an OpenID provider gives for a code: an ID token, and what else it knows of somebody."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec

from objreg.auth.tokens import Tokens
from objreg.hub.sso import id_token, person
from objreg.hub.sso.metadata import Metadata, fetched
from objreg.hub.sso.person import Person, ProviderFailed
from objreg.hub.sso.settings import Oidc

_LARGEST = 1024**2
_FORM = 'application/x-www-form-urlencoded'


class _Tokens(msgspec.Struct):
    """RFC 6749 section 5.1, and OpenID Connect Core 1.0 section 3.1.3.3."""

    access_token: str
    id_token: str


def person_of(
    settings: Oidc, provider: str, found: tuple[Metadata, Tokens], *, code: str, verifier: str, redirect: str,
    nonce: str, begun: float,
) -> Person:
    """Whom the provider means by that code; raises `ProviderFailed`."""
    metadata, tokens = found
    given = _exchanged(settings, metadata, code, verifier, redirect)
    claims = id_token.verified(
        tokens, given.id_token, client_id=settings.client_id, nonce=nonce, begun=begun, access_token=given.access_token
    )
    subject = person.subject(claims.get('sub'))
    if metadata.userinfo_endpoint and not _wanted(settings) <= claims.keys():
        claims = {**_userinfo(settings, metadata, given.access_token, subject), **claims}
    return _person(settings, provider, subject, claims)


def _exchanged(settings: Oidc, metadata: Metadata, code: str, verifier: str, redirect: str) -> _Tokens:
    """RFC 6749 section 4.1.3, with the verifier of RFC 7636."""
    form = {'grant_type': 'authorization_code', 'code': code, 'redirect_uri': redirect, 'code_verifier': verifier}
    headers = {'Content-Type': _FORM}
    methods = metadata.token_endpoint_auth_methods_supported
    if not settings.client_secret:
        form['client_id'] = settings.client_id
    elif 'client_secret_post' in methods and 'client_secret_basic' not in methods:
        form |= {'client_id': settings.client_id, 'client_secret': settings.client_secret}
    else:  # RFC 6749 section 2.3.1: each is encoded by itself
        pair = f'{quote_plus(settings.client_id)}:{quote_plus(settings.client_secret)}'
        headers['Authorization'] = f'Basic {base64.b64encode(pair.encode()).decode()}'
    answer = fetched(settings, 'POST', metadata.token_endpoint, urlencode(form).encode(), headers)
    try:
        return msgspec.json.decode(answer, type=_Tokens)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProviderFailed(f'{metadata.token_endpoint}: {error}') from error


def _wanted(settings: Oidc) -> set[str]:
    """The claims that are looked for."""
    claims = settings.claims
    wanted = {claims.name, claims.email, claims.full_name}
    if settings.teams or settings.administrators:
        wanted.add(claims.groups)
    return wanted - {''}


def _userinfo(settings: Oidc, metadata: Metadata, access_token: str, subject: str) -> dict[str, Any]:
    """OpenID Connect Core 1.0, section 5.3; it has to be of the same subject."""
    headers = {'Authorization': f'Bearer {access_token}'}
    if not access_token.isascii() or not access_token.isprintable():
        raise ProviderFailed('its access token cannot be sent')
    answer = fetched(settings, 'GET', metadata.userinfo_endpoint, None, headers, most=_LARGEST)
    try:
        claims = msgspec.json.decode(answer, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProviderFailed(f'{metadata.userinfo_endpoint}: {error}') from error
    if claims.get('sub') != subject:
        raise ProviderFailed('its userinfo is of somebody else')
    return claims


def _person(settings: Oidc, provider: str, subject: str, claims: dict[str, Any]) -> Person:
    at = settings.claims
    name = claims.get(at.name)
    return Person(
        'oidc', provider, settings.issuer, subject, name if isinstance(name, str) else '', int(claims['iat']),
        # an address that the provider has not looked at may be anybody's
        '' if claims.get('email_verified') is False else person.email(claims.get(at.email)),
        person.full_name(claims.get(at.full_name)), _groups(settings, claims),
    )


def _groups(settings: Oidc, claims: dict[str, Any]) -> frozenset[str]:
    if not (settings.teams or settings.administrators):
        return frozenset()
    name = settings.claims.groups
    elsewhere = claims.get('_claim_names')
    if isinstance(elsewhere, dict) and name in elsewhere:  # section 5.6.2: how Entra ID says that there are too many
        raise ProviderFailed(f'{name}: it has too many groups to tell them; let it tell only those that are assigned')
    return person.groups(claims[name]) if claims.get(name) is not None else frozenset()
