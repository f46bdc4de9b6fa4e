"""Processes known by a pid file and a path in their command line, ports, and a lock between processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path


class Missing(Exception):
    """A server cannot be started here, and why; what would mend it."""


class StartFailed(Exception):
    """A server is installed and did not come up: what was run, and the end of what it said."""


def need(*programs: str) -> None:
    """Raise `Missing` unless all of these can be run."""
    absent = [program for program in programs if shutil.which(program) is None]
    if absent:
        raise Missing(f'not installed: {", ".join(absent)} (tests/install.sh installs them)')


def run(*command: str | Path, log: Path, env: dict[str, str] | None = None) -> str:
    """Run a command to its end, its standard error kept in `log`; what it printed."""
    with log.open('a') as errors:
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=errors, text=True, env=env,
                              stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise StartFailed(f'{" ".join(map(str, command))}: exit {done.returncode}\n{tail(log)}')
    return done.stdout


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log."""
    return '\n'.join(log.read_text(errors='replace').splitlines()[-lines:])


def is_running(pid: int, marker: str) -> bool:
    """Whether the process lives and still is the one whose command line names `marker`; a zombie has none."""
    try:
        return marker in Path(f'/proc/{pid}/cmdline').read_bytes().decode(errors='replace')
    except OSError:
        return False


def pids_in(folder: Path) -> list[int]:
    """What the pid files of a folder say."""
    return [int(text) for path in sorted(folder.glob('*.pid')) if (text := path.read_text().strip())]


def stop(pids: Sequence[int], marker: str, *, grace: float = 5) -> None:
    """End those of the processes that still are what they were: by TERM, and by KILL after `grace` seconds."""
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5)):
        left = [pid for pid in pids if is_running(pid, marker)]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while any(is_running(pid, marker) for pid in left) and time.monotonic() < deadline:
            time.sleep(0.02)


def free_ports(count: int) -> int:
    """The first of `count` free consecutive ports, below those that the kernel gives to outgoing connections."""
    for _ in range(200):
        first = random.randrange(20000, 32000 - count)
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise Missing(f'no {count} free consecutive ports')


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(('127.0.0.1', port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(('127.0.0.1', port)) == 0


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the kernel gives it back when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('a') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
