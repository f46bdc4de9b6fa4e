"""One process that serves: from its sockets until it is told to stop, and then until its transfers have ended."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import signal
import time
from collections.abc import Callable, Sequence
from socket import AF_UNIX, socket
from typing import Any
from wsgiref.types import WSGIApplication

from waitress import wasyncore
from waitress.adjustments import Adjustments

from objreg.server import signals
from objreg.server.channel import Channel, TcpServer, Threads, UnixServer

log = logging.getLogger(__name__)

_M_ARENA_MAX = -8
"""Of glibc's ``malloc.h``."""


class Process:
    """The sockets of this process, its threads and the loop between them."""

    def __init__(self, application: WSGIApplication, sockets: Sequence[socket], adjustments: Adjustments) -> None:
        self._map: dict[int, Any] = {}
        self._threads = Threads()
        self._threads.set_thread_count(adjustments.threads)
        self._is_reload_wanted = False
        self._servers = [self._server(application, listening, adjustments) for listening in sockets]

    def _server(self, application: WSGIApplication, listening: socket, adjustments: Adjustments) -> Any:
        kind = UnixServer if listening.family == AF_UNIX else TcpServer
        known = (listening.family, listening.type, listening.proto, listening.getsockname())
        return kind(
            application, self._map, True, listening, dispatcher=self._threads, adj=adjustments, sockinfo=known,
            bind_socket=False,
        )

    def run(self, *, grace: float, reload: Callable[[], None], drain: Callable[[], None],
            is_orphan: Callable[[], bool]) -> None:
        """Serve until SIGTERM or SIGINT, then for at most `grace` seconds what has begun.

        `reload` is called at SIGHUP, `drain` once when the end begins; `is_orphan` says that the end has come as
        nobody could tell it any more.
        """
        wanted: list[int] = []
        with signals.handled(lambda number, _: self._wake(wanted, number)):
            while True:
                wasyncore.loop(1, use_poll=True, map=self._map, count=1)
                if self._is_reload_wanted:
                    self._is_reload_wanted = False
                    _logged(reload)
                if wanted or is_orphan():
                    break
            drain()
            self._finish(grace, wanted)

    def _wake(self, wanted: list[int], number: int) -> None:
        if number == signal.SIGHUP:
            self._is_reload_wanted = True
        else:
            wanted.append(number)
        self._servers[0].pull_trigger()

    def _finish(self, grace: float, wanted: list[int]) -> None:
        """Accept nothing any more, and go on until no request is left; a second signal ends that."""
        deadline, told = time.monotonic() + grace, len(wanted)
        for server in self._servers:
            wasyncore.dispatcher.close(server)
        while (open_ := self._channels()) and time.monotonic() < deadline and len(wanted) == told:
            for channel in open_:
                if channel.is_idle:
                    channel.will_close = True
            wasyncore.loop(0.1, use_poll=True, map=self._map, count=1)
        if cut := [channel for channel in self._channels() if not channel.is_idle]:
            log.warning('stopped with %d transfers under way', len(cut))
        self._threads.shutdown(timeout=1)
        wasyncore.close_all(self._map)

    def _channels(self) -> list[Channel]:
        return [channel for server in self._servers for channel in server.active_channels.values()]


def _logged(function: Callable[[], None]) -> None:
    """What cannot be read again leaves what was read before."""
    try:
        function()
    except Exception as error:
        log.error('not reloaded: %s', error)
    else:
        log.info('reloaded')


def bound_arenas() -> None:
    """Let the threads share two of glibc's heaps: one for each, of which it keeps the largest size, is a third more."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def never_an_orphan() -> bool:
    """Of a process that nobody watches."""
    return False
