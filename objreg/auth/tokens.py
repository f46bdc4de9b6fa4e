"""Bearer tokens: JWTs that a token service signs, with the repositories and actions that they grant.

RFC 7519, RFC 6750, and the token specification of Docker's registry (claim ``access``).  What a token says about its
own key (``jwk``, ``jku``, ``x5c``, ``x5u``) is not looked at: keys come from the operator alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError

from objreg.auth.keysets import Keys
from objreg.config import ConfigError, close_match

ALGORITHMS = (
    'Ed25519', 'EdDSA', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512',
)
"""Those with a public key.  The others are not offered: who can verify by a shared secret can sign by it."""
_LONGEST = 16 * 1024
_MOST_GRANTS = 1000
_MOST_KEYS = 20
"""That are tried for a token that names none."""


class TokenInvalid(Exception):
    """The token proves nothing; the message may be shown to the client."""


@dataclass(frozen=True)
class TokenAccess:
    """What a token grants."""

    subject: str
    granted: Mapping[str, frozenset[str]]
    sees_catalog: bool = False
    is_unrestricted: bool = False
    credential: str = ''
    """What it was given for, as a hub of objreg says it."""
    issued: int = 0
    """Seconds since the epoch."""

    def may(self, action: str, name: str) -> bool:
        """Whether the token names that repository, by its whole name, with that action."""
        actions = self.granted.get(name, frozenset())
        return action in actions or '*' in actions


class Tokens:
    """Verifies tokens of one issuer for one audience."""

    def __init__(self, keys: Keys, issuer: str, audience: str, algorithms: list[str], leeway: int) -> None:
        for algorithm in algorithms:
            if algorithm not in ALGORITHMS:
                raise ConfigError(f'algorithms: {algorithm!r} is not accepted; {close_match(algorithm, ALGORITHMS)}')
        if not algorithms:
            raise ConfigError('algorithms: needs one at least')
        self._keys = keys
        self._algorithms = algorithms
        self._registry = Algorithms(algorithms)
        self._claims = jwt.JWTClaimsRegistry(
            leeway=leeway, iss={'essential': True, 'value': issuer}, aud={'essential': True, 'value': audience},
            exp={'essential': True},
        )

    def verify(self, text: str) -> TokenAccess:
        """What the token grants.  Raises `TokenInvalid`, `KeysUnavailable`."""
        return _access(self.claims(text))

    def claims(self, text: str) -> dict[str, Any]:
        """What the token says.  Raises `TokenInvalid`, `KeysUnavailable`."""
        if len(text) > _LONGEST:
            raise TokenInvalid('too long')
        token = self._decode(text)
        try:
            self._claims.validate(token.claims)
        except JoseError as error:
            raise TokenInvalid(str(error.description or error.error)) from error
        return token.claims

    def _decode(self, text: str) -> jwt.Token:
        try:
            header = jws.extract_compact(text.encode(), None, self._registry).headers()
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise TokenInvalid('not a signed token') from error
        # without b64 there is one reading of what is signed (RFC 7797 section 7)
        if not isinstance(header, dict) or 'b64' in header:
            raise TokenInvalid('not a header that is accepted')
        algorithm, kid = header.get('alg'), header.get('kid')
        if algorithm not in self._algorithms or not isinstance(kid, str | None):
            raise TokenInvalid('not an algorithm that is accepted')
        for key in self._keys.find(kid)[:_MOST_KEYS]:
            try:
                return jwt.decode(text, key, registry=self._registry)
            except (JoseError, ValueError, TypeError):  # another key, or a kind that does not fit the algorithm
                continue
            except RecursionError as error:  # it is signed, and still nobody has to read it
                raise TokenInvalid('its claims are nested too deeply') from error
        raise TokenInvalid('the signature is not one of a known key')


class Algorithms(jws.JWSRegistry):
    """The algorithms that the operator chose, of which there is no more to say at each token.

    Headers are as long as a chain of certificates needs, and what they say beside is ignored (RFC 7515 section 4),
    unless it is ``crit``.
    """

    max_header_length = _LONGEST

    def __init__(self, algorithms: list[str]) -> None:
        super().__init__(algorithms=algorithms, strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        """Raises what the library raises."""
        if not self.allowed or name not in self.allowed:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


def _access(claims: dict[str, Any]) -> TokenAccess:
    granted: dict[str, set[str]] = {}
    sees_catalog = False
    entries = claims.get('access', [])
    if not isinstance(entries, list) or len(entries) > _MOST_GRANTS:
        raise TokenInvalid('its access is not a list')
    for entry in entries + _scopes(claims.get('scope', '')):
        kind, name, actions = _entry(entry)
        if kind == 'repository':
            granted.setdefault(name, set()).update(actions)
        elif kind == 'registry' and name == 'catalog' and '*' in actions:
            sees_catalog = True
    issued = claims.get('iat', 0)
    return TokenAccess(
        str(claims.get('sub', '')), {name: frozenset(actions) for name, actions in granted.items()}, sees_catalog,
        credential=str(claims.get('credential', '')), issued=int(issued) if isinstance(issued, int | float) else 0,
    )


def _entry(entry: Any) -> tuple[str, str, list[str]]:
    if not isinstance(entry, dict):
        raise TokenInvalid('its access is not a list of objects')
    kind, name, actions = entry.get('type'), entry.get('name'), entry.get('actions')
    if not isinstance(kind, str) or not isinstance(name, str) or not isinstance(actions, list):
        raise TokenInvalid('its access is not of type, name and actions')
    return kind, name, [action for action in actions if isinstance(action, str)]


def _scopes(scope: Any) -> list[dict[str, Any]]:
    """RFC 8693 section 4.2: ``repository:team/app:pull,push`` and others, separated by spaces."""
    if not isinstance(scope, str):
        raise TokenInvalid('its scope is not text')
    found = []
    for word in scope.split()[:_MOST_GRANTS]:
        kind, _, rest = word.partition(':')
        name, _, actions = rest.rpartition(':')
        if name:
            found.append({'type': kind, 'name': name, 'actions': actions.split(',')})
    return found
