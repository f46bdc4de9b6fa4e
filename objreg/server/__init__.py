"""The default server: waitress, set up for a registry.

Reads each request whole before a layer sees it (a body above 512 KiB into a file in `spool`), so a slow client costs a
connection and no thread.  Serves HTTP without TLS: put a proxy before it for that.

Options of ``[server:main]``; those of the command line come first:

``host = 127.0.0.1``
    The address, or the name, to listen on; ``0.0.0.0`` and ``::`` are all of IPv4 and of IPv6.
``port = 5000``
    The port.
``unix =``
    A path to listen on instead, for a proxy on the same machine.
``workers = auto``
    How many processes.  ``auto``: one for each core, at most four, where the store is this machine's own folder; one
    elsewhere, since each has a cache of its own and would ask the store again for what another knows.
``threads = auto``
    How many requests a process works on at a time.  ``auto``: 4 for a folder of this machine, else 32, most of which
    wait for the store; as many connections to the store are right (``pool`` of the ``s3`` driver).
``connections = 1000``
    How many clients a process serves at a time; more wait.
``idle = 120``
    Seconds after which a connection without a request is closed.
``grace = 30``
    Seconds that transfers have to end after SIGTERM.
``spool =``
    The folder for bodies on their way.  Must hold as many of the largest layers as are pushed at a time.  Empty: that
    of the store where it is a folder of this machine, since a file then becomes a layer without being copied; else
    that of the system (``TMPDIR``).
``unprotected = refuse``
    What to do with a pipeline in which nobody is ever refused anything (no ``auth``, or one of ``type = none``) on an
    address that others reach: ``refuse`` to start, or ``allow``.
``body = 20 GiB``
    The largest body of a request for a blob; others are 16 MiB at most.  The body is taken in before any layer is asked
    whether the client may send it.
``headers = 64 KiB``
    The most that the headers of a request may take.

Signals: SIGTERM and SIGINT stop it (a second one at once), SIGHUP reads secrets, keys and password files again.

Example::

    [server:main]
    use = egg:objreg#server
    host = 0.0.0.0
    threads = 32
"""

from __future__ import annotations

import contextlib
import copy
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from wsgiref.types import WSGIApplication

from waitress.utilities import cleanup_unix_socket

from objreg import pipeline
from objreg.auth.machine import is_own_address
from objreg.config import ConfigError, as_seconds, as_size
from objreg.server import metrics
from objreg.server.process import Process, bound_arenas, never_an_orphan
from objreg.server.spool import SMALL_BODY, Adjusted
from objreg.server.workers import Workers

_RECEIVED_AT_ONCE = 16 * 1024
"""Bytes of a request's head, and what follows it; bodies are read in larger pieces (`objreg.server.channel`)."""
_MAX_WAITING_ANSWER = 256 * 1024
"""Bytes of an answer that wait in memory for a slow client; beyond, its thread waits."""


@dataclass(frozen=True)
class Settings:
    """The options, converted."""

    host: str
    port: int
    unix: str
    workers: int
    threads: int
    connections: int
    idle: int
    grace: float
    spool: str
    body: int
    headers: int
    unprotected: str

    @property
    def is_own_address(self) -> bool:
        """Whether it listens where nobody but this machine comes."""
        return not self.unix and is_own_address(self.host)


def address(wanted: Settings, port: int) -> str:
    """Where it serves, for people; `port` is the one that it got where it asked for any."""
    if wanted.unix:
        return f'unix:{wanted.unix}'
    return f'http://[{wanted.host}]:{port}' if ':' in wanted.host else f'http://{wanted.host}:{port}'


def reached(wanted: Settings, port: int) -> str:
    """The same as a URL for a browser of this machine: whoever listens on all addresses listens on ``localhost``."""
    if wanted.unix:
        return ''
    return f'http://localhost:{port}' if wanted.host in ('', '0.0.0.0', '::') else address(wanted, port)  # noqa: S104


def settings(
    application: WSGIApplication, *, host: str = '127.0.0.1', port: str = '5000', unix: str = '', workers: str = 'auto',
    threads: str = 'auto', connections: str = '1000', idle: str = '120', grace: str = '30', spool: str = '',
    unprotected: str = 'refuse', body: str = '20 GiB', headers: str = '64 KiB',
) -> Settings:
    """The options of the module's docstring, converted; raises `ConfigError`."""
    found = [registry.store for registry in pipeline.registries(application)]
    is_local = all(store.capabilities.local for store in found)
    cores = len(os.sched_getaffinity(0))
    if spool and not os.access(spool, os.W_OK | os.X_OK):
        raise ConfigError(f'spool: {spool!r} is not a folder that can be written')
    if unprotected not in ('refuse', 'allow'):
        raise ConfigError(f'unprotected: {unprotected!r} is neither refuse nor allow')
    return Settings(
        host=host,
        port=_number('port', port, 0, 65535),
        unix=unix,
        workers=_number('workers', workers, 1, 1000, auto=min(cores, 4) if is_local else 1),
        threads=_number('threads', threads, 1, 1000, auto=4 if is_local else 32),
        connections=_number('connections', connections, 1, 1_000_000),
        idle=int(as_seconds(idle)),
        grace=as_seconds(grace),
        spool=spool or next((store.spool for store in found if store.spool), ''),
        body=as_size(body),
        headers=as_size(headers),
        unprotected=unprotected,
    )


def settle(application: WSGIApplication, wanted: Settings) -> None:
    """Tell each layer whether others reach this server; raises `ConfigError` if they do and nobody is ever refused.

    What is behind a socket of this machine is for a proxy, hence for others, but guarded by whoever set that up.
    """
    layers = list(pipeline.layers(application))
    for layer in layers:
        listening = getattr(layer, 'listening', None)
        if listening is not None:
            listening(wanted.is_own_address)
    is_protected = any(getattr(layer, 'protects', False) for layer in layers)
    if not (is_protected or wanted.is_own_address or wanted.unix or wanted.unprotected == 'allow'):
        raise ConfigError(
            f'host: {wanted.host}: whoever reaches it may read, write and delete everything; give [filter:auth] a '
            'type, or say unprotected = allow in [server:main]'
        )


def _number(option: str, text: str, least: int, most: int, *, auto: int | None = None) -> int:
    if auto is not None and text == 'auto':
        return auto
    if not (text.isascii() and text.isdigit()) or not least <= int(text[:9]) <= most:
        hint = ' or auto' if auto is not None else ''
        raise ConfigError(f'{option}: {text!r} is not a number from {least} to {most}{hint}')
    return int(text)


def listen(wanted: Settings) -> list[socket.socket]:
    """The sockets, bound; raises `ConfigError`."""
    if wanted.unix:
        return [_listen_unix(wanted.unix)]
    try:
        found = socket.getaddrinfo(wanted.host or None, wanted.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError(f'host: {wanted.host!r}: {getattr(error, "strerror", error)}') from error
    with contextlib.ExitStack() as undo:
        sockets = []
        for family, kind, protocol, _, address in dict.fromkeys(found):
            made = undo.enter_context(socket.socket(family, kind, protocol))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                made.bind(address)
            except OSError as error:
                raise ConfigError(f'port: {wanted.host}:{wanted.port}: {error.strerror}') from error
            made.listen(1024)
            sockets.append(made)
        undo.pop_all()
    return sockets


def _listen_unix(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        cleanup_unix_socket(path)
        made.bind(path)
        Path(path).chmod(0o660)
    except OSError as error:
        made.close()
        raise ConfigError(f'unix: {path}: {error.strerror or error}') from error
    made.listen(1024)
    return made


def serve(application: WSGIApplication, wanted: Settings, ready: Callable[[list[socket.socket]], None]) -> int:
    """Serve a pipeline that was started until told to stop; the exit status.

    `ready` is called once the sockets accept connections.
    """
    settle(application, wanted)
    bound_arenas()
    sockets = listen(wanted)
    adjustments = _adjustments(wanted, sockets)

    def work(is_orphan: Callable[[], bool] = never_an_orphan) -> None:
        Process(application, sockets, adjustments).run(
            grace=wanted.grace, is_orphan=is_orphan,
            reload=lambda: pipeline.each(application, 'reload'), drain=lambda: pipeline.each(application, 'drain'),
        )

    ready(sockets)
    if wanted.workers == 1:
        work()
        return 0
    parent = os.getpid()

    def close() -> None:
        for listening in sockets:  # the workers close theirs: nobody is to wait in a queue that is not served
            listening.close()

    return Workers(
        wanted.workers, lambda: work(lambda: os.getppid() != parent), metrics.forget_process, close
    ).run()


def _adjustments(wanted: Settings, sockets: list[socket.socket]) -> Adjusted:
    """What waitress is told."""
    made = Adjusted(
        sockets=sockets, threads=wanted.threads, connection_limit=wanted.connections, channel_timeout=wanted.idle,
        max_request_body_size=wanted.body, max_request_header_size=wanted.headers, recv_bytes=_RECEIVED_AT_ONCE,
        outbuf_high_watermark=_MAX_WAITING_ANSWER, outbuf_overflow=16 * _MAX_WAITING_ANSWER, ident='objreg',
        clear_untrusted_proxy_headers=False, log_socket_errors=False,
        cleanup_interval=max(1, min(30, wanted.idle // 4)),
    )
    made.spool = wanted.spool
    made.of_small_bodies = copy.copy(made)
    made.of_small_bodies.max_request_body_size = min(SMALL_BODY, wanted.body)
    return made


def run(application: WSGIApplication, global_conf: dict[str, str], **options: str) -> None:
    """Paste Deploy's ``paste.server_runner``: for whoever starts pipelines by a program of their own."""
    pipeline.start(application)
    serve(application, settings(application, **options), lambda _: None)
