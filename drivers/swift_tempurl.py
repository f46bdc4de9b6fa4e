"""TempURLs of the `swift` driver: the key that signs them, which lies in the account or container, and the signing."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from objreg.drivers.swift_client import Account
from objreg.drivers.swift_presets import Preset

_KEEP = 300.0
"""Seconds after which the key is looked at again: it may have been rotated, and the one before is valid still."""
_PREFERRED = ('sha256', 'sha512', 'sha1')


class TempUrls:
    """Signs URLs with the key of the container (or account), which is read when the first one is wanted."""

    def __init__(self, account: Account, container: str, preset: Preset, *, key: str, public: str) -> None:
        self._account = account
        self._place = () if preset.key_of_account else (container,)
        self._container = container
        self._preset = preset
        self._given = key
        self._public = public.rstrip('/')
        self._key = ''
        self._digest = ''
        self._read_at = float('-inf')
        self._lock = Lock()

    def url(self, name: str, seconds: int, method: str) -> str | None:
        """A URL of an object of the container; None where there is no key."""
        key, digest = self._current()
        if not key:
            return None
        parts = urlsplit(self._account.url())
        expires = int(time.time()) + max(1, seconds)
        path = f'{parts.path}/{self._container}/{name}'
        signature = hmac.new(key.encode(), f'{method}\n{expires}\n{path}'.encode(), digest).hexdigest()
        server = self._public or f'{parts.scheme}://{parts.netloc}'
        return f'{server}{quote(path)}?{urlencode({"temp_url_sig": signature, "temp_url_expires": expires})}'

    def setup(self, *, rotate: bool) -> list[str]:
        """See that there is a key; what was done."""
        header = self._header()
        key, _ = self._read()
        if key and not rotate and self._given in ('', key):
            return []
        fresh = self._given if self._given and self._given != key else secrets.token_urlsafe(32)
        # the one before goes on to be valid, until the next time
        self._account.ask('POST', *self._place, headers={header: fresh, **({f'{header}-2': key} if key else {})})
        self._read_at = float('-inf')
        of = 'account' if self._preset.key_of_account else f'container {self._container!r}'
        return [f'{"replaced" if key else "made"} the key of TempURLs of the {of}']

    def _header(self) -> str:
        return f'X-{"Account" if self._preset.key_of_account else "Container"}-Meta-Temp-URL-Key'

    def _read(self) -> tuple[str, str]:
        """The keys that the server has: the newer and the older one."""
        with self._account.ask('HEAD', *self._place) as answer:
            name = self._header().lower()
            return answer.headers.get(name, ''), answer.headers.get(f'{name}-2', '')

    def _current(self) -> tuple[str, str]:
        with self._lock:
            if time.monotonic() - self._read_at > _KEEP:
                self._digest = self._digest or self._best_digest()
                self._key = self._given or self._read()[0]
                self._read_at = time.monotonic()
        return self._key, self._digest

    def _best_digest(self) -> str:
        """The best that the server takes; one that does not say what it takes is believed to take only the worst."""
        try:
            said: Any = json.loads(self._account.info() or '{}').get('tempurl', {})
            offered = said.get('allowed_digests') or self._preset.digests
        except (ValueError, AttributeError):
            offered = self._preset.digests
        return next((digest for digest in _PREFERRED if digest in offered), self._preset.digests[0])
