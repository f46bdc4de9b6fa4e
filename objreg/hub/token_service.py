"""Docker's token service: short-lived access tokens, narrowed to what is allowed.

``GET /token`` with HTTP Basic or without (distribution: "Token Authentication Specification"), and ``POST /token`` as
OAuth 2 has it (RFC 6749 sections 4.3 and 6; distribution: "Token Authentication Specification - OAuth2").

What is asked for and not granted is left out, not refused: so says the specification, and so a client that asks for
``pull,push`` before it knows whether it has to push gets what it may have.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from objreg.errors import RequestInvalid, Unauthorized
from objreg.http import Request, Response
from objreg.hub import credentials, scopes
from objreg.hub.authority import NOBODY, Authority, Identity, Rejected
from objreg.hub.scopes import ScopeInvalid, Wanted
from objreg.hub.signing import Signing
from objreg.hub.tokens import Tokens
from objreg.middleware.base import client_of, note_rejection

_CHALLENGE = {'WWW-Authenticate': 'Basic realm="objreg", charset="UTF-8"'}
_JSON = [('Content-Type', 'application/json'), ('Cache-Control', 'no-store'), ('Pragma', 'no-cache')]
_FORM_BYTES = 64 * 1024


@dataclass(frozen=True)
class TokenOptions:
    """`services` are the registries that the tokens may be for; `seconds` and `refresh_seconds` how long they live."""

    issuer: str
    services: tuple[str, ...]
    seconds: int = 300
    refresh_seconds: int = 90 * 86400
    skew: int = 60
    """Seconds by which a registry's clock may be behind."""


class Refusal(Exception):
    """An answer of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.status = error, status


class TokenService:
    """``/token``"""

    def __init__(
        self, authority: Authority, tokens: Tokens, signing: Signing, options: TokenOptions,
        *, now: Callable[[], float] = time.time,
    ) -> None:
        self._authority = authority
        self._tokens = tokens
        self._signing = signing
        self._options = options
        self._now = now

    def GET(self, req: Request) -> Response:
        """A token for who the header Authorization says, or for nobody in particular."""
        try:
            wanted = scopes.parse(req.GET.getall('scope'))
            service = self._service(req.GET.get('service', ''))
        except (ScopeInvalid, Refusal) as error:
            raise RequestInvalid(str(error)) from error
        try:
            identity = self.basic(req)
        except Rejected as error:
            note_rejection(req.environ, error)
            raise Unauthorized('wrong name or password', headers=_CHALLENGE) from error
        answer = self._answer(identity, service, wanted)
        if req.GET.get('offline_token', '').lower() in ('true', '1'):
            answer |= self._refresh_token(identity, service, req.GET.get('client_id', ''))
        return _json(200, {'token': answer['access_token'], **answer})

    def POST(self, req: Request) -> Response:
        """The same by a form: ``grant_type`` is ``password`` or ``refresh_token``."""
        try:
            form = _form(req)
            wanted = scopes.parse(form.getall('scope'))
            service = self._service(form.get('service', ''))
            identity = self._granted(req, form, service)
            answer = {**self._answer(identity, service, wanted), 'token_type': 'Bearer'}
            if form.get('grant_type') == 'refresh_token':  # it is good until it expires
                answer['refresh_token'] = form.get('refresh_token', '')
            elif form.get('access_type') == 'offline':
                answer |= self._refresh_token(identity, service, form.get('client_id', ''))
        except ScopeInvalid as error:
            return _json(400, {'error': 'invalid_scope', 'error_description': str(error)})
        except Refusal as error:
            return _json(error.status, {'error': error.error, 'error_description': str(error)})
        return _json(200, answer)

    def _granted(self, req: Request, form: Any, service: str) -> Identity:
        kind = form.get('grant_type', '')
        try:
            if kind == 'password':
                return self._authority.authenticate(
                    form.get('username', ''), form.get('password', ''), client_of(req.environ)
                )
            if kind == 'refresh_token':
                credential = credentials.parse(form.get('refresh_token', ''))
                if credential is None or credential.kind != 'refresh':
                    raise Rejected('not a refresh token')
                return self._authority.recognise(credential, service)
        except Rejected as error:
            note_rejection(req.environ, error)
            raise Refusal('invalid_grant', 'the credentials are not good', 401) from error
        raise Refusal('unsupported_grant_type', 'grant_type is password or refresh_token')

    def basic(self, req: Request) -> Identity:
        """Who the header Authorization says (RFC 7617); nobody in particular without one.  Raises `Rejected`."""
        header = req.environ.get('HTTP_AUTHORIZATION', '')
        if not header:
            return NOBODY
        scheme, _, encoded = header.partition(' ')
        try:
            if scheme.lower() != 'basic':
                raise ValueError
            login, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(':')
        except ValueError as error:
            raise Rejected('not HTTP Basic') from error
        if not login and not secret:  # how some clients say that they have none
            return NOBODY
        if not colon:
            raise Rejected('no password')
        return self._authority.authenticate(login, secret, client_of(req.environ))

    def _service(self, given: str) -> str:
        """The audience, one of those that are configured: whoever could choose it might have tokens for anything."""
        if given in self._options.services:
            return given
        if not given and len(self._options.services) == 1:
            return self._options.services[0]
        raise Refusal('invalid_request', f'{given[:100]!r} is no service of this hub')

    def _answer(self, identity: Identity, service: str, wanted: Sequence[Wanted]) -> dict[str, Any]:
        granted = [(one, actions) for one in wanted if (actions := self._narrowed(identity, one))]
        now = int(self._now())
        claims = {
            'iss': self._options.issuer,
            'sub': identity.name,
            'aud': service,
            'iat': now,
            'nbf': now - self._options.skew,
            'exp': now + self._options.seconds,
            'jti': secrets.token_urlsafe(16),
            'access': [{'type': one.kind, 'name': one.name, 'actions': actions} for one, actions in granted],
        }
        if identity.credential:
            claims['credential'] = identity.credential
        return {
            'access_token': self._signing.sign(claims),
            'expires_in': self._options.seconds,
            'issued_at': datetime.fromtimestamp(now, UTC).isoformat().replace('+00:00', 'Z'),
            'scope': ' '.join(scopes.dump(one.kind, one.name, actions) for one, actions in granted),
        }

    def _narrowed(self, identity: Identity, wanted: Wanted) -> list[str]:
        if wanted.kind == 'repository':
            return self._authority.narrow(identity, wanted.name, wanted.actions)
        if (wanted.kind, wanted.name) != ('registry', 'catalog'):
            return []
        granted = ['search'] if 'search' in wanted.actions else []  # which shows what one may read anyway
        if '*' in wanted.actions and self._authority.is_administrator(identity):
            granted.append('*')
        return granted

    def _refresh_token(self, identity: Identity, service: str, client: str) -> dict[str, str]:
        """For a client that is not to keep the password; who gave a token keeps that, and nobody needs none.

        Nor has one whose password a directory knows: it would outlive what the directory says of him.
        """
        if not identity.name or identity.credential or identity.provider:
            return {}
        made = self._tokens.issue(
            'refresh', identity.name, identity.account, seconds=self._options.refresh_seconds, label=client[:64],
            service=service,
        )
        return {'refresh_token': str(made)}


def _form(req: Request) -> Any:
    """The fields of the body, a form of bounded length."""
    kind = req.headers.get('Content-Type', '').partition(';')[0].strip().lower()
    if kind != 'application/x-www-form-urlencoded':
        raise Refusal('invalid_request', 'the body is to be application/x-www-form-urlencoded')
    if (req.content_length or 0) > _FORM_BYTES:
        raise Refusal('invalid_request', 'the form is too long', 413)
    data = req.body_file.read(_FORM_BYTES + 1)
    if len(data) > _FORM_BYTES:
        raise Refusal('invalid_request', 'the form is too long', 413)
    return Request.blank('/', POST=data, content_type=kind).POST


def _json(status: int, document: dict[str, Any]) -> Response:
    return Response(status=status, headerlist=list(_JSON), body=json.dumps(document).encode())
