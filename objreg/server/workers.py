"""Several processes that serve the same sockets, and the one that watches them."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

_SHORT_LIFE = 2.0
"""Seconds; a worker that ends sooner would do so again."""


class Workers:
    """Forks workers, starts others for those that die, and hands signals on to them.

    `ended` is told the process id of each that has ended; `stopping` is called when no more are started.
    """

    def __init__(
        self, count: int, work: Callable[[], None], ended: Callable[[int], None], stopping: Callable[[], None]
    ) -> None:
        self._count = count
        self._work = work
        self._ended = ended
        self._tell_stopping = stopping
        self._born: dict[int, float] = {}
        self._stopping = False

    def run(self) -> int:
        """Until SIGTERM or SIGINT, or until a worker could not begin; the exit status."""
        handlers = {number: signal.signal(number, self._hand_on)
                    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        failed = 0
        try:
            for _ in range(self._count):
                self._start()
            while self._born:
                pid, status = os.wait()
                self._ended(pid)
                born = self._born.pop(pid, None)
                if born is None or self._stopping:
                    continue
                if time.monotonic() - born < _SHORT_LIFE:
                    failed = os.waitstatus_to_exitcode(status) or 1
                    self._hand_on(signal.SIGTERM)
                    continue
                log.error('worker %d ended by itself (%d); starting another', pid, os.waitstatus_to_exitcode(status))
                self._start()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return abs(failed)

    def _start(self) -> None:
        pid = os.fork()
        if pid:
            self._born[pid] = time.monotonic()
            return
        status = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            self._work()
            status = 0
        except Exception as error:
            log.error('%s', error, exc_info=error)
        finally:
            logging.shutdown()
            sys.stdout.flush()
            os._exit(status)

    def _hand_on(self, number: int, _: object = None) -> None:
        if number != signal.SIGHUP and not self._stopping:
            self._stopping = True
            self._tell_stopping()
        for pid in self._born:
            os.kill(pid, number)
