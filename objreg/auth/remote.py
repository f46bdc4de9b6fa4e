"""A small document that another server publishes."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import urllib3

from objreg.config import ConfigError

_LARGEST = 1024**2
_LOOPBACK = ('localhost', '127.0.0.1', '::1')
_SILENCE, LONGEST = 5.0, 10.0
"""Seconds that the server may be silent, and that its answer may take."""


def check_url(option: str, url: str) -> str:
    """`url` if it is one to be believed: https, or of this machine; raises `ConfigError`."""
    parts = urlsplit(url)
    if '@' in parts.netloc:
        raise ConfigError(f'{option}: a URL without user and password is needed')
    if parts.scheme != 'https' and not (parts.scheme == 'http' and parts.hostname in _LOOPBACK):
        raise ConfigError(f'{option}: {url!r}: https is needed')
    return url


class Remote:
    """What is at a URL."""

    def __init__(self, option: str, url: str) -> None:
        self.url = check_url(option, url)
        self._option = option
        self._pool = urllib3.PoolManager(timeout=_SILENCE, retries=False)

    def read(self) -> bytes:
        """The bytes of the answer; raises `ConfigError`."""
        try:
            return self._fetch()
        except (OSError, urllib3.exceptions.HTTPError, ValueError) as error:
            raise ConfigError(f'{self._option}: {self.url}: {error}') from error

    def _fetch(self) -> bytes:
        """Without a redirect, and as they come, so that nothing small can become large."""
        until, data = time.monotonic() + LONGEST, bytearray()
        answer = self._pool.request('GET', self.url, preload_content=False, redirect=False)
        try:
            if answer.status != 200:
                raise ValueError(f'it answers {answer.status}')
            while piece := answer.read1(_LARGEST, decode_content=False):
                data += piece
                if len(data) > _LARGEST:
                    raise ValueError('it is too large')
                if time.monotonic() > until:
                    raise ValueError('it takes too long')
        finally:
            answer.close()
        return bytes(data)
