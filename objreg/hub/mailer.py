"""Sends mail beside the requests: none waits for it, so none tells by its time whether there was anything to send.

What is to be sent is found out, and written, on a thread of this process, and kept in its memory: tried again twice
where the server cannot be reached or says that it is a matter of time, and lost if the process ends before.  Whoever
waits for a mail asks again; nothing else rests on one.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable

from objreg.hub import mail_file, smtp
from objreg.hub.mail_file import MailSettings
from objreg.hub.smtp import Letter, MailFailed
from objreg.store import StoreError

log = logging.getLogger(__name__)

PAUSES = (30.0, 300.0)
"""Seconds after the first attempt, and after the second."""
_AT_ONCE = 4
_MOST = 1000
"""Mails that wait; what comes while there are as many is not sent."""

Write = Callable[[], Letter | None]


class Mailer:
    """Those of one process; `path` is that of ``mail.yml``.  Raises `ConfigError`."""

    def __init__(self, path: str, *, pauses: tuple[float, ...] = PAUSES) -> None:
        self._path = path
        self._pauses = pauses
        self._settings = mail_file.read(path)
        self._waiting: list[tuple[float, int, int, Write]] = []
        self._changed = threading.Condition()
        self._numbers = 0
        self._working = 0
        self._threads = 0
        self._is_closed = False

    @property
    def url(self) -> str:
        """Where people reach the hub, without a slash at its end."""
        return self._settings.url

    def reload(self) -> None:
        """Read the file again; raises `ConfigError`, and nothing changed then."""
        self._settings = mail_file.read(self._path)

    def send(self, letter: Letter) -> None:
        """Send it now, and wait for that; raises `MailFailed`."""
        smtp.send(self._settings, letter)

    def later(self, write: Write) -> None:
        """Send what `write` gives on another thread, if anything; returns at once."""
        with self._changed:
            if len(self._waiting) >= _MOST or self._is_closed:
                log.error('mail: not sent, as %d are waiting already', len(self._waiting))
                return
            self._put(time.monotonic(), 0, write)

    def flush(self, seconds: float) -> None:
        """Wait, at most so long, until nothing is under way or due."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._is_busy() and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)

    def close(self, seconds: float) -> None:
        """The same, and begin nothing after it."""
        self.flush(seconds)
        with self._changed:
            self._is_closed = True
            if self._waiting or self._working:
                log.warning('mail: ended before %d were sent', len(self._waiting) + self._working)
            self._changed.notify_all()

    def _is_busy(self) -> bool:
        return bool(self._working or (self._waiting and self._waiting[0][0] <= time.monotonic()))

    def _put(self, due: float, attempt: int, write: Write) -> None:
        self._numbers += 1
        heapq.heappush(self._waiting, (due, self._numbers, attempt, write))
        if self._threads < _AT_ONCE:  # in the process that serves, which may be a child of the one that made this
            self._threads += 1
            threading.Thread(target=self._work, name='objreg-mail', daemon=True).start()
        self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                found = self._next()
                if found is None:
                    return
                self._working += 1
            attempt, write = found
            again = self._attempt(attempt, write)
            with self._changed:
                self._working -= 1
                if again is not None and not self._is_closed:
                    self._put(time.monotonic() + self._pauses[attempt], attempt + 1, again)
                self._changed.notify_all()

    def _next(self) -> tuple[int, Write] | None:
        """What is due, once it is; None: this is the end."""
        while not self._is_closed:
            if not self._waiting:
                self._changed.wait()
                continue
            left = self._waiting[0][0] - time.monotonic()
            if left <= 0:
                _, _, attempt, write = heapq.heappop(self._waiting)
                return attempt, write
            self._changed.wait(left)
        return None

    def _attempt(self, attempt: int, write: Write) -> Write | None:
        """What to try again later."""
        try:
            letter = write()
            if letter is None:
                return None
        except StoreError as error:
            log.error('mail: not written: %s', error)
            return None
        except Exception:  # of a thread that others need
            log.exception('mail: not written')
            return None
        try:
            self.send(letter)
        except MailFailed as error:
            if error.is_final or attempt >= len(self._pauses):
                log.error('mail: to %s: given up: %s', letter.to, error)
                return None
            log.warning('mail: to %s: tried again in %d seconds: %s', letter.to, self._pauses[attempt], error)
            return lambda: letter
        log.info('mail: to %s: sent', letter.to)
        return None


__all__ = ['Letter', 'MailFailed', 'MailSettings', 'Mailer']
