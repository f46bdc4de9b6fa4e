"""Tokens that a hub withdrew before they expired, as it publishes them."""

from __future__ import annotations

import json
import logging
import time
from threading import Lock

from objreg.auth.remote import Remote
from objreg.config import ConfigError
from objreg.hub.denials import is_denied

log = logging.getLogger(__name__)

_ASK_AGAIN = 20.0
"""Seconds, so that what was withdrawn ends within a minute on every node."""


class DeniedURL:
    """Asked for again as long as tokens come; what was read before stays while the hub does not answer."""

    def __init__(self, url: str) -> None:
        self._remote = Remote('denied', url)
        self._found: dict[str, int] = {}
        self._asked = float('-inf')
        self._lock = Lock()

    def is_denied(self, subject: str, credential: str, issued: int) -> bool:
        """Whether a token that was issued then is not to be accepted."""
        if time.monotonic() - self._asked >= _ASK_AGAIN and self._lock.acquire(blocking=False):
            try:
                self._asked = time.monotonic()
                self._found = _parse(self._remote.read())
            except ConfigError as error:
                log.error('%s; the list from before stays', error)
            finally:
                self._lock.release()
        return is_denied(self._found, subject, credential, issued, is_published=True)


def _parse(data: bytes) -> dict[str, int]:
    try:
        return {str(name): int(second) for name, second in json.loads(data).items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f'denied: not a list of tokens: {error}') from error
