"""A login by an OpenID provider: the authorisation code of OAuth 2 with PKCE (RFC 7636), from redirect to redirect.

What the hub has to know of it until the browser comes back is sealed in a cookie of that browser, so any node finishes
what another one began, and nobody finishes it in another browser.  A login that was begun with one provider ends with
that one (RFC 9700 section 4.4): each has a redirect URI of its own, and says who it is where it can (RFC 9207).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from objreg.hub.sealed import Sealed
from objreg.hub.signing import Signing
from objreg.hub.sso import exchange
from objreg.hub.sso.logins import OidcLogin
from objreg.hub.sso.metadata import Metadata
from objreg.hub.sso.person import LoginRefused, Person, ProviderFailed

PREFIX = '/auth/'
SECONDS = 600
"""Within which somebody has to log in to the provider."""
_LONGEST_NEXT, _LONGEST_CODE = 1000, 4096
_LOCAL = re.compile(r'/(?!/)[!-\[\]-~]*')
"""One slash, and no backslash, which browsers take for one, nor space or control character."""
_ERROR = re.compile('[a-z_]{1,60}')


class Begun(NamedTuple):
    """Where to send the browser, and what it has to bring back."""

    url: str
    cookie: str


class Finished(NamedTuple):
    """Whom the provider means, and where he wanted to go."""

    person: Person
    next: str


class _Login(msgspec.Struct):
    """What is sealed."""

    provider: str
    state: str
    nonce: str
    verifier: str
    next: str
    iat: int


class Flow:
    """Those of one hub."""

    def __init__(self, signing: Signing, *, now: Callable[[], float] = time.time) -> None:
        self._sealed = Sealed(signing, 'login', now=now)

    def begin(self, login: OidcLogin, next: str) -> Begun:
        """A new login; raises `ProviderFailed`."""
        metadata, _ = login.directory.current()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = {
            'response_type': 'code', 'client_id': login.settings.client_id, 'redirect_uri': redirect_of(login),
            'scope': ' '.join(login.settings.scopes), 'state': state, 'nonce': nonce,
            'code_challenge': _challenge(verifier), 'code_challenge_method': 'S256',
        }
        said = {'provider': login.name, 'state': state, 'nonce': nonce, 'verifier': verifier, 'next': local(next)}
        endpoint = metadata.authorization_endpoint
        url = f'{endpoint}{"&" if "?" in endpoint else "?"}{urlencode(asked)}'
        return Begun(url, self._sealed.seal(said, SECONDS))

    def recognise(self, login: OidcLogin, cookie: str, state: str) -> _Login:
        """The login of this browser that the answer belongs to; raises `LoginRefused`."""
        claims = self._sealed.open(cookie) if cookie else None
        try:
            begun = msgspec.convert(claims, _Login)
        except msgspec.ValidationError:
            begun = None
        is_this = begun is not None and begun.provider == login.name
        if begun is None or not is_this or not hmac.compare_digest(begun.state.encode(), state.encode()):
            raise LoginRefused(
                'login-lost', 'this login was not begun in this browser, or more than ten minutes ago, or another '
                f'one was begun since: begin again at {login.settings.url}{PREFIX}{login.name}'
            )
        return begun

    def finish(self, login: OidcLogin, begun: _Login, answer: Mapping[str, str]) -> Finished:
        """What came of it, by the parameters of the answer; raises `LoginRefused`, `ProviderFailed`."""
        found = login.directory.current()
        _check_issuer(login, found[0], answer)
        if 'error' in answer:
            said = answer['error'] if _ERROR.fullmatch(answer['error']) else 'error'
            raise LoginRefused('provider-refused', f'{login.name} does not let you in: {said}')
        code = answer.get('code', '')
        if not code or len(code) > _LONGEST_CODE:
            raise ProviderFailed('its answer has no code that can be used')
        with login.directory.turn():
            person = exchange.person_of(
                login.settings, login.name, found, code=code, verifier=begun.verifier, redirect=redirect_of(login),
                nonce=begun.nonce, begun=begun.iat,
            )
        return Finished(person, local(begun.next))


def redirect_of(login: OidcLogin) -> str:
    """Where the provider sends browsers back to: what the operator says, whatever a request says."""
    return f'{login.settings.url}{PREFIX}{login.name}/callback'


def local(next: str) -> str:
    """`next` if it is a path of this hub; ``/`` for anything else (CWE-601)."""
    is_local = len(next) <= _LONGEST_NEXT and _LOCAL.fullmatch(next) is not None
    return next if is_local else '/'


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b'=').decode()


def _check_issuer(login: OidcLogin, metadata: Metadata, answer: Mapping[str, str]) -> None:
    is_needed = metadata.authorization_response_iss_parameter_supported or 'iss' in answer
    if is_needed and answer.get('iss') != login.settings.issuer:
        raise ProviderFailed(f'an answer of {answer.get("iss", "nobody")[:200]!r} (RFC 9207)')
