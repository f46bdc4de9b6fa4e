"""Objreg under other WSGI servers, each with the configuration that `examples/` has for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.servers.registries import ROOT, Objreg


class Granian(Objreg):
    """granian: a server in Rust."""

    name = 'granian'

    def command(self) -> list[str]:
        self.configure()
        return [str(Path(sys.executable).with_name('granian')), '--host', '127.0.0.1', '--port', str(self.port),
                *(ROOT / 'examples/servers/granian.args').read_text().split()]

    def environment(self) -> dict[str, str]:
        return super().environment() | {'OBJREG_PASTE': str(self.folder / 'paste.ini')}


class Gunicorn(Objreg):
    """gunicorn: its threaded workers."""

    name = 'gunicorn'

    def command(self) -> list[str]:
        self.configure()
        return [str(Path(sys.executable).with_name('gunicorn')), '--bind', f'127.0.0.1:{self.port}', '--config',
                str(ROOT / 'examples/servers/gunicorn.conf.py')]

    def environment(self) -> dict[str, str]:
        return dict(os.environ) | {'OBJREG_PASTE': str(self.folder / 'paste.ini')}


SERVERS: dict[str, type[Objreg]] = {'granian': Granian}
"""Those that are measured; all are tested."""
