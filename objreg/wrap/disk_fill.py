"""Fills the folder of a ``disk-cache``: what a client reads is written beside it, by a thread of its own.

So a client never waits for the disk, but for a second in all where the disk is the slower one; then what was written is
dropped.  Bytes that wait to be written are bounded for all together.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from objreg.wrap.disk_folder import Damaged, Folder, Room

_WAITING = 32 * 1024**2
"""Bytes that may wait to be written, at most."""
_PATIENCE = 1.0
"""Seconds that a reader waits for the disk, in all."""

Ended = Callable[[Exception | None], None]


class Filler:
    """The thread; it is there from the first content on.  `ended` is told of each that was written, or why not."""

    def __init__(self, folder: Folder, ended: Ended) -> None:
        self.folder = folder
        self.ended = ended
        self._queue: SimpleQueue[tuple[Fill, bytes] | None] = SimpleQueue()
        self._fills: dict[str, Fill] = {}
        self._waiting = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def begin(self, name: str) -> Fill | None:
        """What writes that content; None when it is being written already."""
        with self._changed:
            if name in self._fills:
                return None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name='objreg-disk-cache', daemon=True)
                self._thread.start()
            fill = self._fills[name] = Fill(self, name)
            return fill

    def forget(self, name: str) -> None:
        """Write no more of it: it was deleted."""
        with self._changed:
            fill = self._fills.get(name)
        if fill is not None:
            fill.drop()

    def add(self, fill: Fill, chunk: bytes, patience: float) -> bool:
        """Let these bytes be written; false when there is no room for them within `patience` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting + len(chunk) <= _WAITING, patience):
                return False
            self._waiting += len(chunk)
        self._queue.put((fill, chunk))
        return True

    def end(self, fill: Fill) -> None:
        """It is written, or given up; called once or more."""
        with self._changed:
            if self._fills.get(fill.name) is fill:
                del self._fills[fill.name]
        self._queue.put((fill, b''))

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            fill, chunk = item
            try:
                fill.take(chunk)
            except (OSError, Damaged) as error:
                fill.drop()
                self.ended(error)
            with self._changed:
                self._waiting -= len(chunk)
                self._changed.notify_all()

    def close(self) -> None:
        """Give up what is not written yet, and end."""
        with self._changed:
            fills, thread = list(self._fills.values()), self._thread
        for fill in fills:
            fill.drop()
        if thread is not None:
            self._queue.put(None)
            thread.join()


class Fill:
    """A content on its way into the folder.

    `write` and `drop` are for whoever reads it, from any thread; `take` is called by the filler's.
    """

    def __init__(self, filler: Filler, name: str) -> None:
        self.name = name
        self._filler = filler
        self._left = 0
        self._patience = _PATIENCE
        self._is_dropped = False
        self._lock = threading.Lock()
        self._room: Room | None = None
        self._size = self._given = 0
        self._hasher = hashlib.new(name.partition('-')[0])

    def start(self, size: int) -> None:
        """It has that many bytes, at least one."""
        self._size = self._left = size

    def write(self, chunk: bytes) -> None:
        """The next bytes."""
        if self._is_dropped or not chunk:
            return
        self._given += len(chunk)
        began = time.monotonic()
        if not self._filler.add(self, chunk, self._patience):
            self.drop()
        self._patience = max(0.0, self._patience - (time.monotonic() - began))

    def close(self) -> None:
        """No more comes: forget it, if it is not complete."""
        if self._given < self._size:
            self.drop()

    def drop(self) -> None:
        """Forget it; no error when it is complete."""
        with self._lock:
            self._is_dropped = True
        self._filler.end(self)

    def take(self, chunk: bytes) -> None:
        """Write these bytes; with the last ones it gets its name.  Raises `OSError`, `Damaged`."""
        if self._is_dropped:
            room, self._room = self._room, None
            if room is not None:
                self._filler.folder.drop(room)
            return
        if self._room is None:
            self._room = self._filler.folder.reserve(self._size)
            if self._room is None:
                self.drop()
                return
        left = memoryview(chunk)
        while left:
            left = left[self._room.file.write(left):]
        self._hasher.update(chunk)
        self._left -= len(chunk)
        if self._left <= 0:
            self._finish(self._room)

    def _finish(self, room: Room) -> None:
        if self._left < 0 or self._hasher.hexdigest() != self.name.partition('-')[2]:
            raise Damaged(f'the store has other bytes than {self.name}')
        with self._lock:
            if self._is_dropped:
                return  # what `drop` put behind this cleans up
            self._filler.folder.place(room, self.name)
            self._room = None
            self._is_dropped = True
        self._filler.end(self)
        self._filler.ended(None)
