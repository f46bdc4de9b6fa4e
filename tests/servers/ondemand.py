"""A server that is started when somebody asks for it, and shared by all who name the same folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.servers.process import is_running, locked, pids_in, stop


class OnDemand:
    """Derive and say how it is built.  Its processes name the folder in their command lines."""

    processes = 1
    """How many there are."""

    def prepare(self) -> None:
        """Install what it needs; raises `Missing`."""

    def build(self, folder: Path) -> dict[str, str]:
        """Start it in that folder, which is not there yet; how to reach it, as names and values."""
        raise NotImplementedError

    def start(self, folder: Path) -> dict[str, str]:
        """Bring it up in that folder, or leave it alone when it is; how to reach it."""
        self.prepare()
        with locked(folder.with_name(f'{folder.name}.lock')):
            settings = self.running(folder)
            if settings is None:
                self.halt(folder)
                try:
                    settings = self.build(folder)
                    (folder / 'settings.json').write_text(json.dumps(settings))
                except BaseException:
                    # its logs stay, its processes do not
                    stop(pids_in(folder), str(folder), grace=0)
                    raise
            return settings

    def running(self, folder: Path) -> dict[str, str] | None:
        """How to reach what runs in that folder; None when it is not up."""
        settings, pids = folder / 'settings.json', pids_in(folder)
        if not settings.exists() or len(pids) < self.processes:
            return None
        if not all(is_running(pid, str(folder)) for pid in pids):
            return None
        found: dict[str, str] = json.loads(settings.read_text())
        return found

    def halt(self, folder: Path) -> None:
        """Stop what runs in that folder, and remove it."""
        if folder.exists():
            stop(pids_in(folder), str(folder), grace=0)
            shutil.rmtree(folder)
