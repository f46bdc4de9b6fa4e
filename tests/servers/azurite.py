"""Azurite, Microsoft's emulator of Azure's Blob Storage; up in about 3 s.  tests/install-npm.sh installs it.

It keeps its files on the disk: in memory every write is a piece of its own, and it stands still for minutes when it
cleans up thousands of them, after ten minutes.  With TLS it takes tokens of identities too, and believes what they say;
without, keys and SAS only.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

from tests.servers.process import (
    Missing,
    StartFailed,
    free_ports,
    is_listening,
    is_running,
    locked,
    need,
    pids_in,
    run,
    stop,
    tail,
)

ACCOUNT = 'devstoreaccount1'
KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
"""Everybody's: it is part of the emulator."""
_INSTALLED = Path(__file__).resolve().parents[2] / '.cache/npm'


class Azurite:
    """How to start and stop one in a folder."""

    def __init__(self, *, tls: bool = False) -> None:
        self._tls = tls

    def start(self, folder: Path) -> dict[str, str]:
        """Bring it up in that folder, or leave it alone when it is; how to reach it, as names and values."""
        need('node')
        with locked(folder.with_name(f'{folder.name}.lock')):
            settings = running(folder)
            if settings is None:
                self.halt(folder)
                settings = self._start(folder)
            return settings

    def halt(self, folder: Path) -> None:
        """Stop what runs in that folder, and remove it."""
        if folder.exists():
            stop(pids_in(folder), str(folder), grace=0)
            shutil.rmtree(folder)

    def _start(self, folder: Path) -> dict[str, str]:
        program, port = _program(), free_ports(1)
        folder.mkdir(parents=True)
        command = ['node', program, '--blobPort', str(port), '--location', folder, '--silent', '--disableTelemetry']
        if self._tls:
            command += ['--oauth', 'basic', *_certified(folder)]
        with (folder / 'azurite.log').open('a') as log:
            # it is ended by its pid, by whoever is the last to use it: not a child to be waited for
            pid = os.posix_spawn(
                shutil.which('node') or 'node', list(map(str, command)), os.environ, setsid=True,
                file_actions=[(os.POSIX_SPAWN_DUP2, log.fileno(), number) for number in (1, 2)],
            )
        (folder / 'azurite.pid').write_text(str(pid))
        _wait(pid, port, folder)
        settings = {
            'AZURE_ENDPOINT': f'http{"s" if self._tls else ""}://127.0.0.1:{port}/{ACCOUNT}',
            'AZURE_ACCOUNT': ACCOUNT, 'AZURE_KEY': KEY, 'AZURE_CA': str(folder / 'crt') if self._tls else '',
        }
        (folder / 'settings.json').write_text(json.dumps(settings))
        return settings


def running(folder: Path) -> dict[str, str] | None:
    """How to reach the server of that folder; None when it is not up."""
    settings, pids = folder / 'settings.json', pids_in(folder)
    if not settings.exists() or not pids or not all(is_running(pid, str(folder)) for pid in pids):
        return None
    found: dict[str, str] = json.loads(settings.read_text())
    return found


def _program() -> Path:
    installed = [place for place in sorted(_INSTALLED.glob('azurite-*')) if (place / 'complete').exists()]
    if not installed:
        raise Missing('not installed (tests/install-npm.sh installs it)')
    return installed[-1] / 'node_modules/azurite/dist/src/blob/main.js'


def _certified(folder: Path) -> list[str | Path]:
    key, certificate = folder / 'key', folder / 'crt'
    run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-days', '2',
        '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', log=folder / 'openssl.log')
    return ['--cert', certificate, '--key', key]


def _wait(pid: int, port: int, folder: Path) -> None:
    deadline = time.monotonic() + 120
    while not is_listening(port):
        ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended or time.monotonic() > deadline:
            stop([pid], str(folder), grace=0)
            raise StartFailed(f'Azurite did not start:\n{tail(folder / "azurite.log")}')
        time.sleep(0.05)
