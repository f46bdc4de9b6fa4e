"""The tokens of the first version of the API: what they look like, and what they grant.

``signature=<opaque>,repository="team/app",access=read``, of one repository each, in the header ``Authorization: Token
…``.  The signature is a JWT that says the same again, signed by the hub; what stands outside of it is for people and
for registries of others, and has to agree.  Its audience is one of its own, ``v1:<service>``, so that nothing that was
signed for something else passes here, and it passes nowhere else.

They are read loosely: clients say ``Token Token …`` where the hub said ``Token …``, and separate by ``:`` as by ``=``.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from objreg.auth.keysets import Keys
from objreg.auth.tokens import TokenInvalid, Tokens
from objreg.v1 import names
from objreg.v1.errors import V1Error

GRANTED = {'read': frozenset({'pull'}), 'write': frozenset({'pull', 'push'}), 'delete': frozenset({'delete'})}
"""What each kind of access lets do.  A push asks which images are there already, so who writes may read."""
_LONGEST = 16 * 1024
_SCHEMES = re.compile(r'\s*(?:token\s+){1,2}', re.IGNORECASE)
_FIELD = re.compile(r'\s*([A-Za-z_]{1,32})\s*[=:]\s*(?:"([^"]*)"|([^",\s]*))\s*(?:,|$)')
SKEW = 60
"""Seconds by which a registry's clock may be behind."""


class Signs(Protocol):
    """Whose signature registries trust (`objreg.hub.signing`)."""

    def sign(self, claims: dict[str, Any]) -> str:
        """A JWT with these claims."""


@dataclass(frozen=True, slots=True)
class RepositoryAccess:
    """What such a token grants: something on one repository."""

    subject: str
    repository: str
    actions: frozenset[str]
    credential: str = ''
    """What it was given for."""
    issued: int = 0
    """Seconds since the epoch."""
    is_unrestricted: bool = False

    def may(self, action: str, name: str) -> bool:
        """Whether it is granted."""
        return name == self.repository and action in self.actions


class Issuer:
    """Makes them, for registries of these services, each good for so many seconds."""

    def __init__(
        self, signing: Signs, issuer: str, services: Sequence[str], seconds: int,
        *, now: Callable[[], float] = time.time,
    ) -> None:
        self._signing = signing
        self._issuer = issuer
        self._audience = [audience(service) for service in services]
        self._seconds = seconds
        self._now = now

    def issue(self, repository: str, access: str, *, subject: str, credential: str = '') -> str:
        """A token, without the word ``Token`` before it; `access` is a key of `GRANTED`."""
        now = int(self._now())
        claims = {
            'iss': self._issuer, 'sub': subject, 'aud': self._audience, 'iat': now, 'nbf': now - SKEW,
            'exp': now + self._seconds, 'jti': secrets.token_urlsafe(16), 'repository': repository, 'access': access,
        }
        if credential:
            claims['credential'] = credential
        return f'signature={self._signing.sign(claims)},repository="{names.to_token(repository)}",access={access}'


class V1Tokens:
    """Verifies them, for one service, without asking anybody."""

    def __init__(self, keys: Keys, issuer: str, service: str, algorithms: list[str], leeway: int) -> None:
        self._tokens = Tokens(keys, issuer, audience(service), algorithms, leeway)

    def verify(self, text: str) -> RepositoryAccess:
        """What the header ``Authorization`` grants.  Raises `TokenInvalid`, `KeysUnavailable`."""
        fields = parse(text)
        access = _access(self._tokens.claims(fields.get('signature', '')))
        try:
            repository = names.from_token(fields.get('repository', ''))
        except V1Error as error:
            raise TokenInvalid('its repository has no name') from error
        if repository != access.repository or GRANTED.get(fields.get('access', '')) != access.actions:
            raise TokenInvalid('it says something else than what was signed')
        return access


def audience(service: str) -> str:
    """For whom such a token of a service is (claim ``aud``)."""
    return f'v1:{service}'


def is_token(header: str) -> bool:
    """Whether that header ``Authorization`` has such a token, good or not."""
    return _SCHEMES.match(header[:100]) is not None


def parse(text: str) -> dict[str, str]:
    """The fields of a header ``Authorization``; raises `TokenInvalid`."""
    scheme = _SCHEMES.match(text[:100])
    if scheme is None or len(text) > _LONGEST:
        raise TokenInvalid('not a token')
    found: dict[str, str] = {}
    at = scheme.end()
    while at < len(text):
        field = _FIELD.match(text, at)
        if field is None or field[1].lower() in found:
            raise TokenInvalid('not the fields of a token')
        found[field[1].lower()] = field[2] if field[2] is not None else field[3]
        at = field.end()
    return found


def _access(claims: dict[str, Any]) -> RepositoryAccess:
    repository, access, issued = claims.get('repository'), claims.get('access'), claims.get('iat')
    if not isinstance(repository, str) or not isinstance(access, str) or not isinstance(issued, int):
        raise TokenInvalid('not a token of a repository')
    actions = GRANTED.get(access)
    if not repository or actions is None:
        raise TokenInvalid('it grants nothing')
    subject, credential = str(claims.get('sub', '')), str(claims.get('credential', ''))
    return RepositoryAccess(subject, repository, actions, credential, issued)
