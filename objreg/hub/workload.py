"""Workload identity: a JWT of somebody else's service, instead of a secret that a job has to keep.

GitHub Actions, GitLab CI and Kubernetes give each job a short-lived JWT that says what it is.  The operator names the
services that are believed (`Issuers`); the owner of a robot says which of their jobs may act as it (`Trust`): all
claims that a trust names must be in the JWT, each matching a pattern (``*`` stands for anything).  Keys come from the
operator's file alone; where a JWT says that its keys are is not looked at.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml
from msgspec import Meta

from objreg.auth.keysets import KeysUnavailable, open_keys
from objreg.auth.tokens import ALGORITHMS, TokenInvalid, Tokens
from objreg.config import ConfigError
from objreg.hub import keys, records
from objreg.hub.records import Record
from objreg.store import Store

_LEEWAY = 60
_FORM = re.compile(r'[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+')


class Issuer(msgspec.Struct, forbid_unknown_fields=True):
    """A service whose JWTs are believed: its ``iss``, where its keys are, and the ``aud`` that it must name."""

    issuer: str
    jwks: str
    audience: str
    algorithms: tuple[str, ...] = ('RS256', 'ES256', 'EdDSA')


class Trust(Record, frozen=True, forbid_unknown_fields=True):
    """That a job may act as a robot: `issuer` is a name in the operator's file."""

    issuer: str
    claims: Annotated[dict[str, Annotated[str, Meta(max_length=1000)]], Meta(min_length=1, max_length=20)]

    def __post_init__(self) -> None:
        # a trust that only repeats what every job of the service says would let in the whole world
        if not set(self.claims) - {'iss', 'aud', 'exp', 'iat', 'nbf', 'jti'}:
            raise ValueError('claims: needs one that tells the job, such as repository or sub')
        if any(not re.sub(r'[*]', '', pattern) for pattern in self.claims.values()):
            raise ValueError('claims: a pattern of wildcards only fits everybody')

    def fits(self, claims: Mapping[str, Any]) -> bool:
        """Whether a JWT with these claims is meant."""
        return all(_fits(pattern, claims.get(name)) for name, pattern in self.claims.items())


class Issuers:
    """Those of the operator's file: ``name: {issuer: …, jwks: …, audience: …}``."""

    def __init__(self, given: Mapping[str, Issuer]) -> None:
        self._verifiers = {
            name: Tokens(open_keys(one.jwks), one.issuer, one.audience, list(one.algorithms), _LEEWAY)
            for name, one in given.items()
        }

    def __contains__(self, name: str) -> bool:
        return name in self._verifiers

    def claims(self, name: str, text: str) -> dict[str, Any] | None:
        """What a JWT says, if that service signed it for this hub, and it is not over; else None."""
        try:
            return self._verifiers[name].claims(text) if name in self._verifiers else None
        except (TokenInvalid, KeysUnavailable):
            return None


NO_ISSUERS = Issuers({})


def read_issuers(path: str) -> Issuers:
    """Of a file; raises `ConfigError`."""
    try:
        found = msgspec.convert(yaml.safe_load(Path(path).read_text(encoding='utf-8')), dict[str, Issuer])
    except (OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise ConfigError(f'issuers: {path}: {" ".join(str(error).split())}') from error
    for name, one in found.items():
        if not (one.issuer and one.audience):
            raise ConfigError(f'issuers: {path}: {name}: issuer and audience are needed')
        if unknown := set(one.algorithms) - set(ALGORITHMS):
            raise ConfigError(f'issuers: {path}: {name}: algorithms: {", ".join(sorted(unknown))} is not accepted')
    try:
        return Issuers(found)
    except ConfigError as error:
        raise ConfigError(f'issuers: {path}: {error}') from error


class Trusts:
    """Which jobs may act as which robots."""

    def __init__(self, store: Store, issuers: Issuers = NO_ISSUERS, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self.issuers = issuers
        self._now = now

    def add(self, namespace: str, robot: str, trust: Trust) -> str:
        """Let such jobs act as the robot; the id of this trust."""
        id = secrets.token_hex(8)
        self._store.put(keys.trust(namespace, robot, id), trust.dump())
        return id

    def of(self, namespace: str, robot: str) -> dict[str, Trust]:
        """All of a robot's, by id: one list call, and a read each."""
        prefix = keys.trusts(namespace, robot)
        ids = [entry.key.removeprefix(prefix) for entry in self._store.list(prefix)]
        found = {id: records.find(self._store, prefix + id, Trust) for id in ids}
        return {id: trust for id, trust in found.items() if trust is not None}

    def remove(self, namespace: str, robot: str, id: str) -> None:
        """Let them do so no more."""
        self._store.delete([keys.trust(namespace, robot, id)])

    def recognise(self, namespace: str, robot: str, text: str) -> str:
        """The id of the trust by which the bearer of that JWT may act as the robot; '' for none."""
        if not is_jwt(text):
            return ''
        said: dict[str, dict[str, Any] | None] = {}
        for id, trust in self.of(namespace, robot).items():
            if trust.issuer not in said:
                said[trust.issuer] = self.issuers.claims(trust.issuer, text)
            claims = said[trust.issuer]
            if claims is not None and trust.fits(claims):
                return id
        return ''


def is_jwt(text: str) -> bool:
    """Whether a password has the form of a JWT."""
    return _FORM.fullmatch(text) is not None


def _fits(pattern: str, value: Any) -> bool:
    """Whether a claim matches; of a list (groups) one entry has to."""
    if isinstance(value, list):
        return any(_fits(pattern, one) for one in value if not isinstance(one, list))
    if isinstance(value, bool):
        value = str(value).lower()
    if not isinstance(value, str | int):
        return False
    first, *others = map(re.escape, pattern.split('*'))
    # a wildcard that found its earliest place keeps it: the time stays linear in the number of wildcards
    between = ''.join(f'(?>.*?{word})' for word in others[:-1])
    end = f'.*{others[-1]}' if others else ''
    return re.fullmatch(first + between + end, str(value)[:2000], re.DOTALL) is not None
