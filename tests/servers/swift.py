"""A one-node OpenStack Swift with its S3 interface (s3api) and tempauth; up in about 2 s.

Swift comes from PyPI into a virtual environment of its own under ``.cache/``, made when it is first needed.
The folder must lie on a file system that has user extended attributes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from tests.servers.process import Missing, free_ports, is_running, locked, pids_in, run, stop

VERSION = '2.38.3'
USER, KEY = 'test:tester', 'testing'
READER, READER_KEY = 'test:tester3', 'testing3'
"""Who may read, where a container's list says so."""
_INSIDE = Path(__file__).resolve().parent / 'in_swift'
_CACHE = _INSIDE.parents[2] / '.cache'
_SERVERS = 4


def start(folder: Path) -> dict[str, str]:
    """Bring it up in that folder, or leave it alone when it is; how to reach it, as names and values."""
    python = environment()
    with locked(folder.with_name(f'{folder.name}.lock')):
        settings = running(folder)
        if settings is None:
            halt(folder)
            try:
                settings = _build(folder, python)
            except BaseException:
                # its logs stay, its processes do not
                stop(pids_in(folder), str(folder), grace=0)
                raise
        return settings


def running(folder: Path) -> dict[str, str] | None:
    """How to reach the cluster of that folder; None when it is not up."""
    settings = folder / 'settings.json'
    pids = pids_in(folder)
    if not settings.exists() or len(pids) < _SERVERS or not all(is_running(pid, str(folder)) for pid in pids):
        return None
    found: dict[str, str] = json.loads(settings.read_text())
    return found


def halt(folder: Path) -> None:
    """Stop what runs in that folder, and remove it."""
    if folder.exists():
        stop(pids_in(folder), str(folder), grace=0)
        shutil.rmtree(folder)


def environment() -> Path:
    """The Python that has Swift; made, and Swift installed, when it is not there."""
    place = _CACHE / f'swift-{VERSION}-{sys.version_info.major}.{sys.version_info.minor}'
    python = place / 'bin' / 'python'
    with locked(place.with_name(f'{place.name}.lock')):
        if not (place / 'complete').exists():
            shutil.rmtree(place, ignore_errors=True)
            log = place.with_name(f'{place.name}.log')
            try:
                run(sys.executable, '-m', 'venv', place, log=log)
                run(python, '-m', 'pip', 'install', '--quiet', f'swift=={VERSION}', log=log)
            except Exception as error:
                raise Missing(f'Swift cannot be installed: {error}') from error
            (place / 'complete').touch()
    return python


def _build(folder: Path, python: Path) -> dict[str, str]:
    _need_attributes(folder)
    port = free_ports(_SERVERS)
    env = {**os.environ, 'PYTHONPATH': str(_INSIDE), 'PYTHONWARNINGS': 'ignore'}
    run(python, _INSIDE / 'cluster.py', folder, str(port), log=folder / 'setup.log', env=env)
    endpoint = f'http://127.0.0.1:{port}'
    settings = {
        'S3_ENDPOINT': endpoint, 'S3_ACCESS_KEY': USER, 'S3_SECRET_KEY': KEY,
        'SWIFT_AUTH_URL': f'{endpoint}/auth/v1.0', 'SWIFT_USER': USER, 'SWIFT_KEY': KEY,
        'SWIFT_READER_USER': READER, 'SWIFT_READER_KEY': READER_KEY,
    }
    (folder / 'settings.json').write_text(json.dumps(settings))
    return settings


def _need_attributes(folder: Path) -> None:
    folder.mkdir(parents=True)
    try:
        os.setxattr(folder, 'user.swift.metadata', b'x' * 1024)
    except OSError as error:
        raise Missing(f'no user extended attributes below {folder.parent}: {error}') from error
