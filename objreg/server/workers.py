"""Several processes that serve the same sockets, and the one that watches them."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from objreg.server import signals

log = logging.getLogger(__name__)

_SHORT_LIFE = 2.0
"""Seconds; a worker that ends sooner would do so again."""


class Workers:
    """Forks workers, starts others for those that die, and hands signals on to them.

    `work` is called with the signals waiting, until it takes them by `signals.handled`: one that comes while a worker
    begins is not lost.  `ended` is told the process id of each that has ended; `stopping` is called when no more are
    started.
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
        with signals.handled(self._hand_on):
            for _ in range(self._count):
                self._start()
            return abs(self._watch())

    def _watch(self) -> int:
        failed = 0
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
        return failed

    def _start(self) -> None:
        """One more, known before a signal is handed on: none is started after the end began, none is left out."""
        with signals.waiting():
            if self._stopping:
                return
            pid = os.fork()
            if pid == 0:
                self._be_one()
            self._born[pid] = time.monotonic()

    def _be_one(self) -> NoReturn:
        status = 1
        try:
            for number in signals.NUMBERS:
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
            with contextlib.suppress(ProcessLookupError):  # ended, and not yet noted
                os.kill(pid, number)
