"""The signals that a server obeys, and the moments at which they may wait."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator

NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def handled(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Have `handler` called for each, and for what waited until now."""
    before = {number: signal.signal(number, handler) for number in NUMBERS}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, NUMBERS)
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


@contextlib.contextmanager
def waiting() -> Iterator[None]:
    """Let each wait until the end of the block; what is forked in it starts with them waiting, too."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, NUMBERS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
