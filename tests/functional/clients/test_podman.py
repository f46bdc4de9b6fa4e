"""podman and buildah: build, push by zstd, pull, run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.functional.clients.programs import BUSYBOX, run
from tests.functional.registries import objreg  # noqa: F401 - a fixture
from tests.servers.registries import Objreg

pytestmark = pytest.mark.xdist_group('podman')


@pytest.fixture
def storage() -> Iterator[list[str]]:
    """Options by which both keep to a folder, whose path has to be short."""
    with tempfile.TemporaryDirectory(prefix='op-', dir='/tmp', ignore_cleanup_errors=True) as folder:
        yield ['--root', f'{folder}/root', '--runroot', f'{folder}/run', '--storage-driver', 'vfs']


@pytest.fixture
def podman(storage: list[str]) -> Callable[..., str]:
    return lambda *command, **more: run('podman', *storage, '--cgroup-manager', 'cgroupfs', *command, **more)


@pytest.fixture
def buildah(storage: list[str]) -> Callable[..., str]:
    return lambda *command, **more: run('buildah', *storage, *command, **more)


@pytest.mark.parametrize('compression', ['gzip', 'zstd'])
def test_what_buildah_built_podman_pulls_and_runs(
    podman: Callable[..., str], buildah: Callable[..., str], objreg: Objreg, tmp_path: Path,  # noqa: F811
    compression: str,
) -> None:
    reference = f'127.0.0.1:{objreg.port}/built/app:{compression}'
    container = buildah('from', 'scratch').strip()
    buildah('copy', container, BUSYBOX, '/bin/busybox')
    buildah('config', '--entrypoint', '["/bin/busybox", "echo", "it runs"]', container)
    buildah('commit', '-q', container, reference)
    digests = tmp_path / 'digest'
    podman(
        'push', '-q', '--tls-verify=false', '--digestfile', digests, '--format', 'oci', '--compression-format',
        compression, reference,
    )
    digest = digests.read_text().strip()
    assert objreg.must('HEAD', f'/v2/built/app/manifests/{compression}')['Docker-Content-Digest'] == digest
    _, body, _ = objreg.call('GET', f'/v2/built/app/manifests/{compression}')
    assert {layer['mediaType'].partition('+')[2] for layer in json.loads(body)['layers']} == {compression}
    podman('rmi', '-f', reference)
    podman('pull', '-q', '--tls-verify=false', reference)
    assert digest in podman('image', 'inspect', '--format', '{{.RepoDigests}}', reference)
    bounds = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024']  # more than root may have
    ran = podman('run', '--rm', '--network', 'none', *bounds, reference)
    assert ran == 'it runs\n'


def test_buildah_pushes_and_pulls(buildah: Callable[..., str], objreg: Objreg) -> None:  # noqa: F811
    reference = f'127.0.0.1:{objreg.port}/built/plain'
    container = buildah('from', 'scratch').strip()
    buildah('copy', container, BUSYBOX, '/bin/busybox')
    buildah('commit', '-q', container, 'plain')
    buildah('push', '-q', '--tls-verify=false', 'plain', f'docker://{reference}')
    buildah('rmi', '-a', '-f')
    assert buildah('pull', '-q', '--tls-verify=false', reference).strip()
