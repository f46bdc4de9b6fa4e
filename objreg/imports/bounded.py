"""Many tasks, of which few wait at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class Bounded:
    """A pool that is given no more than some tasks before others are done: there may be more than memory holds."""

    def __init__(self, pool: ThreadPoolExecutor, most: int) -> None:
        self._pool, self._most = pool, most
        self._running: list[Callable[[], object]] = []

    def submit(self, work: Callable[[], object]) -> None:
        """Have it done; raises what an earlier one raised."""
        self._running.append(self._pool.submit(work).result)
        if len(self._running) >= self._most:
            self._running.pop(0)()

    def finish(self) -> None:
        """Wait for the rest."""
        for result in self._running:
            result()
