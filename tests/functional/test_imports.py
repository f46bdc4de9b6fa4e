"""The CNCF registry itself, on a folder and on Ceph, is taken by objreg: by its tree and by its API."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from objreg.drivers.memory import MemoryStore
from objreg.drivers.s3 import S3Store
from objreg.drivers.s3_presets import MIB
from objreg.store import Store
from objreg.testing.v1_client import V1Client
from objreg.testing.v1_http import over_http
from tests.functional.clients.programs import GO, Layout, run
from tests.servers.buckets import Bucket
from tests.servers.registries import Objreg, Peer
from tests.trees.docker_registry_v1 import TreeV1

INSECURE = ['--src-tls-verify=false', '--dest-tls-verify=false']
CRANE = GO / 'crane'
Storage = tuple[dict[str, Any], dict[str, dict[str, Any]]]


def in_folders(folder: Path) -> Storage:
    """What the CNCF registry is told of its storage, and our stores: its own, and the one to come."""
    return {'filesystem': {'rootdirectory': str(folder / 'theirs')}}, {
        'old': {'driver': 'folder', 'path': str(folder / 'theirs')},
        'default': {'driver': 'file', 'path': str(folder / 'ours'), 'sync': False},
    }


def in_buckets(theirs: Bucket, ours: Bucket) -> Storage:
    """The same on a server of S3."""
    server = theirs.server
    return {'s3': {
        'accesskey': server.access_key, 'secretkey': server.secret_key, 'region': 'us-east-1', 'bucket': theirs.name,
        'regionendpoint': server.endpoint, 'secure': False, 'v4auth': True,
    }}, {'old': {'driver': 's3', **theirs.options}, 'default': {'driver': 's3', **ours.options}}


@pytest.fixture(params=['folder', 'ceph'])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Where both registries keep their blobs."""
    if request.param == 'folder':
        yield in_folders(tmp_path)
        return
    ours: Bucket = request.getfixturevalue('ceph_bucket')
    theirs = ours.server.make_bucket()
    yield in_buckets(theirs, ours)
    theirs.remove()


def pushed(peer: Peer, folder: Path) -> dict[str, str]:
    """Push by real clients; the digest of each reference."""
    layout = Layout(folder / 'layout')
    shared = ('etc/shared', b'shared by all of them' * 1000)
    images = [layout.image(name, shared, ('etc/platform', name.encode() * 200)) for name in ('amd64', 'arm64')]
    layout.tag('multi', layout.index(*images))
    large = layout.image('amd64', shared, ('large', bytes(range(256)) * (6 * MIB // 256)))
    layout.tag('large', large)
    host = f'127.0.0.1:{peer.port}'
    for source, target in (
        ('multi', 'team/app:1'), ('multi', 'team/app:latest'), ('large', 'team/app:large'), ('large', 'web:1'),
    ):
        run('skopeo', 'copy', '-q', '--all', *INSECURE, f'oci:{layout.path}:{source}', f'docker://{host}/{target}')
    run('skopeo', 'copy', '-q', '--format', 'v2s2', *INSECURE, f'oci:{layout.path}:large', f'docker://{host}/deep/er:x')
    run(CRANE, 'copy', '--insecure', f'{host}/web:1', f'{host}/copied/by/crane:1')
    references = ('team/app:1', 'team/app:latest', 'team/app:large', 'web:1', 'deep/er:x', 'copied/by/crane:1')
    return {one: run(CRANE, 'digest', '--insecure', f'{host}/{one}').strip() for one in references}


def written(folder: Path, stores: dict[str, Any]) -> str:
    """The path of ``stores.yml``."""
    path = folder / 'stores.yml'
    path.write_text(json.dumps(stores))  # JSON is YAML
    return str(path)


def imported(folder: Path, stores: dict[str, Any], *arguments: str) -> dict[str, Any]:
    """What ``objreg import`` told."""
    command = [sys.executable, '-m', 'objreg', 'import', *arguments, '--stores', written(folder, stores), '--json']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def place(objects: Store, old: dict[str, Any]) -> None:
    """Have the old store hold these objects, under their own keys."""
    options = {name: value for name, value in old.items() if name != 'driver'}
    bucket = S3Store(**options) if old['driver'] == 's3' else None
    for entry in objects.list(''):
        if bucket is not None:
            bucket.put(entry.key, objects.read(entry.key))
        else:
            path = Path(old['path'], entry.key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(objects.read(entry.key))
    if bucket is not None:
        bucket.close()


def check_pulled(folder: Path, stores: dict[str, Any], digests: dict[str, str]) -> None:
    """Every tag is pulled by crane, and has the same digest."""
    options = {'app:registry': {'redirect': 'never'}, 'filter:errors': {'log': 'none'}}
    with Objreg(folder / 'objreg', stores['default'], options=options) as server:
        host = f'127.0.0.1:{server.port}'
        for reference, digest in digests.items():
            assert run(CRANE, 'digest', f'{host}/{reference}').strip() == digest
            run(CRANE, 'validate', '--remote', f'{host}/{reference}')
        assert run(CRANE, 'catalog', host).split() == sorted({one.partition(':')[0] for one in digests})


def test_the_tree_of_the_cncf_registry_is_taken_and_no_blob_passes_here(storage: Storage, tmp_path: Path) -> None:
    theirs, stores = storage
    with Peer(tmp_path / 'peer', theirs, cache=False) as peer:
        digests = pushed(peer, tmp_path)
        told = imported(tmp_path, stores, 'distribution', 'old')
        assert (told['left'], told['tags'], told['on_server']) == ([], len(digests), told['bytes'])
        assert told['bytes'] > 6000
        # while the old one is in use, what came since is taken by another import
        host = f'127.0.0.1:{peer.port}'
        run(CRANE, 'tag', '--insecure', f'{host}/team/app:large', 'latest')
        digests['team/app:latest'] = digests['team/app:large']
        again = imported(tmp_path, stores, 'distribution', 'old', '--verify', 'all')
        assert (again['left'], again['tags'], again['manifests'], again['blobs']) == ([], 1, 0, 0)
    check_pulled(tmp_path, stores, digests)


def test_the_tree_of_the_first_registry_is_pulled_by_old_clients_and_new_ones(
    storage: Storage, tmp_path: Path
) -> None:
    _, stores = storage
    tree = TreeV1(MemoryStore(), 'registry')
    base = tree.chain(3, content=b'x' * 100_000)
    tags = {'v1': tree.image(base[-1]), 'latest': tree.image(base[-1], sums='tarsum')}
    for tag, id in tags.items():
        tree.tag('team/app', tag, id)
    place(tree.store, stores['old'])
    told = imported(tmp_path, stores, 'docker-registry-v1', 'old', '--root', 'registry')
    assert (told['left'], told['tags'], told['images']) == ([], 2, 5)
    assert told['on_server'] == sum(len(layer) for _, layer in tree.images.values())
    again = imported(tmp_path, stores, 'docker-registry-v1', 'old', '--root', 'registry')
    assert (again['tags'], again['manifests'], again['blobs'], again['present']) == (0, 0, 0, 2)
    options = {'app:registry': {'redirect': 'never'}, 'filter:errors': {'log': 'none'}}
    with Objreg(tmp_path / 'objreg', stores['default'], options=options) as server:
        client = V1Client(over_http(f'http://127.0.0.1:{server.port}'))
        assert client.tags('team/app') == tags
        for tag, id in tags.items():
            pulled = client.pull('team/app', tag)
            assert [image.id for image in pulled] == [*base, id]
            assert [(image.json, image.layer) for image in pulled] == [tree.images[image.id] for image in pulled]
            run(CRANE, 'validate', '--remote', f'127.0.0.1:{server.port}/team/app:{tag}')


def test_the_cncf_registry_is_taken_by_its_api_with_a_password(tmp_path: Path) -> None:
    theirs, stores = in_folders(tmp_path)
    with Peer(tmp_path / 'peer', theirs, cache=False) as peer:
        digests = pushed(peer, tmp_path)
    users = tmp_path / 'users'
    users.write_bytes(b'alice:' + bcrypt.hashpw(b'secret', bcrypt.gensalt(4)))
    (tmp_path / 'password').write_text('secret\n')
    auth = {'htpasswd': {'realm': 'test', 'path': str(users)}}
    with Peer(tmp_path / 'guarded', theirs, cache=True, auth=auth) as peer:
        url, secret = f'http://127.0.0.1:{peer.port}', str(tmp_path / 'password')
        arguments = ('registry', url, '--user', 'alice', '--password-file', secret)
        told = imported(tmp_path, stores, *arguments)
        assert (told['left'], told['tags'], told['on_server']) == ([], len(digests), 0)
        again = imported(tmp_path, stores, *arguments)
        assert (again['left'], again['tags'], again['manifests'], again['blobs']) == ([], 0, 0, 0)
    check_pulled(tmp_path, stores, digests)
