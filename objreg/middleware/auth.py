"""Auth: decides who asks, and what he may do.  Without it, everybody may do everything.

- ``htpasswd``: HTTP Basic.  Users with their bcrypt or argon2 hashes are in a file (``htpasswd -B -c file alice``), and
  `rules` may say who may do what.
- ``token``: Bearer tokens of a service of yours (Docker's token specification).  They are verified against its public
  keys, and say themselves what they grant; without one the answer names the service, so that the client fetches it.

A client that gives no credentials is nobody in particular (*anonymous*), and may do what the rules grant to everybody.
``/v2/`` asks him for credentials all the same: by that answer clients know how to log in.  (Docker Engine then does not
try without a password, so with ``htpasswd`` it has to log in even for what anonymous may pull; podman, skopeo and the
others do try.)  Who gives wrong ones gets a 401, who gives right ones that do not suffice a 403 (with tokens a 401 that
names the scope, so that the client fetches a better one).

Its place is behind ``limits`` and ``cors``, and before ``readonly`` and ``dedup``.  The files are read again when they
change and at SIGHUP.

Options:

``type = none``
    ``none``, ``htpasswd`` or ``token``.
``realm =``
    ``htpasswd``: the name that browsers show, ``objreg`` if it is not said.  ``token``: the URL of the token service.
``htpasswd =``
    ``htpasswd``: the path of the file.
``rules =``
    ``htpasswd``: the path of the rules (docs/auth.md).  Empty: every user may do everything.
``anonymous = none``
    ``htpasswd`` without rules: what the others may do, ``none`` or ``pull``.
``issuer =``
    ``token``: who must have issued it (claim ``iss``).
``service =``
    ``token``: for whom it must be (claim ``aud``); also what the client tells the service.
``jwks =``
    ``token``: the public keys of the service, a path or an https URL.
``algorithms = RS256 ES256 EdDSA``
    ``token``: by which of these it may be signed.  Only such with a public key are known here.
``leeway = 60``
    ``token``: seconds by which the clocks may differ.

Example::

    [filter:auth]
    use = egg:objreg#auth
    type = htpasswd
    htpasswd = %(here)s/htpasswd
    rules = %(here)s/rules.yml
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from dataclasses import dataclass
from typing import Any
from wsgiref.types import WSGIApplication

from objreg.access import KEY, Access, Unrestricted, needed
from objreg.auth import rules as rules_
from objreg.auth.keysets import Keys, KeysUnavailable
from objreg.auth.passwords import Passwords
from objreg.auth.rules import Rules
from objreg.auth.tokens import TokenInvalid, Tokens
from objreg.config import ConfigError, as_list, as_seconds
from objreg.errors import Denied, NameInvalid, StoreUnavailable, Unauthorized
from objreg.http import Request
from objreg.middleware.base import Middleware
from objreg.names import check_name
from objreg.routes import Route, match

_KINDS = ('none', 'htpasswd', 'token')


@dataclass(frozen=True)
class UserAccess:
    """What the rules grant to a user; '' is nobody in particular."""

    subject: str
    rules: Rules
    is_unrestricted: bool = False

    def may(self, action: str, name: str) -> bool:
        """Whether it is granted."""
        return self.rules.may(self.subject, action, name)


@dataclass(frozen=True)
class CatalogAccess:
    """Of a token that grants the whole catalog, for the time of one request."""

    subject: str
    is_unrestricted: bool = False

    def may(self, action: str, name: str) -> bool:
        """Whether a name may be shown."""
        return action == 'pull'


class Auth(Middleware):
    """The one place where it is decided."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, type: str = 'none', realm: str = '',
        htpasswd: str = '', rules: str = '', anonymous: str = 'none', issuer: str = '', service: str = '',
        jwks: str = '', algorithms: str = 'RS256 ES256 EdDSA', leeway: str | float = 60,
    ) -> None:
        super().__init__(app, global_conf)
        if type not in _KINDS:
            raise ConfigError(f'type: {type!r} is none of {", ".join(_KINDS)}')
        if '"' in realm + service or '\\' in realm + service:
            raise ConfigError('realm: it cannot be quoted')
        self._gate: _Open | _Basic | _Bearer
        if type == 'none':
            self._gate = _Open()
        elif type == 'htpasswd':
            _need(htpasswd=htpasswd)
            self._gate = _Basic(realm or 'objreg', htpasswd, rules, anonymous)
        else:
            _need(realm=realm, issuer=issuer, service=service, jwks=jwks)
            tokens = Tokens(keys := Keys(jwks), issuer, service, as_list(algorithms), int(as_seconds(leeway)))
            self._gate = _Bearer(realm, service, keys, tokens)

    def handle(self, req: Request) -> Any:
        """Let pass what is granted."""
        route = match(req.environ.get('PATH_INFO', ''))
        if route is not None:
            req.environ[KEY] = self._gate.admit(req, route)
        return self.app

    def reload(self) -> None:
        """Read the files again."""
        self._gate.reload()

    check = reload


def _need(**options: str) -> None:
    for name, value in options.items():
        if not value:
            raise ConfigError(f'{name}: needed')


class _Open:
    """No auth at all."""

    def admit(self, req: Request, route: Route) -> Access:
        return Unrestricted()

    def reload(self) -> None:
        """Nothing is read."""


class _Basic:
    """RFC 7617."""

    def __init__(self, realm: str, htpasswd: str, rules: str, anonymous: str) -> None:
        if anonymous not in ('none', 'pull'):
            raise ConfigError(f'anonymous: {anonymous!r} is neither none nor pull')
        if rules and anonymous != 'none':
            raise ConfigError('anonymous: the rules say what anonymous may do')
        self._challenge = {'WWW-Authenticate': f'Basic realm="{realm}", charset="UTF-8"'}
        self._passwords = Passwords(htpasswd)
        self._rules_path, self._anonymous = rules, anonymous
        self._rules = self._read_rules()

    def _read_rules(self) -> Rules:
        return rules_.load(self._rules_path) if self._rules_path else rules_.without_file(self._anonymous)

    def reload(self) -> None:
        """Read both files again."""
        self._passwords.reload()
        self._rules = self._read_rules()

    def admit(self, req: Request, route: Route) -> Access:
        """Who it is; raises 401 and 403."""
        access = UserAccess(self._user(req), self._rules)
        action, name = needed(req.environ['REQUEST_METHOD'], route)
        if action in ('', 'catalog'):
            if not access.subject and not (action == 'catalog' and self._anonymous == 'pull'):
                raise Unauthorized(headers=self._challenge)
        elif not access.may(action, name):
            if access.subject:
                raise Denied({'action': action, 'name': name})
            raise Unauthorized({'action': action, 'name': name}, headers=self._challenge)
        return access

    def _user(self, req: Request) -> str:
        """The user, '' without credentials; raises 401 for wrong ones."""
        header = req.environ.get('HTTP_AUTHORIZATION', '')
        if not header:
            return ''
        scheme, _, encoded = header.partition(' ')
        try:
            if scheme.lower() != 'basic':
                raise ValueError
            user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(':')
        except (ValueError, binascii.Error) as error:
            raise Unauthorized('not HTTP Basic', headers=self._challenge) from error
        if not user and not password:  # how podman and skopeo say that they have none
            return ''
        if not colon or not user or not self._passwords.verify(user, password):
            raise Unauthorized('wrong user or password', headers=self._challenge)
        return user


class _Bearer:
    """RFC 6750."""

    def __init__(self, realm: str, service: str, keys: Keys, tokens: Tokens) -> None:
        self._named = f'Bearer realm="{realm}",service="{service}"'
        self._keys = keys
        self._tokens = tokens

    def reload(self) -> None:
        """Read the keys again."""
        self._keys.reload()

    def admit(self, req: Request, route: Route) -> Access:
        """What the token grants; raises 401."""
        action, name = needed(req.environ['REQUEST_METHOD'], route)
        scope = _scope(req, action, name)
        scheme, _, text = req.environ.get('HTTP_AUTHORIZATION', '').partition(' ')
        if scheme.lower() != 'bearer':
            raise Unauthorized(headers=self._challenge(scope))
        try:
            access = self._tokens.verify(text.strip())
        except TokenInvalid as error:
            raise Unauthorized(str(error), headers=self._challenge(scope, 'invalid_token')) from error
        except KeysUnavailable as error:
            raise StoreUnavailable('the keys of the token service are not known') from error
        if action == 'catalog':
            if not access.sees_catalog:
                raise Unauthorized(headers=self._challenge(scope, 'insufficient_scope'))
            return CatalogAccess(access.subject)
        if action and not access.may(action, name):
            raise Unauthorized({'action': action, 'name': name}, headers=self._challenge(scope, 'insufficient_scope'))
        return access

    def _challenge(self, scope: str, error: str = '') -> dict[str, str]:
        parts = [self._named, *([f'scope="{scope}"'] if scope else []), *([f'error="{error}"'] if error else [])]
        return {'WWW-Authenticate': ','.join(parts)}


def _scope(req: Request, action: str, name: str) -> str:
    """What a token would have to grant; for a mount, the source too."""
    if action in ('', 'catalog'):
        return 'registry:catalog:*' if action else ''
    scope = f'repository:{name}:{"pull,push" if action == "push" else action}'
    if 'mount' in req.GET and 'from' in req.GET:
        with contextlib.suppress(NameInvalid):
            scope += f' repository:{check_name(req.GET["from"])}:pull'
    return scope
