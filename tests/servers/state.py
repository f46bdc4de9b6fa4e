"""Where the servers of a run live, and their end.

``OBJREG_TEST_SERVERS=FOLDER`` names a folder whose servers outlive the run and are used by the next one; stop them by
``python -m tests.servers down FOLDER``.  Without it every run has a folder of its own, and they end with the run: the
run stops them itself, and a guard does if the run is killed.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Protocol

from tests.servers import ceph, gcs
from tests.servers.azurite import Azurite
from tests.servers.glance import Glance
from tests.servers.keystone import KEYSTONE
from tests.servers.swift import Swift

VARIABLE = 'OBJREG_TEST_SERVERS'
_OWN = 'OBJREG_TEST_SERVERS_OF_THIS_RUN'
_RUN = 'OBJREG_TEST_RUN'
_ROOT = Path(__file__).resolve().parents[2]


class Kind(Protocol):
    """How to start and stop a server in a folder."""

    def start(self, folder: Path) -> dict[str, str]:
        """How to reach it, as names and values."""

    def halt(self, folder: Path) -> None:
        """Remove the folder too."""


KINDS: dict[str, Kind] = {
    'azurite': Azurite(), 'azurite-tls': Azurite(tls=True), 'ceph': ceph, 'gcs': gcs, 'glance': Glance(),
    'keystone': KEYSTONE, 'swift': Swift(), 'swift-keystone': Swift(keystone=True),
    'swift-three': Swift(devices=3),
}


def begin() -> None:
    """Choose the folder of this run; its workers inherit it by the environment."""
    if VARIABLE not in os.environ and _OWN not in os.environ:
        os.environ[_OWN] = tempfile.mkdtemp(prefix='objreg-servers-')
        os.environ[_RUN] = str(os.getpid())


def end() -> None:
    """Stop what this run started, unless it was told to keep it."""
    if os.environ.get(_RUN) == str(os.getpid()):
        del os.environ[_RUN]
        down(Path(os.environ.pop(_OWN)))


def up(kind: str) -> dict[str, str]:
    """Start a server for this run, or find it running; how to reach it."""
    own = os.environ.get(_OWN)
    folder = Path(own or os.environ[VARIABLE]).resolve()
    if own is not None:
        _guard(folder)
    return KINDS[kind].start(folder / kind)


def down(folder: Path) -> None:
    """Stop all servers of a folder and remove it."""
    for kind, server in KINDS.items():
        server.halt(folder.resolve() / kind)
    shutil.rmtree(folder, ignore_errors=True)


def _guard(folder: Path) -> None:
    """Have the servers stopped when the run is killed: once a run, whoever comes first."""
    try:
        (folder / 'guarded').touch(exist_ok=False)
    except FileExistsError:
        return
    subprocess.run([sys.executable, '-m', 'tests.servers', 'guard', os.environ[_RUN], str(folder)], cwd=_ROOT,
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def guard(pid: int, folder: Path) -> None:
    """In a process of its own: wait for the end of another, then stop the servers."""
    watched = os.pidfd_open(pid)
    if os.fork():
        return
    os.setsid()
    os.chdir('/')
    select.select([watched], [], [])
    down(folder)
