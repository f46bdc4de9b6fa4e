"""Somebody shows a directory who he is: his entry is searched for, and his password is tried on it.

A wrong password and a name that nobody has take the same steps, and end in the same way: of a name that is not found
the password is tried on an entry that there is not.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from objreg.hub.sso import person
from objreg.hub.sso.ldap_settings import Ldap
from objreg.hub.sso.person import Person, ProviderFailed

log = logging.getLogger(__name__)

_LONGEST_NAME, _LONGEST_PASSWORD = 256, 1024
_PLAIN = frozenset('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .-_@')


class Entry(NamedTuple):
    """An entry; the names of `attributes` are in small letters."""

    dn: str
    attributes: Mapping[str, list[bytes]]


class Connection(Protocol):
    """What is asked of a directory."""

    def bind(self, dn: str, password: str) -> bool:
        """Be that entry from now on; whether the password is its own.  Raises `ProviderFailed`."""

    def search(self, base: str, filter: str, attributes: list[str], most: int) -> list[Entry]:
        """The entries below a base that fit, `most` at most.  Raises `ProviderFailed`, also where there are more."""

    def close(self) -> None:
        """End it."""


Connect = Callable[[Ldap, str], Connection]



def person_of(
    settings: Ldap, provider: str, name: str, password: str, *, connect: Connect, now: Callable[[], float] = time.time
) -> Person | None:
    """Who that is; None for a wrong name or password.  Raises `ProviderFailed` where no server answers."""
    if not name or not password or len(name) > _LONGEST_NAME or len(password) > _LONGEST_PASSWORD or '\0' in password:
        return None
    failure = ProviderFailed('there is no server')
    for url in settings.servers:
        try:
            connection = connect(settings, url)
            try:
                entry = _entry(settings, connection, name, password)
                return None if entry is None else _person(settings, provider, connection, entry, int(now()))
            finally:
                connection.close()
        except ProviderFailed as error:
            log.warning('logins: %s: %s: %s', provider, url, error)
            failure = error
    raise failure


def _entry(settings: Ldap, connection: Connection, name: str, password: str) -> Entry | None:
    """Whose password it is; the connection is his from then on."""
    _be_the_hub(settings, connection)
    at = settings.attributes
    wanted = [one for one in (at.subject, at.name, at.email, at.full_name) if one]
    found = connection.search(settings.users.base, filled(settings.users.filter, name=name), wanted, 2)
    entry = found[0] if len(found) == 1 and found[0].dn else None  # of two nobody knows which is meant
    dn = entry.dn if entry else f'cn={secrets.token_hex(8)},{settings.users.base}'
    return entry if connection.bind(dn, password) else None


def _person(settings: Ldap, provider: str, connection: Connection, entry: Entry, now: int) -> Person:
    at = settings.attributes
    return Person(
        'ldap', provider, issuer_of(provider), _subject(settings, entry), _text(entry, at.name), now,
        person.email(_text(entry, at.email)), person.full_name(_text(entry, at.full_name)),
        _groups(settings, connection, entry),
    )


def connect(settings: Ldap, url: str) -> Connection:
    """A connection to a real one."""
    from objreg.hub.sso.ldap_client import LdapConnection  # whose library comes with an extra

    return LdapConnection(settings, url)


def check(settings: Ldap) -> None:
    """Raise `ProviderFailed` for the first server that cannot be asked."""
    for url in settings.servers:
        try:
            connection = connect(settings, url)
            try:
                _be_the_hub(settings, connection)
            finally:
                connection.close()
        except ProviderFailed as error:
            raise ProviderFailed(f'url: {url}: {error}') from error


def issuer_of(provider: str) -> str:
    """By what its subjects are told from those of others."""
    return f'ldap:{provider}'


def filled(filter: str, **values: str) -> str:
    """A filter with these values in it, in which nothing means anything (RFC 4515, section 3; CWE-90)."""
    for word, value in values.items():
        filter = filter.replace(f'{{{word}}}', escaped(value))
    return filter


def escaped(value: str) -> str:
    """A value for a filter: all but letters, digits and a few signs as the bytes of UTF-8."""
    return ''.join(one if one in _PLAIN else ''.join(f'\\{byte:02x}' for byte in one.encode()) for one in value)


def _be_the_hub(settings: Ldap, connection: Connection) -> None:
    if not connection.bind(settings.bind_dn, settings.bind_password):
        raise ProviderFailed('it does not let in bind_dn')


def _groups(settings: Ldap, connection: Connection, entry: Entry) -> frozenset[str]:
    search, attribute = settings.groups, settings.attributes.group
    if search is None or not (settings.teams or settings.administrators):
        return frozenset()
    _be_the_hub(settings, connection)
    filter = filled(search.filter, dn=entry.dn, name=_text(entry, settings.attributes.name))
    found = connection.search(search.base, filter, [attribute], person.MOST_GROUPS)
    return frozenset(_decoded(one) for group in found for one in group.attributes.get(attribute.lower(), []))


def _subject(settings: Ldap, entry: Entry) -> str:
    """What never changes about the entry; bytes of Active Directory in hexadecimal digits."""
    attribute = settings.attributes.subject.lower()
    values = entry.attributes.get(attribute, [])
    if len(values) != 1:
        raise ProviderFailed(f'{entry.dn} has no {settings.attributes.subject}, or several')
    return person.subject(values[0].hex() if attribute == 'objectguid' else _decoded(values[0]))


def _text(entry: Entry, attribute: str) -> str:
    """The first value; '' where there is none."""
    values = entry.attributes.get(attribute.lower(), [])
    return _decoded(values[0]) if values else ''


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise ProviderFailed('an attribute that is no text') from error
