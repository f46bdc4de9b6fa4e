"""OpenStack Swift on one machine, with its S3 interface (s3api); up in about 2 s.

Swift comes from PyPI into a virtual environment of its own.  The folder must lie on a file system that has user
extended attributes.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.servers.environments import python_with
from tests.servers.keystone import KEYSTONE, PASSWORD, USER
from tests.servers.ondemand import OnDemand
from tests.servers.process import Missing, free_ports, run

VERSION = '2.38.3'
MIDDLEWARE = '13.0.1'
_TESTER, _KEY = 'test:tester', 'testing'
_READER, _READER_KEY = 'test:tester3', 'testing3'
"""Who may read, where a container's list says so."""
_INSIDE = Path(__file__).resolve().parent / 'in_swift'


class Swift(OnDemand):
    """With tempauth, or with the Keystone of a folder beside its own; all is kept on each of its devices."""

    processes = 4

    def __init__(self, *, devices: int = 1, keystone: bool = False) -> None:
        self._devices = devices
        self._keystone = keystone

    def prepare(self) -> None:
        self._python = python_with(
            f'swift-{VERSION}-{MIDDLEWARE}', f'swift=={VERSION}', f'keystonemiddleware=={MIDDLEWARE}'
        )

    def build(self, folder: Path) -> dict[str, str]:
        keystone = KEYSTONE.start(folder.with_name('keystone')) if self._keystone else {}
        _need_attributes(folder)
        port = free_ports(self.processes)
        endpoint = f'http://127.0.0.1:{port}'
        env = {**os.environ, 'PYTHONPATH': str(_INSIDE), 'PYTHONWARNINGS': 'ignore'}
        run(self._python, _INSIDE / 'cluster.py', folder, str(port), str(self._devices),
            keystone.get('AUTH_URL', ''), log=folder / 'setup.log', env=env)
        settings = {'SWIFT_DEVICES': str(folder / 'srv')}
        if not self._keystone:
            return settings | {
                'S3_ENDPOINT': endpoint, 'S3_ACCESS_KEY': _TESTER, 'S3_SECRET_KEY': _KEY,
                'SWIFT_AUTH_URL': f'{endpoint}/auth/v1.0', 'SWIFT_USER': _TESTER, 'SWIFT_KEY': _KEY,
                'SWIFT_READER_USER': _READER, 'SWIFT_READER_KEY': _READER_KEY,
            }
        KEYSTONE.admin(keystone).offer('object-store', f'{endpoint}/v1/AUTH_%(project_id)s')
        return settings | keystone | {
            'SWIFT_AUTH_URL': keystone['AUTH_URL'], 'SWIFT_USER': USER, 'SWIFT_KEY': PASSWORD,
        }


def _need_attributes(folder: Path) -> None:
    folder.mkdir(parents=True)
    try:
        os.setxattr(folder, 'user.swift.metadata', b'x' * 1024)
    except OSError as error:
        raise Missing(f'no user extended attributes below {folder.parent}: {error}') from error
