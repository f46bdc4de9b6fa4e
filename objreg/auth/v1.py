"""Who may do what by the first version of the API: tokens of one repository each, or a password with each request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from objreg.access import Access, needed_v1
from objreg.auth.basic import Basic
from objreg.auth.bearer import Denied
from objreg.auth.keysets import KeysUnavailable
from objreg.auth.tokens import TokenInvalid
from objreg.errors import RegistryError, Unauthorized
from objreg.http import Request
from objreg.middleware.base import note_rejection
from objreg.registry import Registry
from objreg.v1.errors import V1Error, as_v1, unauthorized
from objreg.v1.routes import RouteV1
from objreg.v1.sealed import SealedTokens
from objreg.v1.tokens import RepositoryAccess, V1Tokens, is_token

_CHALLENGE = {'WWW-Authenticate': 'Token'}


class GateV1(Protocol):
    """A way to find out who it is."""

    def who(self, req: Request) -> Access:
        """Who asks, and what he may do; raises 401 for credentials that are wrong."""

    def let_in(self, req: Request, access: Access, route: RouteV1) -> None:
        """Whether he may do that; raises 401 and 403."""


class TokenGate:
    """Asks for a token, as the index of the hub gives it."""

    def __init__(self, tokens: V1Tokens, denied: Denied | None = None) -> None:
        self._tokens = tokens
        self._denied = denied

    def who(self, req: Request) -> RepositoryAccess:
        """What the token grants."""
        try:
            access = self._tokens.verify(req.environ.get('HTTP_AUTHORIZATION', ''))
        except TokenInvalid as error:
            note_rejection(req.environ, error)
            raise _refused() from error
        except KeysUnavailable as error:
            raise V1Error(503, 'The keys of the token service are not known', {'Retry-After': '5'}) from error
        if self._denied is not None and self._denied.is_denied(access.subject, access.credential, access.issued):
            raise _refused()
        return access

    def let_in(self, req: Request, access: Access, route: RouteV1) -> None:
        """Raises 401, as no other token would be his."""
        action, name = needed_v1(req.environ['REQUEST_METHOD'], route)
        if route.is_image and isinstance(access, RepositoryAccess):
            name = access.repository  # whether it has that image is for the layer behind to say
        if action and not access.may(action, name):
            raise _refused()


@dataclass(frozen=True, slots=True)
class SealedAccess:
    """What a token stands for that was given to a user: no more than the rules still grant him."""

    token: RepositoryAccess
    user: Access
    is_unrestricted: bool = False

    @property
    def subject(self) -> str:
        """The user's name."""
        return self.token.subject

    @property
    def repository(self) -> str:
        """The one that the token is for."""
        return self.token.repository

    def may(self, action: str, name: str) -> bool:
        """Whether both grant it."""
        return self.token.may(action, name) and self.user.may(action, name)


class PasswordGate:
    """HTTP Basic with each request, or the token that the registry gave for it, and the rules of the second version.

    Without TLS old clients send the password only when they begin.
    """

    def __init__(self, basic: Basic, open_registry: Callable[[], Registry]) -> None:
        self._basic = basic
        self._open_registry = open_registry

    @cached_property
    def _tokens(self) -> SealedTokens:
        return SealedTokens(self._open_registry().secrets)

    def who(self, req: Request) -> Access:
        """The user, with what the rules grant him."""
        header = req.environ.get('HTTP_AUTHORIZATION', '')
        if is_token(header):
            return self._of_token(req, header)
        try:
            return self._basic.who(req, '', '')
        except RegistryError as error:
            raise _as_v1(error) from error

    def _of_token(self, req: Request, header: str) -> SealedAccess:
        try:
            token = self._tokens.verify(header)
        except TokenInvalid as error:
            note_rejection(req.environ, error)
            raise unauthorized(self._basic.challenge) from error
        user = self._basic.known(token.subject)
        if user is None:
            raise unauthorized(self._basic.challenge)
        return SealedAccess(token, user)

    def let_in(self, req: Request, access: Access, route: RouteV1) -> None:
        """Raises 401 for somebody who may have better credentials, and 403 for who gave his."""
        action, name = needed_v1(req.environ['REQUEST_METHOD'], route)
        if route.is_image:  # of which repository is not known yet: somebody to whom anything is granted at all
            action, name = 'catalog' if action == 'pull' else '', ''
        try:
            self._basic.let_in(req, access, action, name)
        except RegistryError as error:
            raise _as_v1(error) from error


def _refused() -> V1Error:
    return unauthorized(_CHALLENGE)


def _as_v1(error: RegistryError) -> V1Error:
    return unauthorized(error.headers) if isinstance(error, Unauthorized) else as_v1(error)
