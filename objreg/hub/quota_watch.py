"""What a node knows of how much lies in namespaces, and its counting in the background."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event as Signal
from threading import Lock

from cachetools import LRUCache

from objreg import holdings
from objreg.holdings import Holding
from objreg.hub.deliveries import Deliveries
from objreg.hub.quotas import Quotas
from objreg.hub.webhooks import Webhooks
from objreg.registry import Registry
from objreg.store import Store, StoreError

log = logging.getLogger(__name__)

LEVELS = (90, 100)
"""Percents that are told."""
SECONDS = 60.0
"""How long what was read is believed, and the least time between two counts."""
_NAMESPACES = 10_000
_SHARE = 20
"""After a count of a second, none of the same namespace for so many seconds."""


@dataclass
class Known:
    """What this node knows of a namespace.  `added` is what it took in since the count: when, and how many bytes."""

    limit: int = 0
    holding: Holding | None = None
    read_at: float = float('-inf')
    added: list[tuple[float, int]] = field(default_factory=list)
    is_counting: bool = False

    @property
    def used(self) -> int:
        """In bytes, as far as it is known."""
        return (self.holding.bytes if self.holding else 0) + sum(size for _, size in self.added)


class QuotaWatch:
    """The namespaces of `registry`, whose limits are in the store of the hub; `limit` is that of all others."""

    def __init__(self, registry: Registry, hub: Store, limit: int, *, now: Callable[[], float] = time.time) -> None:
        self._registry = registry
        self._hub = hub
        self._quotas = Quotas(hub)
        self._limit = limit
        self._now = now
        self._known: LRUCache[str, Known] = LRUCache(_NAMESPACES)
        self._lock = Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._stop = Signal()

    def look(self, namespace: str) -> Known:
        """What is known, read again where it is a minute old: two reads."""
        with self._lock:
            known = self._known.setdefault(namespace, Known())
            is_fresh = self._now() - known.read_at < SECONDS
            if not is_fresh:
                known.read_at = self._now()  # others go on with what was known, while this one reads
        if not is_fresh:
            quota = self._quotas.find(namespace)
            known.limit = self._limit if quota is None else quota.limit
            if known.limit:
                self._learn(known, holdings.last(self._registry.store, namespace))
        return known

    def add(self, known: Known, size: int) -> None:
        """This node took in so much."""
        with self._lock:
            known.added.append((self._now(), size))

    def count_soon(self, namespace: str, known: Known, seconds: float) -> None:
        """Count in the background, unless the last count is younger than so many seconds."""
        if known.holding is not None:
            pause = max(seconds, known.holding.seconds * _SHARE)
            if self._now() - known.holding.at < pause:
                return
        with self._lock:
            if known.is_counting or self._stop.is_set():
                return
            known.is_counting = True
            if self._threads is None:  # not earlier: the process that serves may be a child of the one that made this
                self._threads = ThreadPoolExecutor(1, 'objreg-quota')
            self._threads.submit(self._counted, namespace, known)

    def close(self) -> None:
        """Count no more; whatever is being counted is counted by others."""
        self._stop.set()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def _learn(self, known: Known, holding: Holding | None) -> None:
        with self._lock:
            if holding is not None and (known.holding is None or holding.at > known.holding.at):
                known.holding = holding
                known.added = [(at, size) for at, size in known.added if at > holding.at]

    def _counted(self, namespace: str, known: Known) -> None:
        try:
            self._count(namespace, known)
        except holdings.Stopped:
            pass
        except StoreError as error:
            log.warning('quota: %s is not counted now: %s', namespace, error)
        except Exception:
            log.exception('quota: counting %s failed', namespace)
        finally:
            known.is_counting = False

    def _count(self, namespace: str, known: Known) -> None:
        before = holdings.last(self._registry.store, namespace)
        found = holdings.count(self._registry, namespace, self._now(), is_stopped=self._stop.is_set)
        level = max((level for level in LEVELS if found.bytes * 100 >= known.limit * level), default=0)
        if level > (before.level if before else 0):  # before it is kept: rather told twice than not at all
            webhooks = Webhooks(self._hub)
            event = webhooks.event('quota', '', of=namespace, limit=known.limit, used=found.bytes, percent=level)
            Deliveries(self._hub, webhooks).emit(event)
        found = found.at_level(level)
        holdings.keep(self._registry.store, namespace, found)
        self._learn(known, found)
