"""What an OpenID provider publishes of itself (OpenID Connect Discovery 1.0), kept for an hour, and its keys.

A provider that does not answer holds up whoever logs in by it, one thread at a time, and nobody else: who waits for an
answer that another thread is waiting for gives up soon, and after a failure nobody asks for a while.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from threading import BoundedSemaphore, Lock
from typing import Annotated

import msgspec
from msgspec import Meta

from objreg.auth import remote
from objreg.auth.keysets import KeyURL
from objreg.auth.tokens import Tokens
from objreg.config import ConfigError
from objreg.hub import outbound
from objreg.hub.outbound import NotAllowed
from objreg.hub.sso.person import ProviderFailed
from objreg.hub.sso.settings import Oidc

LEEWAY = 120
"""Seconds by which the clocks of provider and hub may differ."""
SECONDS = 10.0
"""That an answer may take."""
_LARGEST = 256 * 1024
_KEEP = 3600.0
_AFTER_A_FAILURE = 10.0
_PATIENCE = 2.0
_AT_ONCE = 2
"""Codes that are exchanged at a time: while a provider is slow, the other threads stay free."""

Url = Annotated[str, Meta(max_length=2000)]


class Metadata(msgspec.Struct):
    """What of it is used."""

    issuer: str
    authorization_endpoint: Url
    token_endpoint: Url
    jwks_uri: Url
    userinfo_endpoint: Url = ''
    token_endpoint_auth_methods_supported: tuple[str, ...] = ('client_secret_basic',)
    authorization_response_iss_parameter_supported: bool = False
    """Whether its answers to browsers say from whom they are (RFC 9207)."""


class Directory:
    """Where one provider is found, and how its ID tokens are verified."""

    def __init__(self, settings: Oidc) -> None:
        self._settings = settings
        self._lock = Lock()
        self._turns = BoundedSemaphore(_AT_ONCE)
        self._found: tuple[Metadata, Tokens] | None = None
        self._read_at = self._failed_at = -1e9
        self._failure = ''

    def current(self) -> tuple[Metadata, Tokens]:
        """What it publishes, as it was an hour ago or later; raises `ProviderFailed`."""
        if self._found is not None and time.monotonic() - self._read_at < _KEEP:
            return self._found
        if not self._lock.acquire(timeout=0 if self._found else _PATIENCE):
            if self._found is not None:
                return self._found
            raise ProviderFailed('it has not answered yet')
        try:
            return self._renewed()
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """While it is one's turn to have a code exchanged; raises `ProviderFailed` where that takes too long."""
        if not self._turns.acquire(timeout=_PATIENCE):
            raise ProviderFailed('too many others wait for it')
        try:
            yield
        finally:
            self._turns.release()

    def _renewed(self) -> tuple[Metadata, Tokens]:
        now = time.monotonic()
        if self._found is not None and now - self._read_at < _KEEP:  # another thread was here
            return self._found
        if now - self._failed_at >= _AFTER_A_FAILURE:
            try:
                self._found, self._read_at = self._read(), time.monotonic()
                return self._found
            except ProviderFailed as error:
                self._failed_at, self._failure = time.monotonic(), str(error)
        if self._found is not None:  # from before
            return self._found
        raise ProviderFailed(self._failure)

    def _read(self) -> tuple[Metadata, Tokens]:
        url = f'{self._settings.issuer.rstrip("/")}/.well-known/openid-configuration'
        try:
            found = msgspec.json.decode(fetched(self._settings, 'GET', url), type=Metadata)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ProviderFailed(f'{url}: {error}') from error
        if found.issuer != self._settings.issuer:  # section 4.3: or it could speak for another one
            raise ProviderFailed(f'{url}: it is of {found.issuer[:200]!r}')
        for endpoint in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            _check_endpoint(endpoint)
        if found.userinfo_endpoint:
            _check_endpoint(found.userinfo_endpoint)
        keys = KeyURL(found.jwks_uri, _Document(self._settings, found.jwks_uri))
        verifier = Tokens(
            keys, self._settings.issuer, self._settings.client_id, list(self._settings.algorithms), LEEWAY
        )
        return found, verifier


class _Document:
    """A document of the provider's, read as all of it is."""

    def __init__(self, settings: Oidc, url: str) -> None:
        self._settings, self._url = settings, url

    def read(self) -> bytes:
        try:
            return fetched(self._settings, 'GET', self._url)
        except ProviderFailed as error:
            raise ConfigError(str(error)) from error


def fetched(
    settings: Oidc, method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None,
    *, most: int = _LARGEST,
) -> bytes:
    """The answer of the provider, whole, if it is 200; raises `ProviderFailed`."""
    try:
        answer = outbound.ask(
            method, url, body, {'Accept': 'application/json', **(headers or {})}, settings.allowed, most=most,
            seconds=SECONDS,
        )
    except NotAllowed as error:
        raise ProviderFailed(f'{url}: {error}') from error
    if answer.status != 200:
        raise ProviderFailed(f'{url}: {answer.status or ""} {answer.text[:300]!r}')
    return answer.text.encode()


def _check_endpoint(url: str) -> None:
    try:
        remote.check_url('endpoint', url)
    except (ConfigError, ValueError) as error:
        raise ProviderFailed(str(error)) from error
    if not url.isascii() or not url.isprintable() or ' ' in url:
        raise ProviderFailed(f'endpoint: {url!r} is no URL')
