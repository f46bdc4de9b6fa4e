"""Lets the processes of one server count together: prometheus-client does that through files of a folder."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

_FOLDER = 'PROMETHEUS_MULTIPROC_DIR'


@contextlib.contextmanager
def counted_together() -> Iterator[None]:
    """A folder for the time of the server; must begin before the library is imported, which looks for it then."""
    if _FOLDER in os.environ:
        yield
        return
    parent = os.getpid()
    with contextlib.ExitStack() as stack:
        os.environ[_FOLDER] = folder = tempfile.mkdtemp(prefix='objreg-metrics-')

        def remove() -> None:
            if os.getpid() == parent:
                del os.environ[_FOLDER]  # no later child of this process is to look for it
                for name in os.listdir(folder):
                    os.unlink(f'{folder}/{name}')
                os.rmdir(folder)

        stack.callback(remove)
        yield


def forget_process(pid: int) -> None:
    """What a process that ended had under way counts no more."""
    if _FOLDER in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid)
