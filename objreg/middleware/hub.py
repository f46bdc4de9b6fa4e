"""Hub: accounts, organisations and tokens, served beside the registry.

It answers on its own paths (below) and passes everything else on.  What it knows lies below ``hub/`` in its store; any
node of any number serves it.  Where ``auth`` says ``type = hub``, the registry trusts this hub's signature; registries
elsewhere do so by ``type = token`` and the ``jwks`` below.  A hub by itself is a pipeline
that ends with ``nothing`` instead of ``auth``, ``dedup`` and ``registry``.

========================================  ==========================================================================
path                                      what is there
========================================  ==========================================================================
``/token``                                Docker's token service: GET with HTTP Basic, and OAuth 2's POST
``/api/v1``                               the API of the hub; ``/api/v1/openapi.json`` describes it
``/.well-known/jwks.json``                the public keys that verify its tokens
``/.well-known/objreg/certificates.pem``  the same as certificates, for ``rootcertbundle`` of Docker's registry to 2.8
``/.well-known/objreg/denied.json``       tokens that do not count any more although they have not expired
``/hub/…``                                pages behind the links that people are sent
``/auth/<provider>``                      single sign-on, by a provider of ``logins``
``/v1/``, ``/_ping``                      the index of the first version of the API, and ``docker search``
========================================  ==========================================================================

Its place is behind ``limits``, before ``auth``.

Options:

``store = default``
    The store in ``stores.yml`` that holds the hub.  Usually said once, in ``[DEFAULT]``.
``issuer = objreg``
    Who its tokens say that they are from; registries want to see the same (``issuer`` of ``auth``).
``services = registry``
    The registries that tokens may be for, by name (``service`` of ``auth``).
``visibility = private``
    Who sees a new repository whose namespace says nothing else: ``private``, ``internal`` (whoever has an account) or
    ``public``.
``signup = closed``
    Who may make an account for himself: ``closed`` nobody, ``invitation`` whoever was given a code by an administrator
    (``objreg user invite``), ``open`` whoever reaches the hub.
``lifetime = 5 min``
    How long an access token lives.
``index_lifetime = 1 hour``
    How long a token of the first version of the API lives, within which a push has to end: from 5 minutes to 2 hours.
``endpoints =``
    The registries that the index names to old clients, the first of them by chance and weight:
    ``registry-1.example.org weight=3; registry-2.example.org:5000``.  Empty: the host that the client asked.  Those
    that do not answer are left out for as long.
``refresh_days = 90``
    How long a client that was logged in by a password stays so.
``session = 12 hours``
    How long a browser stays logged in, at most 7 days.
``algorithm = ES256``
    By which new keys sign: ``ES256``, which every registry knows, or ``EdDSA``.
``key_days = 30``
    How long a key signs before the next one does.
``failures = 10 per 5 minutes``
    How many wrong passwords of one name an address may try; ten times as many of all names.  Several, separated by
    ``;``, hold together.  Tokens are not counted, and nobody is locked out by what comes from elsewhere.
``webhook_networks =``
    Private networks that a webhook may name: as ``networks`` of the layer ``webhooks``, which sends.
``issuers =``
    A file that names the services whose jobs may act as robots without a secret of their own (docs/hub.md).  It is
    read again at SIGHUP.
``logins =``
    A file that names the providers by which people log in, by OpenID Connect or LDAP (docs/hub.md).  Read again at
    SIGHUP.
``stale_days = 90``
    Of whoever logs in by a provider alone: for how long his tokens count after he did so last.  0: for ever.
``mail =``
    A file that says by which server mail is sent, and where its links lead (docs/hub.md).  Read again at SIGHUP.
    Empty: no mail is sent.
``mails = 5 per hour``
    How many mails one address is sent, and go out because of one account; ten times as many may be asked for from one
    address of the network.

Example::

    [filter:hub]
    use = egg:objreg#hub
    visibility = public
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg.config import ConfigError, as_list, as_networks, as_seconds
from objreg.http import Request
from objreg.hub import correspondence, sessions
from objreg.hub.app import HubApp
from objreg.hub.denials import LONGEST
from objreg.hub.guard import DEFAULT
from objreg.hub.hub import SIGNUPS, Settings
from objreg.hub.index.app import IndexOptions
from objreg.hub.index.endpoints import parse as parse_endpoints
from objreg.hub.letters import FIRST, link
from objreg.hub.mailer import Mailer
from objreg.hub.policy import Visibility
from objreg.hub.sealed import URN
from objreg.hub.signing import ALGORITHMS
from objreg.hub.sso.logins import Logins
from objreg.hub.token_service import TokenOptions
from objreg.hub.workload import NO_ISSUERS, read_issuers
from objreg.middleware.base import Middleware
from objreg.registry import open_registry
from objreg.v1.tokens import audience

log = logging.getLogger(__name__)

_LAST_MAIL = 5.0
"""Seconds that a mail has once the end began."""
_OF_COMMANDS = 60.0
"""Seconds that a command waits for a mail, which may be as long as the server is silent after each line."""
_LEAST_TOKEN, _LONGEST_TOKEN = 30.0, 1800.0
_LEAST_V1, _LONGEST_V1 = 300.0, 7200.0
assert _LONGEST_V1 < LONGEST, 'what is withdrawn is denied for as long as it might be used'  # noqa: S101


class Hub(Middleware):
    """Answers what is the hub's."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, store: str | None = None,
        issuer: str = 'objreg', services: str = 'registry', visibility: str = 'private', signup: str = 'closed',
        lifetime: str = '5 min', index_lifetime: str = '1 hour', endpoints: str = '', refresh_days: str = '90',
        session: str = sessions.DEFAULT, algorithm: str = 'ES256', key_days: str = '30', failures: str = DEFAULT,
        webhook_networks: str = '', issuers: str = '', logins: str = '', stale_days: str = '90', mail: str = '',
        mails: str = correspondence.DEFAULT,
    ) -> None:
        super().__init__(app, global_conf)
        settings = Settings(
            visibility=_visibility(visibility), algorithm=_algorithm(algorithm), key_days=_days('key_days', key_days),
            issuers=read_issuers(issuers) if issuers else NO_ISSUERS, failures=failures,
            webhook_networks=as_networks(webhook_networks),
            signup=_signup(signup), session_seconds=_session(session), logins=Logins(logins),
            stale_days=_stale(stale_days),
            mailer=Mailer(str(Path((global_conf or {}).get('here', ''), mail))) if mail else None, mails=mails,
        )
        seconds = as_seconds(lifetime)
        if not _LEAST_TOKEN <= seconds <= _LONGEST_TOKEN:
            raise ConfigError(f'lifetime: {lifetime!r} is not from 30 seconds to 30 minutes')
        if not _LEAST_V1 <= as_seconds(index_lifetime) <= _LONGEST_V1:
            raise ConfigError(f'index_lifetime: {index_lifetime!r} is not from 5 minutes to 2 hours')
        named = tuple(as_list(services))
        if not named or not issuer:
            raise ConfigError('issuer and services: needed')
        if any(service.startswith(audience('')) for service in named):  # so tokens of the index are told from others
            raise ConfigError(f'services: none may begin with {audience("")}')
        if issuer.startswith(URN):  # what the hub says to itself is signed by the same keys
            raise ConfigError(f'issuer: {issuer!r} is what the hub itself uses')
        options = TokenOptions(issuer, named, int(seconds), int(_days('refresh_days', refresh_days) * 86400))
        self._issuers = issuers
        self.registry = open_registry(global_conf, store)
        index = IndexOptions(int(as_seconds(index_lifetime)), parse_endpoints(endpoints))
        self.hub_app = HubApp(self.registry, settings, options, index=index, behind=app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self.hub_app.serves(environ.get('PATH_INFO', '')) or self.hub_app.index.serves(environ):
            return super().__call__(environ, start_response)
        return self.app(environ, start_response)

    def handle(self, req: Request) -> Any:
        """What is at that path."""
        if self.hub_app.serves(req.environ['PATH_INFO']):
            return self.hub_app.respond(req)
        return self.hub_app.index.respond(req)

    def hint(self, url: str) -> str:
        """What to do first, for people; '' when it was done.  `url` is where the server listens.

        It is a secret, and never logged.
        """
        hub = self.hub_app.hub
        code = hub.first.code()
        if not code:
            return ''
        where = link(hub.mail.mailer.url if hub.mail.mailer else url, FIRST, code)
        return f'none administers it yet; within 4 hours {where} makes one, and so does objreg user add NAME --admin'

    def check(self) -> None:
        """Ask the providers by which people log in; raises `ConfigError`."""
        self.hub_app.hub.logins.check()

    def reload(self) -> None:
        """Read keys and files again; what cannot be read stays as it was."""
        hub = self.hub_app.hub
        hub.signing.reload()
        for read in (self._read_issuers, hub.logins.reload, self._read_mail):
            try:
                read()
            except ConfigError as error:
                log.error('%s: it is not read again', error)

    def _read_issuers(self) -> None:
        if self._issuers:
            self.hub_app.hub.trusts.issuers = read_issuers(self._issuers)

    def _read_mail(self) -> None:
        if self.hub_app.hub.mail.mailer:
            self.hub_app.hub.mail.mailer.reload()

    def flush(self) -> None:
        """Wait for mail that is under way, in a process that ends then."""
        if self.hub_app.hub.mail.mailer:
            self.hub_app.hub.mail.mailer.flush(_OF_COMMANDS)

    def drain(self) -> None:
        """The end has begun: wait a little for mail that is under way."""
        if self.hub_app.hub.mail.mailer:
            self.hub_app.hub.mail.mailer.close(_LAST_MAIL)


def _visibility(text: str) -> Visibility:
    try:
        return Visibility(text)
    except ValueError as error:
        raise ConfigError(f'visibility: {text!r} is none of {", ".join(Visibility)}') from error


def _signup(text: str) -> str:
    if text not in SIGNUPS:
        raise ConfigError(f'signup: {text!r} is none of {", ".join(SIGNUPS)}')
    return text


def _session(text: str) -> int:
    seconds = as_seconds(text)
    if not sessions.SHORTEST <= seconds <= sessions.LONGEST:
        raise ConfigError(f'session: {text!r} is not from 5 minutes to 7 days')
    return int(seconds)


def _stale(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or int(text) > 3650:
        raise ConfigError(f'stale_days: {text!r} is not from 0 to 3650')
    return int(text)


def _algorithm(text: str) -> str:
    if text not in ALGORITHMS:
        raise ConfigError(f'algorithm: {text!r} is none of {", ".join(ALGORITHMS)}')
    return text


def _days(option: str, text: str) -> float:
    try:
        days = float(text)
    except ValueError as error:
        raise ConfigError(f'{option}: {text!r} is not a number of days') from error
    if not 1 <= days <= 3650:
        raise ConfigError(f'{option}: {text!r} is not from 1 to 3650')
    return days
