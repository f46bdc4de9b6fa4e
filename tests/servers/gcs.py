"""An emulator of Google Cloud Storage (fake-gcs-server, through the Go module proxy); up in less than a second.

It keeps everything in memory.  What it does as the real one does, and what not, is told in docs/stores.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.servers.process import (
    Missing,
    StartFailed,
    free_ports,
    is_listening,
    is_running,
    locked,
    pids_in,
    stop,
    tail,
)

PROGRAM = Path(__file__).resolve().parents[2] / '.cache/go/bin/fake-gcs-server'


def start(folder: Path) -> dict[str, str]:
    """Bring it up in that folder, or leave it alone when it is; how to reach it, as names and values."""
    if not PROGRAM.exists():
        raise Missing('fake-gcs-server: tests/install-go.sh builds it')
    with locked(folder.with_name(f'{folder.name}.lock')):
        settings = running(folder)
        if settings is None:
            halt(folder)
            settings = _build(folder)
        return settings


def running(folder: Path) -> dict[str, str] | None:
    """How to reach the emulator of that folder; None when it is not up."""
    settings, pids = folder / 'settings.json', pids_in(folder)
    if not settings.exists() or not pids or not is_running(pids[0], str(folder)):
        return None
    found: dict[str, str] = json.loads(settings.read_text())
    return found


def halt(folder: Path) -> None:
    """Stop what runs in that folder, and remove it."""
    if folder.exists():
        stop(pids_in(folder), str(folder), grace=0)
        shutil.rmtree(folder)


def _build(folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True)
    port, log = free_ports(1), folder / 'emulator.log'
    endpoint = f'http://127.0.0.1:{port}'
    with log.open('w') as file:
        process = subprocess.Popen(
            [
                PROGRAM, '-backend', 'memory', '-scheme', 'http', '-host', '127.0.0.1', '-port', str(port),
                '-public-host', f'127.0.0.1:{port}', '-external-url', endpoint, '-log-level', 'error',
                '-data', str(folder / 'nothing'),  # names the folder in the command line
            ],
            stdout=file, stderr=file, stdin=subprocess.DEVNULL, start_new_session=True, env={'PATH': os.defpath},
        )
    (folder / 'emulator.pid').write_text(str(process.pid))
    deadline = time.monotonic() + 20
    while not is_listening(port):
        if process.poll() is not None or time.monotonic() > deadline:
            stop([process.pid], str(folder), grace=0)
            raise StartFailed(f'fake-gcs-server did not start\n{tail(log)}')
        time.sleep(0.02)
    process.returncode = 0  # it is not to be waited for: it outlives this process
    settings = {'GCS_ENDPOINT': endpoint}
    (folder / 'settings.json').write_text(json.dumps(settings))
    return settings
