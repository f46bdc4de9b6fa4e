"""A file of the operator's that counts as soon as it changes."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from objreg.config import ConfigError

log = logging.getLogger(__name__)

T = TypeVar('T')

LOOK_AGAIN = 1.0
"""Seconds between two looks at whether it changed."""
_GONE = (0, 0, 0)
"""The stamp of a file that is not there."""


class Watched(Generic[T]):
    """What `parse` makes of a file; `option` is how the operator names it.

    `parse(text, path)` raises `ConfigError`.
    """

    def __init__(self, option: str, path: str, parse: Callable[[str, str], T]) -> None:
        self._option, self._path, self._parse = option, path, parse
        self._looked = time.monotonic()
        self._stamp, self._value = self._read()

    def current(self) -> T:
        """The file as it is now; what cannot be read is said once, and leaves what was read before."""
        now = time.monotonic()
        if now - self._looked >= LOOK_AGAIN:
            self._looked = now
            self._look()
        return self._value

    def reload(self) -> None:
        """Read the file again; raises `ConfigError` and keeps what was read before."""
        self._stamp, self._value = self._read()

    def _look(self) -> None:
        try:
            stamp = _stamp(self._path)
        except OSError:
            stamp = _GONE
        if stamp == self._stamp:
            return
        try:
            self.reload()
        except ConfigError as error:
            self._stamp = stamp
            log.error('%s; what was read before stays', error)

    def _read(self) -> tuple[tuple[int, int, int], T]:
        try:
            # the stamp first: a change between the two is seen by the next look
            stamp, text = _stamp(self._path), Path(self._path).read_text(encoding='utf-8')
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f'{self._option}: {self._path}: {getattr(error, "strerror", None) or error}') from error
        return stamp, self._parse(text, self._path)


def _stamp(path: str) -> tuple[int, int, int]:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size, status.st_ino
