"""An OpenID provider that runs in the test: it does what one has to do, unless it is told to do something else."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from objreg.http import Response
from objreg.hub.outbound import Answer
from tests.browsers import Browser
from tests.hubs import HOST

ISSUER = 'https://id.example'
CLIENT, SECRET = 'objreg', 'a secret: 100% +'
URL = f'https://{HOST}'
KEY = ECKey.generate_key('P-256', parameters={'kid': 'one'})


class OpenId:
    """One provider.  What is in `claims` is in its ID tokens, None: it is not; the rest is there to be changed."""

    def __init__(self, issuer: str = ISSUER) -> None:
        self.issuer = issuer
        self.claims: dict[str, Any] = {}
        self.key: Any = KEY
        self.header: dict[str, Any] = {'alg': 'ES256', 'kid': 'one'}
        self.metadata: dict[str, Any] = {}
        self.userinfo: Any = {}
        self.subject = ''
        self.answers: dict[str, Answer] = {}
        """What else is answered, by the last part of the path."""
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}

    def published(self) -> dict[str, Any]:
        """Its discovery document."""
        return {
            'issuer': self.issuer, 'authorization_endpoint': f'{self.issuer}/authorize',
            'token_endpoint': f'{self.issuer}/token', 'jwks_uri': f'{self.issuer}/jwks',
            'userinfo_endpoint': f'{self.issuer}/userinfo', **self.metadata,
        }

    def log_in(self, url: str, **claims: Any) -> dict[str, str]:
        """Somebody logs in at the URL to which the hub led him; the parameters of the answer."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert (asked['client_id'], asked['response_type']) == (CLIENT, 'code')
        assert asked['code_challenge_method'] == 'S256'
        code = secrets.token_urlsafe(8)
        self.codes[code] = {**asked, 'claims': json.dumps(claims)}
        return {'code': code, 'state': asked['state'], 'iss': self.issuer}

    def ask(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], allowed: Any = (), **_: Any
    ) -> Answer:
        """In place of `objreg.hub.outbound.ask`."""
        assert url.startswith(f'{self.issuer}/'), url
        place = urlsplit(url).path.rpartition('/')[2]
        self.asked.append(place)
        if place in self.answers:
            return self.answers[place]
        document: Any = {
            'openid-configuration': self.published, 'jwks': lambda: {'keys': [KEY.as_dict(private=False)]},
            'token': lambda: self._tokens(body or b'', headers),
            'userinfo': lambda: {'sub': self.subject, **self.userinfo},
        }[place]()
        return Answer(200 if document else 400, json.dumps(document or {'error': 'invalid_grant'}))

    def _tokens(self, body: bytes, headers: dict[str, str]) -> dict[str, Any] | None:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        pair = base64.b64decode(headers.get('Authorization', '').removeprefix('Basic ')).decode().partition(':')
        assert (unquote_plus(pair[0]), unquote_plus(pair[2])) == (CLIENT, SECRET)
        asked = self.codes.pop(form['code'], None)
        if asked is None or asked['redirect_uri'] != form['redirect_uri']:
            return None
        digest = hashlib.sha256(form.get('code_verifier', '').encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b'=').decode() != asked['code_challenge']:
            return None
        return {'access_token': 'an access token', 'token_type': 'Bearer', 'id_token': self.token(asked)}

    def token(self, asked: dict[str, str]) -> str:
        """The ID token for a code."""
        now = int(time.time())
        said = {
            'iss': self.issuer, 'aud': CLIENT, 'sub': '248289761001', 'iat': now, 'exp': now + 300,
            'nonce': asked['nonce'], **json.loads(asked['claims']), **self.claims,
        }
        self.subject = str(said['sub'])
        claims = {name: value for name, value in said.items() if value is not None}
        header = {'typ': 'JWT', **self.header}
        return jwt.encode(header, claims, self.key, algorithms=[self.header['alg']])


def logins(folder: Path, *, name: str = 'company', issuer: str = ISSUER, **options: Any) -> str:
    """The line of the layer ``hub`` for a file with one provider."""
    given = {
        'kind': 'oidc', 'issuer': issuer, 'client_id': CLIENT, 'client_secret': SECRET, 'url': URL, 'create': True,
        **options,
    }
    path = folder / 'logins.yml'
    path.write_text(json.dumps({name: given}))  # JSON is YAML
    return f'logins = {path}'


def arrive(browser: Browser, provider: OpenId, *, at: str = 'company', next: str = '', **claims: Any) -> Response:
    """A whole login; the last answer."""
    begun = browser.ask('GET', f'/auth/{at}{"?next=" if next else ""}{quote(next, safe="")}')
    assert begun.status_code == 303, begun.body
    return come_back(browser, provider.log_in(begun.headers['Location'], **claims), at=at)


def come_back(browser: Browser, answer: dict[str, str], *, at: str = 'company') -> Response:
    """The browser follows the redirect of the provider."""
    return browser.ask('GET', f'/auth/{at}/callback?{urlencode(answer)}', HTTP_ORIGIN=None)


__all__ = ['CLIENT', 'ISSUER', 'KEY', 'SECRET', 'URL', 'OpenId', 'arrive', 'come_back', 'logins']
