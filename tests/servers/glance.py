"""OpenStack Glance v2 on one machine, with the Keystone of a folder beside its own: SQLite, images are files."""

from __future__ import annotations

import os
from pathlib import Path

from tests.servers.keystone import INSIDE, KEYSTONE, QUIET, environment
from tests.servers.ondemand import OnDemand
from tests.servers.process import free_ports, run


class Glance(OnDemand):
    """The server."""

    def prepare(self) -> None:
        self._python = environment()

    def build(self, folder: Path) -> dict[str, str]:
        keystone = KEYSTONE.start(folder.with_name('keystone'))
        folder.mkdir(parents=True)
        port = free_ports(1)
        run(self._python, INSIDE / 'image.py', folder, str(port), keystone['AUTH_URL'],
            log=folder / 'start.log', env={**os.environ, **QUIET})
        endpoint = f'http://127.0.0.1:{port}'
        KEYSTONE.admin(keystone).offer('image', endpoint)
        return {**keystone, 'GLANCE': endpoint}
