"""Who asks the index, by whatever he gives, and what he may do.

A password or a token of his own (HTTP Basic), a token of one repository that the index gave (``Token``), or, for a
search, an access token of the hub (``Bearer``).  Who gives nothing is nobody in particular, unless the registry behind
is open to him: it is asked, in this process, since it alone knows.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from wsgiref.types import WSGIApplication

from objreg.auth.tokens import TokenInvalid, Tokens
from objreg.http import Request
from objreg.hub.authority import NOBODY, Authority, Identity, Rejected
from objreg.hub.denials import Denials
from objreg.hub.signing import ALGORITHMS, Signing
from objreg.middleware.base import note_rejection
from objreg.v1 import errors
from objreg.v1.errors import V1Error
from objreg.v1.tokens import SKEW, RepositoryAccess, V1Tokens, is_token

CHALLENGE = {'WWW-Authenticate': 'Basic realm="auth required",Token'}


@dataclass(frozen=True)
class Asker:
    """Who asks.  `token` is of one repository; `is_open`: he may do everything without an account."""

    identity: Identity = NOBODY
    token: RepositoryAccess | None = None
    is_open: bool = False

    @property
    def is_known(self) -> bool:
        """Whether he gave anything that proves something."""
        return bool(self.identity.name) or self.token is not None or self.is_open

    @property
    def name(self) -> str:
        """For records; '' for nobody in particular."""
        return self.token.subject if self.token else self.identity.name


class Asking:
    """Finds out who it is.  `basic` reads HTTP Basic, `behind` is the registry."""

    def __init__(
        self, authority: Authority, signing: Signing, denials: Denials, *, issuer: str, services: Sequence[str],
        basic: Callable[[Request], Identity], behind: WSGIApplication | None = None,
    ) -> None:
        self._authority = authority
        self._denials = denials
        self._basic = basic
        self._behind = behind
        algorithms = list(ALGORITHMS)
        self._tokens = V1Tokens(signing, issuer, services[0], algorithms, SKEW)
        self._bearer = [Tokens(signing, issuer, service, algorithms, SKEW) for service in services]

    def who(self, req: Request, *, bearer: bool = False) -> Asker:
        """Who asks; `bearer`: an access token will do.  Raises 401, and what `Authority.authenticate` raises."""
        header = req.environ.get('HTTP_AUTHORIZATION', '')
        try:
            if not header:
                return Asker(is_open=self._is_open(req))
            if is_token(header):
                return Asker(token=self._of_token(header))
            if bearer and header[:7].lower() == 'bearer ':
                return Asker(self._of_bearer(header[7:].strip()))
            return Asker(self._basic(req))
        except (Rejected, TokenInvalid) as error:
            note_rejection(req.environ, error)
            raise unauthorized() from error

    def may(self, asker: Asker, action: str, repository: str) -> bool:
        """Whether he may `pull`, `push` or `delete`; a token takes nothing away from what everybody may."""
        if asker.is_open or (asker.token is not None and asker.token.may(action, repository)):
            return True
        return self._authority.may(asker.identity, action, repository)

    def refused(self, asker: Asker, repository: str) -> V1Error:
        """What to answer to who may not: what he may not see is not there."""
        if not asker.is_known:
            return unauthorized()
        return V1Error(403, 'Access denied') if self.may(asker, 'pull', repository) else not_found()

    def _of_token(self, header: str) -> RepositoryAccess:
        access = self._tokens.verify(header)
        if self._denials.is_denied(access.subject, access.credential, access.issued):
            raise Rejected('the token was withdrawn')
        return access

    def _of_bearer(self, text: str) -> Identity:
        """Of an access token that lets search (``registry:catalog:search``)."""
        claims = self._claims(text)
        granted = [
            action for entry in claims.get('access', []) if (entry['type'], entry['name']) == ('registry', 'catalog')
            for action in entry['actions']
        ]
        if not {'search', '*'} & set(granted):
            raise Rejected('the token does not let search')
        subject, credential = claims.get('sub', ''), claims.get('credential', '')
        if self._denials.is_denied(subject, credential, claims.get('iat', 0)):
            raise Rejected('the token was withdrawn')
        return self._authority.of_access_token(subject, credential)

    def _claims(self, text: str) -> dict[str, Any]:
        for tokens in self._bearer[:-1]:
            try:
                return tokens.claims(text)
            except TokenInvalid:  # of another service, maybe
                continue
        return self._bearer[-1].claims(text)

    def _is_open(self, req: Request) -> bool:
        """Whether ``/v2/`` of the registry behind, which nobody in particular may see nowhere else, is open to him."""
        if self._behind is None:
            return False
        environ = {
            name: value for name, value in req.environ.items()
            if not name.startswith('webob.') and name != 'HTTP_TRANSFER_ENCODING'
        }
        environ |= {
            'REQUEST_METHOD': 'GET', 'PATH_INFO': '/v2/', 'QUERY_STRING': '', 'CONTENT_LENGTH': '0',
            'wsgi.input': io.BytesIO(), 'objreg.log': {},
        }
        return bool(Request(environ).get_response(self._behind).status_code == 200)


def unauthorized() -> V1Error:
    """Somebody has to say who he is, or is not who he says."""
    return errors.unauthorized(CHALLENGE)


def not_found() -> V1Error:
    """There is no such repository, or none that he may see."""
    return V1Error(404, 'Repository not found')
