"""Access tokens that are not to be accepted any more, although they have not expired.

A registry verifies offline, so what it accepts lives five minutes.  What has to end before is said here: that no token
counts that was given for a credential, or to somebody, before that moment.  Registries ask for the list every now and
then.  Once all such tokens have expired by themselves, the entry means nothing, and goes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from threading import Lock

from objreg.hub import keys, names
from objreg.store import Store

LONGEST = 9000
"""Seconds that a token may live (of the index, two hours), with all that clocks differ."""
_LOOK = 15.0


class Denials:
    """The list in the bucket."""

    def __init__(self, store: Store, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._found: Mapping[str, int] = {}
        self._looked = float('-inf')
        self._lock = Lock()

    def deny(self, kind: str, value: str) -> None:
        """From now on, no token counts that was issued for a ``credential`` or to a ``subject`` before."""
        now = int(self._now())
        self._store.put(keys.denied(now + LONGEST, kind, value), b'{}')
        self._looked = float('-inf')
        self._store.delete([
            entry.key for entry in self._store.list(keys.DENIED) if keys.parse_denied(entry.key)[0] < now
        ])

    def current(self) -> Mapping[str, int]:
        """``<kind>-<value>`` and when it was denied: as of some seconds ago."""
        if time.monotonic() - self._looked >= _LOOK and self._lock.acquire(blocking=not self._found):
            try:
                if time.monotonic() - self._looked >= _LOOK:
                    self._found, self._looked = self._read(), time.monotonic()
            finally:
                self._lock.release()
        return self._found

    def is_denied(self, subject: str, credential: str, issued: int) -> bool:
        """Whether a token that was issued then is not to be accepted."""
        return is_denied(self.current(), subject, credential, issued)

    def published(self) -> dict[str, int]:
        """The same for everybody to see, by `fingerprint`."""
        return {fingerprint(name): at for name, at in self.current().items()}

    def _read(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for entry in self._store.list(keys.DENIED, keys.denied(int(self._now()), '', '')):
            until, kind, value = keys.parse_denied(entry.key)
            name = f'{kind}-{value}'
            found[name] = max(found.get(name, 0), until - LONGEST)
        return found


def is_denied(
    found: Mapping[str, int], subject: str, credential: str, issued: int, *, is_published: bool = False
) -> bool:
    """Whether the list names one of them, or whose robot it is, at that second or later."""
    named = {f'subject-{subject}', f'subject-{subject.partition(names.ROBOT)[0]}', f'credential-{credential}'}
    return max(found.get(fingerprint(name) if is_published else name, -1) for name in named) >= issued


def fingerprint(name: str) -> str:
    """A line of the list as everybody may see it: it tells nobody who was suspended who does not know already."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]
