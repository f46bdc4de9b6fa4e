"""The wheel, in an environment that has nothing else, works as the checkout does."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from objreg import manual, stores
from objreg.manifest import OCI_MANIFEST
from objreg.names import Digest
from tests import documents
from tests.servers.registries import Server

pytestmark = pytest.mark.xdist_group('wheel')
LAYER = b'a layer'


class Installed(Server):
    """``objreg serve`` without any file, in an empty folder."""

    name = 'installed'

    def __init__(self, folder: Path, programs: Path) -> None:
        super().__init__(folder)
        self._programs = programs
        folder.mkdir()
        self.where = folder

    def command(self) -> list[str]:
        return [str(self._programs / 'objreg'), 'serve', '--port', str(self.port)]

    def environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'} | {
            'DATA': str(self.folder / 'data'),
        }


def test_an_image_is_pushed_to_what_was_installed(installed: Path, tmp_path: Path) -> None:
    with Installed(tmp_path / 'server', installed) as server:
        for data in (documents.CONFIG, LAYER):
            server.must('POST', f'/v2/app/blobs/uploads/?digest={Digest.of(data)}', body=data)
        manifest = documents.image(LAYER)
        server.must('PUT', '/v2/app/manifests/v1', {'Content-Type': OCI_MANIFEST}, manifest)
        assert server.call('GET', '/v2/app/manifests/v1')[1] == manifest
        status, page, _ = server.call('GET', '/hub/join')
        files = re.findall(r'"(/hub/static/[^"]+)"', page.decode())
        assert status == 200 and files and {server.call('GET', path)[0] for path in files} == {200}
    assert (tmp_path / 'server/data').is_dir()


def test_it_brings_every_driver_and_layer_and_its_configuration(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [installed / 'objreg', 'check-config'], capture_output=True, text=True, check=False, cwd=tmp_path,
        env={'DATA': str(tmp_path / 'data'), 'PATH': os.environ['PATH']},
    )
    assert (done.returncode, done.stderr) == (0, '')
    listed = 'from objreg import stores, manual; print(*stores.drivers(), len([*manual.described()]))'
    told = subprocess.run(
        [installed / 'python', '-c', listed], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert told.stdout.split() == [*stores.drivers(), str(len([*manual.described()]))]
