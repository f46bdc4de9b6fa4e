"""What many threads need, and one of them finds out."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar('Key', bound=Hashable)
Found = TypeVar('Found')


class Once(Generic[Key, Found]):
    """Values by their keys, each found by whoever asks first; the others wait, and what it raised is raised to all."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._coming: dict[Key, Future[Found]] = {}
        self._found: dict[Key, Found] = {}

    def get(self, key: Key, find: Callable[[], Found]) -> Found:
        """The value."""
        with self._lock:
            if key in self._found:
                return self._found[key]
            coming = self._coming.get(key)
            is_first = coming is None
            if coming is None:
                coming = self._coming[key] = Future()
        if is_first:
            try:
                coming.set_result(find())
            except BaseException as error:
                coming.set_exception(error)
            else:
                with self._lock:  # a value alone takes less memory, and there may be very many
                    self._found[key] = self._coming.pop(key).result()
        return coming.result()
