"""How a directory is asked: the section of a provider of the kind ``ldap``, and what of it makes no sense."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from objreg.config import ConfigError
from objreg.hub.sso.provider import Provider, Text

Seconds = Annotated[float, Meta(ge=1, le=30)]


class Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to look, and for what: ``{name}`` is what somebody calls himself, ``{dn}`` his entry, both escaped."""

    base: Text
    filter: Text


class Attributes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an entry says what; `subject` is what never changes: ``entryUUID``, ``objectGUID`` of Active Directory."""

    subject: Text = 'entryUUID'
    name: Text = 'uid'
    email: Text = 'mail'
    full_name: Text = 'cn'
    group: Text = 'cn'
    """Of a group: its name in `teams`."""


class Ldap(Provider, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field='kind', tag='ldap'):
    """A directory.  Servers are tried in their order; `timeout` is for a whole login at one of them.

    With `basic` docker's clients may send the password itself; else they need a token.
    """

    url: Text | Annotated[tuple[Text, ...], Meta(min_length=1, max_length=10)]
    users: Search
    groups: Search | None = None
    bind_dn: str = ''
    bind_password: str = ''
    bind_password_file: str = ''
    starttls: bool = False
    ca: str = ''
    attributes: Attributes = Attributes()
    timeout: Seconds = 5.0
    basic: bool = False

    @property
    def servers(self) -> tuple[str, ...]:
        """Their URLs."""
        return (self.url,) if isinstance(self.url, str) else self.url


def check(settings: Ldap) -> None:
    """Raise `ConfigError` for what makes no sense."""
    if find_spec('ldap') is None:
        raise ConfigError("kind: ldap needs python-ldap: pip install 'objreg[ldap]'")
    for url in settings.servers:
        _check_url(url, settings.starttls)
    _check_filter('users', settings.users, ('{name}',))
    if settings.groups is not None:
        _check_filter('groups', settings.groups, ('{dn}', '{name}'))
    elif settings.teams or settings.administrators:
        raise ConfigError('groups: needed, as teams or administrators are said')
    if settings.bind_dn and not settings.bind_password:  # which servers take for nobody (RFC 4513, section 5.1.2)
        raise ConfigError('bind_password: needed for bind_dn')


def _check_url(url: str, starttls: bool) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f'url: {url!r}: {error}') from error
    is_plain = parts.hostname and not (parts.path.strip('/') or parts.query or '@' in parts.netloc or port == 0)
    if parts.scheme not in ('ldaps', 'ldap') or not is_plain or not url.isascii() or not url.isprintable():
        raise ConfigError(f'url: {url!r} is not like ldaps://ldap.example.net')
    if parts.scheme == 'ldap' and not starttls:
        raise ConfigError(f'url: {url!r}: passwords go over TLS only: ldaps, or starttls: true')
    if parts.scheme == 'ldaps' and starttls:
        raise ConfigError(f'url: {url!r}: starttls is for ldap://')


def _check_filter(option: str, search: Search, words: tuple[str, ...]) -> None:
    text = search.filter
    if not (text.startswith('(') and text.endswith(')')) or text.count('(') != text.count(')'):
        raise ConfigError(f'{option}: filter: {text!r} is not in parentheses')
    if not any(word in text for word in words):
        raise ConfigError(f'{option}: filter: {text!r} needs {" or ".join(words)}')
