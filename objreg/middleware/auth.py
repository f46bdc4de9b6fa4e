"""Auth: decides who asks, and what he may do.  Without it, everybody may do everything.

- ``htpasswd``: HTTP Basic.  Users with their bcrypt or argon2 hashes are in a file (``htpasswd -B -c file alice``), and
  `rules` may say who may do what.
- ``hub``: accounts of the hub that is served beside (`hub`): Bearer tokens that it signs.  With ``open = loopback``
  whoever sits at the machine may do everything without an account, as long as the server listens on this machine's own
  address only; who gives a token gets what it grants.
- ``token``: Bearer tokens of a service of yours (Docker's token specification).  They are verified against its public
  keys, and say themselves what they grant; without one the answer names the service, so that the client fetches it.

A client that gives no credentials is nobody in particular (*anonymous*), and may do what the rules grant to everybody.
``/v2/`` asks him for credentials all the same: by that answer clients know how to log in.  (Docker Engine then does not
try without a password, so with ``htpasswd`` it has to log in even for what anonymous may pull; podman, skopeo and the
others do try.)  Who gives wrong ones gets a 401, who gives right ones that do not suffice a 403 (with tokens a 401 that
names the scope, so that the client fetches a better one).  The catalog shows what one may pull; a token has
to grant the whole of it (``registry:catalog:*``).  On ``/v1/`` it is a token of the hub's index (docs/hub.md), or, with
``htpasswd``, the password with each request or a token that was given for it; ``_ping`` is open to everybody.

Its place is behind ``limits`` and ``cors``, and before ``readonly`` and ``dedup``.  The files are read again when they
change, and at SIGHUP; what cannot be read then is said in the log, and what was read before stays.  An option that
means nothing with the ``type`` stops the start.

Options:

``type = none``
    ``none``, ``hub``, ``htpasswd`` or ``token``.
``open = no``
    ``hub``: ``loopback`` opens the registry to whoever sits at the machine.  It means nothing under another server than
    ``objreg serve``, which alone tells where it listens.
    A proxy on this machine that hides both its client and the name that the client used makes everybody sit here: take
    the line away there.
``realm =``
    ``htpasswd``: the name that browsers show, ``objreg`` if it is not said.  ``token``: the URL of the token service;
    ``hub``: the same, where it is not to be ``/token`` on the host that the client asked.
``htpasswd =``
    ``htpasswd``: the path of the file.
``rules =``
    ``htpasswd``: the path of the rules (docs/auth.md).  Empty: every user may do everything.
``anonymous = none``
    ``htpasswd`` without rules: what the others may do, ``none`` or ``pull``.
``issuer =``
    ``token``: who must have issued it (claim ``iss``).  ``hub``: the same, ``objreg`` if it is not said.
``service =``
    ``token``: for whom it must be (claim ``aud``); also what the client tells the service.  ``hub``: the same,
    ``registry`` if it is not said.
``jwks =``
    ``token``: the public keys of the service, a path or an https URL.
``denied =``
    ``token``: the https URL where a hub of objreg says which tokens do not count any more
    (``/.well-known/objreg/denied.json``).
``store = default``
    ``hub``: the store in ``stores.yml`` that holds the hub.  Usually said once, in ``[DEFAULT]``.
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

from typing import Any, Protocol
from wsgiref.types import WSGIApplication

from objreg.access import KEY, NOTHING, Access, needed
from objreg.auth.basic import Basic
from objreg.auth.bearer import Bearer
from objreg.auth.denied import DeniedURL
from objreg.auth.keysets import open_keys
from objreg.auth.machine import is_at_the_machine
from objreg.auth.tokens import Tokens
from objreg.auth.v1 import GateV1, PasswordGate, TokenGate
from objreg.config import ConfigError, as_list, as_seconds
from objreg.http import Request
from objreg.hub.denials import Denials
from objreg.hub.signing import Signing
from objreg.middleware.base import Middleware
from objreg.registry import open_registry
from objreg.routes import match
from objreg.v1.routes import is_v1, match_v1
from objreg.v1.tokens import V1Tokens

_KINDS = ('none', 'hub', 'htpasswd', 'token')


class Gate(Protocol):
    """A way to find out who it is."""

    def who(self, req: Request, action: str, name: str) -> Access:
        """Who asks, and what he may do; raises 401 for credentials that are wrong, for an answer to that request."""

    def let_in(self, req: Request, access: Access, action: str, name: str) -> None:
        """Whether he may do that; raises 401 and 403."""

    def reload(self) -> None:
        """Read the files again; raises `ConfigError`."""


class Auth(Middleware):
    """The one place where it is decided."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, type: str = 'none',
        open: str = 'no', realm: str = '', htpasswd: str = '', rules: str = '', anonymous: str = 'none',
        issuer: str = '', service: str = '', jwks: str = '', denied: str = '', store: str | None = None,
        algorithms: str = 'RS256 ES256 EdDSA', leeway: str | float = 60,
    ) -> None:
        super().__init__(app, global_conf)
        if type not in _KINDS:
            raise ConfigError(f'type: {type!r} is none of {", ".join(_KINDS)}')
        if open not in ('no', 'loopback'):
            raise ConfigError(f'open: {open!r} is neither no nor loopback')
        _refuse(type, ('htpasswd', 'token', 'hub'), realm=realm)
        _refuse(type, ('htpasswd',), htpasswd=htpasswd, rules=rules, anonymous=anonymous.replace('none', ''))
        _refuse(type, ('token', 'hub'), issuer=issuer, service=service)
        _refuse(type, ('token',), jwks=jwks, denied=denied)
        _refuse(type, ('hub',), open=open.replace('no', ''), store=store or '')
        _quotable(realm=realm, service=service)
        self._gate: Gate | None = None
        self._gate_v1: GateV1 | None = None
        self._opens_at_machine = open == 'loopback'
        self._is_open = False
        if type == 'htpasswd':
            _need(htpasswd=htpasswd)
            self._gate = basic = Basic(realm or 'objreg', htpasswd, rules, anonymous)
            self._gate_v1 = PasswordGate(basic, lambda: open_registry(global_conf))
        elif type == 'token':
            _need(realm=realm, issuer=issuer, service=service, jwks=jwks)
            keys = open_keys(jwks)
            said = issuer, service, as_list(algorithms), int(as_seconds(leeway))
            denials = DeniedURL(denied) if denied else None
            self._gate = Bearer(realm, service, keys, Tokens(keys, *said), denials)
            self._gate_v1 = TokenGate(V1Tokens(keys, *said), denials)
        elif type == 'hub':
            hub, service = open_registry(global_conf, store).store, service or 'registry'
            signing, withdrawn = Signing(hub), Denials(hub)
            said = issuer or 'objreg', service, as_list(algorithms), int(as_seconds(leeway))
            self._gate = Bearer(realm, service, signing, Tokens(signing, *said), withdrawn)
            self._gate_v1 = TokenGate(V1Tokens(signing, *said), withdrawn)

    @property
    def protects(self) -> bool:
        """Whether anybody is ever refused anything."""
        return self._gate is not None

    def listening(self, is_own_address: bool) -> None:
        """The server tells whether it is reached from this machine only."""
        self._is_open = self._opens_at_machine and is_own_address

    @property
    def who(self) -> str:
        """Who may do anything here, for people."""
        if self._gate is None:
            return 'everybody who reaches it'
        return 'whoever sits at this machine, without an account (paste.ini: open)' if self._is_open else 'accounts'

    def handle(self, req: Request) -> Any:
        """Let pass what is granted."""
        if self._gate is None:
            return self.app
        if self._is_open and 'HTTP_AUTHORIZATION' not in req.environ and is_at_the_machine(req.environ):
            return self.app
        req.environ[KEY] = NOTHING  # until more is known, and where there is no route
        path = req.environ.get('PATH_INFO', '')
        if is_v1(path):
            self._let_in_v1(req, path)
        elif (route := match(path)) is not None:
            action, name = needed(req.environ['REQUEST_METHOD'], route)
            # before it is refused, so that the log tells who was
            access = req.environ[KEY] = self._gate.who(req, action, name)
            self._gate.let_in(req, access, action, name)
        return self.app

    def _let_in_v1(self, req: Request, path: str) -> None:
        """The same for the first version of the API."""
        route = match_v1(path, req.environ['REQUEST_METHOD'])
        if route is not None and route.resource != 'ping' and self._gate_v1 is not None:
            access = req.environ[KEY] = self._gate_v1.who(req)
            self._gate_v1.let_in(req, access, route)

    def reload(self) -> None:
        """Read the files again."""
        if self._gate is not None:
            self._gate.reload()

    check = reload


def _need(**options: str) -> None:
    for name, value in options.items():
        if not value:
            raise ConfigError(f'{name}: needed')


def _refuse(type: str, kinds: tuple[str, ...], **options: str) -> None:
    """An option of another type is not ignored: who writes ``htpasswd = …`` and no type believes that he is safe."""
    for name, value in options.items():
        if value and type not in kinds:
            raise ConfigError(f'{name}: means nothing with type = {type}; it is one of type = {" or ".join(kinds)}')


def _quotable(**options: str) -> None:
    for name, value in options.items():
        if not value.isprintable() or not value.isascii() or '"' in value or '\\' in value:
            raise ConfigError(f'{name}: {value!r} cannot be quoted in a header')
