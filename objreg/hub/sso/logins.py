"""The providers of single sign-on as they are at this moment: those of the operator's file, read again at SIGHUP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from objreg.config import ConfigError
from objreg.hub.sso import ldap_login
from objreg.hub.sso.ldap_settings import Ldap
from objreg.hub.sso.metadata import Directory
from objreg.hub.sso.person import ProviderFailed
from objreg.hub.sso.settings import AnyProvider, Oidc, read_logins


class OidcLogin(NamedTuple):
    """An OpenID provider, and where it is found."""

    name: str
    settings: Oidc
    directory: Directory


class LdapLogin(NamedTuple):
    """A directory."""

    name: str
    settings: Ldap


AnyLogin = OidcLogin | LdapLogin


class Logins:
    """Those of a file; of none for ''.  Raises `ConfigError`."""

    def __init__(self, path: str = '') -> None:
        self._path = path
        self._logins: Mapping[str, AnyLogin] = {}
        self.reload()

    def reload(self) -> None:
        """Read the file again; raises `ConfigError`, and keeps what was read before."""
        if self._path:
            found = read_logins(self._path)
            self._logins = {name: self._kept(name, settings) for name, settings in found.items()}

    def check(self) -> None:
        """Raise `ConfigError` for the first provider that cannot be asked, or does not say what it has to."""
        for login in self:
            try:
                if isinstance(login, OidcLogin):
                    login.directory.current()
                else:
                    ldap_login.check(login.settings)
            except ProviderFailed as error:
                raise ConfigError(f'logins: {self._path}: {login.name}: {error}') from error

    def _kept(self, name: str, settings: AnyProvider) -> AnyLogin:
        """The same one as before, with what it has learnt, unless something was changed."""
        before = self._logins.get(name)
        return before if before is not None and before.settings == settings else _login(name, settings)

    def __iter__(self) -> Iterator[AnyLogin]:
        return iter(self._logins.values())

    def find(self, name: str) -> AnyLogin | None:
        """The provider of that name."""
        return self._logins.get(name)

    def with_administrators(self) -> list[str]:
        """The names of those that say who administers the hub."""
        return [login.name for login in self if login.settings.administrators]


def issuer_of(login: AnyLogin) -> str:
    """By what its subjects are told from those of others."""
    return login.settings.issuer if isinstance(login, OidcLogin) else ldap_login.issuer_of(login.name)


def _login(name: str, settings: AnyProvider) -> AnyLogin:
    if isinstance(settings, Ldap):
        return LdapLogin(name, settings)
    return OidcLogin(name, settings, Directory(settings))
