"""A registry moves from a folder to Swift, and from there to Ceph, while it is in use."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from objreg.drivers.file import FileStore
from objreg.manifest import OCI_MANIFEST
from objreg.names import Digest
from tests import documents
from tests.inprocess import Client
from tests.servers.buckets import Bucket
from tests.servers.containers import Container
from tests.servers.registries import Objreg

IMAGES, LAYERS = int(os.environ.get('OBJREG_TEST_IMAGES', '60')), 10
"""500 makes it the 5,000 blobs that docs/roadmap.md tells of."""
Tags = dict[str, bytes]
"""The manifest of each tag, by ``repository:tag``."""


@pytest.fixture
def sections(tmp_path: Path, swift_container: Container, ceph_bucket: Bucket) -> dict[str, Any]:
    """The stores, and those around two of them while the registry moves."""
    return {
        'folder': {'driver': 'file', 'path': str(tmp_path / 'folder'), 'sync': False},
        'swift': {'driver': 'swift', **swift_container.plain_options},
        'ceph': {'driver': 's3', **ceph_bucket.options},
        'to-swift': {'driver': 'mirror-read', 'store': 'swift', 'second': 'folder'},
        'to-ceph': {'driver': 'mirror-read', 'store': 'ceph', 'second': 'swift'},
    }


def filled(folder: Path) -> Tags:
    """A registry of that many images, no two of which share a layer."""
    store = FileStore(str(folder), sync=False)
    client, chance, tags = Client(store), random.Random(1), Tags()
    for number in range(IMAGES):
        layers = [chance.randbytes(chance.randrange(200, 2000)) for _ in range(LAYERS)]
        tags[f'team/app{number % 20}:v{number}'] = client.push_image(f'team/app{number % 20}', f'v{number}', *layers)
    store.close()
    return tags


class Pusher(threading.Thread):
    """A client that pushes until it is stopped, and notes what was acknowledged.

    The second one moves the tags of the first one.
    """

    def __init__(self, server: Objreg) -> None:
        super().__init__()
        self.tags: Tags = {}
        self._server = server
        self._stopped = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._push(f'team/app{len(self.tags) % 20}', f'new{len(self.tags)}')
        except Exception as error:
            self.failure = error

    def _push(self, name: str, tag: str) -> None:
        layers = [os.urandom(1000) for _ in range(3)]
        for data in (documents.CONFIG, *layers):
            self._server.must('POST', f'/v2/{name}/blobs/uploads/?digest={Digest.of(data)}', body=data)
        manifest = documents.image(*layers)
        self._server.must('PUT', f'/v2/{name}/manifests/{tag}', {'Content-Type': OCI_MANIFEST}, manifest)
        self.tags[f'{name}:{tag}'] = manifest

    def stop(self) -> Tags:
        """What was acknowledged."""
        self._stopped.set()
        self.join()
        if self.failure:
            raise self.failure
        return self.tags


def command(folder: Path, source: str, target: str) -> list[str]:
    return [sys.executable, '-m', 'objreg', 'store', 'copy', source, target, '--stores', str(folder / 'stores.yml'),
            '--json', '--jobs', '16']


def copy(folder: Path, source: str, target: str) -> dict[str, Any]:
    """Copy; killed three times on the way, and to its end after that."""
    for _ in range(3):
        with subprocess.Popen(command(folder, source, target), stdout=subprocess.DEVNULL) as running:
            time.sleep(1.5 + IMAGES / 200)
            assert running.poll() is None, 'it was done before it could be killed'
            running.send_signal(signal.SIGKILL)
    done = subprocess.run(command(folder, source, target), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def serving(folder: Path, sections: dict[str, Any], name: str) -> Objreg:
    """The registry over the store of that name."""
    options = {'app:registry': {'redirect': 'never'}, 'filter:errors': {'log': 'none'}}
    return Objreg(folder / f'over-{name}', sections[name], others=sections, options=options)


def check_tags(server: Objreg, tags: Tags) -> None:
    """Every tag names what was pushed, and its blobs are there."""
    for reference, manifest in tags.items():
        name, _, tag = reference.partition(':')
        assert server.call('GET', f'/v2/{name}/manifests/{tag}')[1] == manifest, reference
    for reference in random.Random(2).sample(sorted(tags), min(20, len(tags))):
        name = reference.partition(':')[0]
        for layer in json.loads(tags[reference])['layers']:
            assert Digest.of(server.call('GET', f'/v2/{name}/blobs/{layer["digest"]}')[1]) == Digest.parse(
                layer['digest'])


def test_a_registry_moves_twice_while_it_is_in_use(tmp_path: Path, sections: dict[str, Any]) -> None:
    tags = filled(tmp_path / 'folder')
    (tmp_path / 'stores.yml').write_text(json.dumps(sections))  # JSON is YAML
    for between, source, target in (('to-swift', 'folder', 'swift'), ('to-ceph', 'swift', 'ceph')):
        with serving(tmp_path, sections, between) as server:
            pusher = Pusher(server)
            pusher.start()
            try:
                told = copy(tmp_path, source, target)
            finally:
                tags |= pusher.stop()
            assert told['damaged'] == [] and told['waiting'] == 0
            check_tags(server, dict(random.Random(3).sample(sorted(tags.items()), min(100, len(tags)))))
        with serving(tmp_path, sections, target) as server:
            check_tags(server, tags)
