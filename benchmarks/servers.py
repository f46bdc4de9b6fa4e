"""Objreg under other WSGI servers, each with the configuration that `examples/` has for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.servers.registries import EVERYBODY, ROOT, Objreg


class _Open(Objreg):
    """These do not tell where they listen, so whoever sits at this machine is nobody in particular to objreg."""

    def __init__(self, *arguments: Any, options: Mapping[str, Mapping[str, str]] | None = None, **more: Any) -> None:
        super().__init__(*arguments, options={**EVERYBODY, **(options or {})}, **more)


class Granian(_Open):
    """granian: a server in Rust."""

    name = 'granian'

    def command(self) -> list[str]:
        self.configure()
        return [str(Path(sys.executable).with_name('granian')), '--host', '127.0.0.1', '--port', str(self.port),
                *(ROOT / 'examples/servers/granian.args').read_text().split()]

    def environment(self) -> dict[str, str]:
        return super().environment() | {'OBJREG_PASTE': str(self.folder / 'paste.ini')}


class Gunicorn(_Open):
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
