"""Rates, like ``100/second`` or ``200 per 6 hours``: how operators write them, and who did how much lately.

The windows slide: what was done in the last one counts by the part of it that is not over yet.  All counts are of this
process, and of bounded memory: where too many are counted, those are forgotten who did nothing for longest.  So
somebody with very many addresses gets more for himself, and takes nothing from anybody.
"""

from __future__ import annotations

import hashlib
import math
import time
from threading import Lock
from typing import Any

from cachetools import TLRUCache
from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from objreg.config import ConfigError
from objreg.errors import TooManyRequests

MOST = 50_000
"""Windows that are counted; one takes less than 1 KB, and whoever does something is in two for each rate, at most."""
_LONGEST = 200
"""Characters of what is counted by; what is longer is counted by its hash."""


def as_rates(option: str, text: str, example: str) -> list[RateLimitItem]:
    """The rates that are to hold together, separated by ``;``; none of an empty text.  Raises `ConfigError`."""
    try:
        rates = parse_many(text) if text else []
    except ValueError as error:
        raise ConfigError(f'{option}: {text!r} is not like {example}') from error
    if any(not rate.amount for rate in rates):
        raise ConfigError(f'{option}: {text!r} lets nobody do anything')
    return rates


class Counts(SlidingWindowCounterRateLimiter):
    """How much each did: `hit` counts, unless that were too much; `test` tells whether it were not."""

    def __init__(self, most: int = MOST) -> None:
        super().__init__(_Latest(most))

    def left(self, rate: RateLimitItem, *who: str) -> int:
        """How much he may do now."""
        return self.get_window_stats(rate, *who).remaining

    def wait(self, rate: RateLimitItem, *who: str) -> int:
        """Seconds after which he may do something again, if he may not now; 1 at least."""
        # the library tells when that is still too early by nothing
        return max(0, math.floor(self.get_window_stats(rate, *who).reset_time - time.time())) + 1

    def refusal(self, detail: Any, rate: RateLimitItem, *who: str) -> TooManyRequests:
        """What to raise."""
        return TooManyRequests(detail, headers={'Retry-After': str(self.wait(rate, *who))})


class _Latest(MemoryStorage):
    """Counts of the latest windows.

    The library's own storage keeps as many as there are, and looks at them all whenever something was counted.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._lock = Lock()
        self._counts: TLRUCache[str, tuple[int, float]] = TLRUCache(
            most, ttu=lambda _, counted, now: counted[1], timer=time.time
        )

    def get(self, key: str) -> int:
        with self._lock:
            return self._counted(_short(key))[0]

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        key = _short(key)
        with self._lock:
            count, until = self._counted(key)
            self._counts[key] = count + amount, until or time.time() + expiry
        return count + amount

    def decr(self, key: str, amount: int = 1) -> int:
        return self.incr(key, 0, -amount)  # which keeps nothing of what is not there any more

    def _counted(self, key: str) -> tuple[int, float]:
        """What was counted, and until when that matters."""
        try:
            return self._counts[key]
        except KeyError:
            return 0, 0


def _short(key: str) -> str:
    return key if len(key) <= _LONGEST else hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()
