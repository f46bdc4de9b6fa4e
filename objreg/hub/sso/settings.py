"""The file that names the providers of single sign-on: its form, and what of it makes no sense.

Read once, and again at SIGHUP.  A word ``${NAME}`` is a variable of the environment.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

from objreg.auth import remote
from objreg.auth.tokens import ALGORITHMS
from objreg.config import ConfigError, Network, ValueInvalid, as_networks
from objreg.hub import names
from objreg.hub.sso import ldap_settings
from objreg.hub.sso.ldap_settings import Ldap
from objreg.hub.sso.provider import Provider, Text

_VARIABLE = re.compile(r'\$\{(\w+)\}')
_BYTES_OF_FILE = 256 * 1024


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a provider says what: the name that somebody is to have here, and what else is known of him."""

    name: Text = 'preferred_username'
    email: str = 'email'
    full_name: str = 'name'
    groups: str = 'groups'


class Oidc(Provider, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field='kind', tag='oidc'):
    """An OpenID provider.  `url` is where browsers find this hub; without a secret it is a public client."""

    issuer: Text
    client_id: Text
    url: Text
    client_secret: str = ''
    client_secret_file: str = ''
    scopes: tuple[Text, ...] = ('openid', 'profile', 'email')
    claims: Claims = Claims()
    algorithms: tuple[str, ...] = ('RS256', 'ES256', 'EdDSA')
    networks: tuple[str, ...] = ()

    @property
    def allowed(self) -> list[Network]:
        """The private networks that it may be in."""
        return as_networks(self.networks)

    def is_safe(self) -> bool:
        """Whether all that browsers see of the hub is https."""
        return self.url.startswith('https:')


AnyProvider = Oidc | Ldap
Section = dict[str, AnyProvider]


def read_logins(path: str) -> Section:
    """The providers by their names.  Raises `ConfigError`, which names file, section and option."""
    found: Section = {}
    for name, given in _document(path).items():
        try:
            named = _name(name)
            found[named] = _checked(_provider(given), Path(path).parent)
        except (msgspec.ValidationError, ValueInvalid, ConfigError, ValueError) as error:
            raise ConfigError(f'logins: {path}: {str(name)[:100]}: {_line(error)}') from error
    return found


def _document(path: str) -> dict[Any, Any]:
    try:
        with open(path, encoding='utf-8') as file:
            text = file.read(_BYTES_OF_FILE + 1)
        document = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f'logins: {path}: {_line(error)}') from error
    if len(text) > _BYTES_OF_FILE:
        raise ConfigError(f'logins: {path}: more than {_BYTES_OF_FILE} characters')
    if not isinstance(document, dict) or not document:
        raise ConfigError(f'logins: {path}: needs sections, each the name of a provider')
    return document


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise ValueError('the name of a provider is to be text')
    return names.check_part(name)


def _provider(given: Any) -> AnyProvider:
    if not isinstance(given, dict):
        raise ValueError('needs options, such as kind')
    if 'kind' not in given:
        raise ValueError('kind: needed: oidc or ldap')
    made: AnyProvider = msgspec.convert(_expanded(given), AnyProvider)
    return made


def _expanded(value: Any) -> Any:
    """The same with variables in all texts; raises `ConfigError` for one that is not set."""
    if isinstance(value, str):
        return _VARIABLE.sub(_variable, value)
    if isinstance(value, list):
        return [_expanded(one) for one in value]
    if isinstance(value, dict):
        return {name: _expanded(one) for name, one in value.items()}
    return value


def _variable(found: re.Match[str]) -> str:
    value = os.environ.get(found[1])
    if value is None:
        raise ConfigError(f'the variable {found[1]} is not set')
    return value


def _checked(provider: AnyProvider, folder: Path) -> AnyProvider:
    """The same with its secret; raises what says which option is wrong."""
    for group, meant in provider.targets().items():
        for target in meant:
            check_target(group, target)
    return _checked_oidc(provider, folder) if isinstance(provider, Oidc) else _checked_ldap(provider, folder)


def check_target(group: str, target: str) -> None:
    """Raise `ConfigError` unless that is ``<organisation>`` or ``<organisation>/<team>``."""
    organisation, slash, team = target.partition('/')
    if not group or not names.is_account(organisation) or (slash and not names.is_part(team)):
        raise ConfigError(f'teams: {group}: {target!r} is not like acme/core')


def _checked_oidc(provider: Oidc, folder: Path) -> Oidc:
    for option, url in (('issuer', provider.issuer), ('url', provider.url)):
        remote.check_url(option, url)
        if urlsplit(url).query or urlsplit(url).fragment or not url.isascii() or not url.isprintable() or ' ' in url:
            raise ConfigError(f'{option}: {url!r}: a URL without query is needed')
    if unknown := set(provider.algorithms) - set(ALGORITHMS):
        raise ConfigError(f'algorithms: {", ".join(sorted(unknown))} is not accepted')
    if not provider.algorithms:
        raise ConfigError('algorithms: needs one at least')
    if 'openid' not in provider.scopes:
        raise ConfigError('scopes: openid is needed')
    try:
        as_networks(provider.networks)
    except ValueInvalid as error:
        raise ConfigError(f'networks: {error}') from error
    secret = secret_of('client_secret', provider.client_secret, provider.client_secret_file, folder)
    return msgspec.structs.replace(
        provider, client_secret=secret, client_secret_file='', url=provider.url.rstrip('/')
    )


def _checked_ldap(provider: Ldap, folder: Path) -> Ldap:
    secret = secret_of('bind_password', provider.bind_password, provider.bind_password_file, folder)
    ca = str(folder / provider.ca) if provider.ca else ''
    if ca and not Path(ca).is_file():
        raise ConfigError(f'ca: {provider.ca}: there is no such file')
    found = msgspec.structs.replace(provider, bind_password=secret, bind_password_file='', ca=ca)
    ldap_settings.check(found)
    return found


def secret_of(option: str, secret: str, file: str, folder: Path) -> str:
    """A secret that is said, or the first line of the file that holds it; '' where neither is."""
    if secret and file:
        raise ConfigError(f'{option}, {option}_file: one of them')
    if not file:
        return secret
    try:
        found = (folder / file).read_text(encoding='utf-8').partition('\n')[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{option}_file: {file}: {getattr(error, "strerror", None) or error}') from error
    if not found:
        raise ConfigError(f'{option}_file: {file}: it is empty')
    return found


def _line(error: Exception) -> str:
    return ' '.join(str(error).replace(' - at `$.', ' - at `').split())
