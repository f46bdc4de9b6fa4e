"""Swift's ``cache`` filter for a single proxy process: a dict in place of memcached.

As much of Swift's memcache client as tempauth, account and container information and rate limits use.  Values pass
through JSON as they would on the wire, so that tuples come back as lists.
"""

from __future__ import annotations

import json
import time as clock
from collections.abc import Callable, Iterable
from typing import Any

_MONTH = 30 * 86400
"""Memcached's rule: a longer time is a date."""


class DictCache:
    """Keys and JSON values, each with its end."""

    memcache_servers: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, float]] = {}

    def set(  # noqa: PLR0917 - the signature is Swift's
        self, key: str, value: Any, serialize: bool = True, time: float = 0, min_compress_len: int = 0,
        raise_on_error: bool = False,
    ) -> None:
        """Keep a value, for `time` seconds or for ever."""
        if serialize and isinstance(value, bytes):
            value = value.decode()
        end = float('inf') if not time else time if time > _MONTH else clock.time() + time
        self._kept[key] = (json.dumps(value) if serialize else value, end)

    def get(self, key: str, raise_on_error: bool = False) -> Any:
        """A value, or None."""
        value, end = self._kept.get(key, ('null', 0.0))
        if end < clock.time():
            self._kept.pop(key, None)
            return None
        return json.loads(value)

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Add to a number, which does not fall below 0."""
        number = max(0, int(self.get(key) or 0) + int(delta))
        self.set(key, number, time=time)
        return number

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Take from a number."""
        return self.incr(key, -int(delta), time)

    def delete(self, key: str, server_key: str | None = None) -> None:
        """Forget a value."""
        self._kept.pop(key, None)

    def set_multi(  # noqa: PLR0917 - the signature is Swift's
        self, mapping: dict[str, Any], server_key: str, serialize: bool = True, time: float = 0,
        min_compress_len: int = 0,
    ) -> None:
        """Keep several values."""
        for key, value in mapping.items():
            self.set(key, value, serialize, time)

    def get_multi(self, keys: Iterable[str], server_key: str) -> list[Any]:
        """Several values."""
        return [self.get(key) for key in keys]


def filter_factory(global_conf: dict[str, str], **conf: str) -> Callable[[Any], Any]:
    """What Paste Deploy calls."""
    cache = DictCache()

    def filter(app: Any) -> Any:
        def call(environ: dict[str, Any], start_response: Any) -> Any:
            environ['swift.cache'] = cache
            return app(environ, start_response)
        return call
    return filter
