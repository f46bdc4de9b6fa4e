"""``mail.yml``: by which server the hub sends mail, and where the links in it lead.

::

    url: https://registry.example.org
    from: registry@example.org
    host: smtp.example.org
    tls: starttls
    user: registry
    password_file: /run/secrets/smtp

``url`` is where people reach the hub: links begin with it, whatever a request says of its host.  ``tls`` is
``starttls`` (the default), ``tls`` from the first byte, or ``none``; neither of the first two ever falls back to
sending in the clear, and with the last there is neither user nor password.  ``port`` is 587, 465 or 25, if nothing else
is said; ``ca`` is a file of certificates to believe besides those of the system; ``timeout`` (10 seconds) is how long
the server may be silent.  ``${NAME}`` and ``password_file`` are as in ``stores.yml``.
"""

from __future__ import annotations

import os
import re
import ssl
from email.headerregistry import Address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml

from objreg.config import ConfigError, as_seconds, close_match
from objreg.hub.mailboxes import AddressRefused, check_address
from objreg.stores import content_of, substituted

PORTS = {'starttls': 587, 'tls': 465, 'none': 25}
_KNOWN = ('url', 'from', 'host', 'port', 'tls', 'user', 'password', 'password_file', 'ca', 'timeout')
_NAMED = re.compile(r'\s*(?:"?([^"<>@\r\n]*?)"?\s*<([^<>\s]+)>|([^<>\s]+))\s*')


class MailSettings(NamedTuple):
    """What the file says; `url` has no slash at its end, `timeout` is in seconds."""

    url: str
    sender: Address
    host: str
    port: int
    tls: str
    user: str = ''
    password: str = ''
    ca: str = ''
    timeout: float = 10.0

    def context(self) -> ssl.SSLContext:
        """What verifies the server; raises `OSError` where the file of certificates cannot be read."""
        context = ssl.create_default_context()
        if self.ca:
            context.load_verify_locations(self.ca)
        return context


def read(path: str) -> MailSettings:
    """What the file at `path` says; raises `ConfigError`, which names it."""
    try:
        given = yaml.safe_load(Path(path).read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f'mail: {path}: {" ".join(str(error).split())}') from error
    if not isinstance(given, dict):
        raise ConfigError(f'mail: {path}: options are needed, at least url, from and host')
    try:
        return _settings(_texts(given, os.path.dirname(os.path.abspath(path))))
    except ConfigError as error:
        raise ConfigError(f'mail: {path}: {error}') from error


def _texts(given: dict[Any, Any], here: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in given.items():
        if name not in _KNOWN:
            raise ConfigError(f'{name}: there is no such option; {close_match(str(name), _KNOWN)}')
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ConfigError(f'{name}: is not text')
        found[name] = str(substituted(value, name, here))
    if 'password_file' in found:
        found['password'] = content_of(found.pop('password_file'), 'password_file')
    return found


def _settings(given: dict[str, str]) -> MailSettings:
    for name in ('url', 'from', 'host'):
        if not given.get(name):
            raise ConfigError(f'{name}: needed')
    tls = given.get('tls', 'starttls')
    if tls not in PORTS:
        raise ConfigError(f'tls: {tls!r} is none of {", ".join(PORTS)}')
    user, password = given.get('user', ''), given.get('password', '')
    if bool(user) != bool(password):
        raise ConfigError('user and password: one is nothing without the other')
    if user and tls == 'none':
        raise ConfigError('tls: a password is not sent without')
    settings = MailSettings(
        _url(given['url']), _sender(given['from']), given['host'], _port(given.get('port', ''), PORTS[tls]), tls, user,
        password, given.get('ca', ''), as_seconds(given.get('timeout', '10')),
    )
    if not 0 < settings.timeout <= 60:
        raise ConfigError('timeout: is to be at most a minute')
    try:
        settings.context()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f'ca: {settings.ca}: {error.strerror or error}') from error
    return settings


def _url(text: str) -> str:
    try:
        parts = urlsplit(text.rstrip('/'))
        port = parts.port
    except ValueError as error:
        raise ConfigError(f'url: {error}') from error
    plain = text.isascii() and text.isprintable() and ' ' not in text
    if parts.scheme not in ('http', 'https') or not parts.hostname or '@' in parts.netloc or port == 0 or not plain:
        raise ConfigError(f'url: {text!r} is not like https://registry.example.org')
    if parts.path or parts.query or parts.fragment:
        raise ConfigError('url: is to end with the host, or its port')
    return f'{parts.scheme}://{parts.netloc}'


def _sender(text: str) -> Address:
    found = _NAMED.fullmatch(text)
    try:
        if found is None:
            raise AddressRefused(f'{text!r} is not like registry@example.org')
        return Address(found[1] or '', addr_spec=check_address(found[2] or found[3]))
    except AddressRefused as error:
        raise ConfigError(f'from: {error}') from error


def _port(text: str, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= 65535:
        raise ConfigError(f'port: {text!r} is not a number from 1 to 65535')
    return int(text)
