"""Clients of the first version and of the second, of one another's images: over a folder, Ceph and Swift.

No Docker that speaks the first version runs on today's kernels: `objreg.testing.v1_client` stands for it.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from objreg.testing.v1_client import Answer, Cut, Send, V1Client, V1Image
from objreg.testing.v1_http import over_http
from objreg.v1.image import EMPTY_LAYER
from tests.functional.clients.programs import BUSYBOX, GO, Layout, run, two_platforms
from tests.functional.clients.test_docker import built, docker  # noqa: F401 - fixtures
from tests.functional.clients.test_podman import buildah, storage  # noqa: F401 - fixtures
from tests.functional.registries import kind, objreg, of_each_store, store  # noqa: F401 - fixtures
from tests.servers.engines import Buildkitd
from tests.servers.fixtures import absent
from tests.servers.process import Missing
from tests.servers.registries import Objreg
from tests.unit.v1.registries import images, layer, packed

pytestmark = pytest.mark.xdist_group('docker')
MANIFESTS = {
    'Accept': 'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json'
}


def client(server: Objreg, send: Callable[[Send], Send] = lambda send: send, **options: str) -> V1Client:
    return V1Client(send(over_http(f'http://127.0.0.1:{server.port}')), **options)  # type: ignore[arg-type]


def busybox() -> bytes:
    """A layer with one program."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode='w') as archive:
        member = archive.gettarinfo(str(BUSYBOX.resolve()), 'bin/busybox')
        with BUSYBOX.open('rb') as program:
            archive.addfile(member, program)
    return file.getvalue()


def layers_of(server: Objreg, name: str, tag: str) -> list[str]:
    """The digests that the second version tells."""
    status, body, _ = server.call('GET', f'/v2/{name}/manifests/{tag}', headers=MANIFESTS)
    assert status == 200
    return [one['digest'] for one in json.loads(body)['layers']]


def check(server: Objreg, pulled: list[V1Image], name: str, tag: str) -> None:
    """The layers are those of the manifest, byte for byte and in order."""
    sent = [f'sha256:{hashlib.sha256(image.layer).hexdigest()}' for image in pulled if image.layer != EMPTY_LAYER]
    assert sent == layers_of(server, name, tag)
    for image, above in zip(pulled, pulled[1:], strict=False):
        assert json.loads(above.json)['parent'] == image.id
    assert 'parent' not in json.loads(pulled[0].json)


def test_an_image_comes_back_as_it_was_pushed(of_each_store: Objreg) -> None:  # noqa: F811
    for version in ('0.9.0', '1.12.6'):
        pushed = images(packed(layer('a')), EMPTY_LAYER, layer('b', content=os.urandom(3 * 2**20)))
        client(of_each_store, version=version).push('team/app', pushed, {version: pushed[-1].id})
        assert client(of_each_store, version=version).pull('team/app', version) == pushed


def test_docker_runs_what_the_first_version_pushed_and_shows_its_history(
    docker: Callable[..., str], of_each_store: Objreg,  # noqa: F811
) -> None:
    pushed = images(gzip.compress(busybox()), EMPTY_LAYER, packed(layer('etc/motd')), command='/bin/busybox')
    top = json.loads(pushed[-1].json)
    top['config'] = {'Entrypoint': ['/bin/busybox', 'cat', '/etc/motd']}
    pushed[-1] = pushed[-1]._replace(json=json.dumps(top).encode())
    client(of_each_store).push('team/app', pushed, {'1': top['id']})
    reference = f'127.0.0.1:{of_each_store.port}/team/app:1'
    docker('pull', '-q', reference)
    assert docker('run', '--rm', '--network', 'none', reference) == 'content\n'
    history = docker('history', '--no-trunc', '--format', '{{.CreatedBy}}', reference).splitlines()
    assert history == [f'/bin/sh -c #(nop) step {number}' for number in (2, 1, 0)]
    docker('rmi', '-f', reference)


@pytest.mark.parametrize('compression', ['xz', 'bzip2', 'plain'])
def test_docker_unpacks_what_old_clients_packed(
    docker: Callable[..., str], objreg: Objreg, compression: str,  # noqa: F811
) -> None:
    pack = {'xz': lzma.compress, 'bzip2': bz2.compress, 'plain': bytes}[compression]
    pushed = images(pack(busybox()), pack(layer('etc/motd')))
    client(objreg).push('team/packed', pushed, {compression: pushed[-1].id})
    reference = f'127.0.0.1:{objreg.port}/team/packed:{compression}'
    docker('pull', '-q', reference)
    assert docker('run', '--rm', '--network', 'none', reference, '/bin/busybox', 'cat', '/etc/motd') == 'content\n'
    docker('rmi', '-f', reference)


def test_what_docker_built_is_pulled_by_the_first_version(
    docker: Callable[..., str], built: str, of_each_store: Objreg,  # noqa: F811
) -> None:
    reference = f'127.0.0.1:{of_each_store.port}/team/built:1'
    docker('tag', built, reference)
    docker('push', '-q', reference)
    pulled = client(of_each_store).pull('team/built', '1')
    check(of_each_store, pulled, 'team/built', '1')
    assert len(pulled) == len(docker('history', '-q', reference).split())
    assert json.loads(pulled[-1].json)['config']['Entrypoint'] == ['/bin/busybox']
    docker('rmi', '-f', reference)


def test_what_buildah_built_is_pulled_by_the_first_version(
    buildah: Callable[..., str], objreg: Objreg,  # noqa: F811
) -> None:
    container = buildah('from', 'scratch').strip()
    buildah('copy', container, BUSYBOX, '/bin/busybox')
    buildah('commit', '-q', container, 'made')
    buildah('push', '-q', '--tls-verify=false', 'made', f'docker://127.0.0.1:{objreg.port}/team/buildah:1')
    check(objreg, client(objreg).pull('team/buildah', '1'), 'team/buildah', '1')


def test_what_buildkit_built_is_pulled_by_the_first_version(objreg: Objreg, tmp_path: Path) -> None:  # noqa: F811
    try:
        engine = Buildkitd(GO)
    except Missing as error:
        absent(str(error))
    shutil.copy(BUSYBOX, tmp_path / 'busybox')
    (tmp_path / 'Dockerfile').write_text('FROM scratch\nCOPY busybox /bin/busybox\nENV A=B\nCOPY Dockerfile /\n')
    name = f'127.0.0.1:{objreg.port}/team/buildkit:1'
    with engine:
        run(
            GO / 'buildctl', '--addr', f'unix://{engine.socket}', 'build', '--frontend', 'dockerfile.v0',
            '--local', f'context={tmp_path}', '--local', f'dockerfile={tmp_path}',
            '--opt', 'attest:provenance=disabled', '--output',
            f'type=image,name={name},push=true,registry.insecure=true',
        )
    pulled = client(objreg).pull('team/buildkit', '1')
    check(objreg, pulled, 'team/buildkit', '1')
    assert [image.layer == EMPTY_LAYER for image in pulled] == [False, True, False]


@pytest.mark.parametrize('count', [1, 2, 127])
def test_images_of_any_length_are_pulled(objreg: Objreg, tmp_path: Path, count: int) -> None:  # noqa: F811
    layout = Layout(tmp_path / 'layout')
    layout.tag('long', layout.image('amd64', *((f'file-{number}', b'%d' % number) for number in range(count))))
    reference = f'docker://127.0.0.1:{objreg.port}/team/long:{count}'
    run('skopeo', 'copy', '-q', '--dest-tls-verify=false', f'oci:{layout.path}:long', reference)
    pulled = client(objreg).pull('team/long', str(count))
    assert len(pulled) == count
    check(objreg, pulled, 'team/long', str(count))


def test_of_an_index_the_image_for_old_clients_is_given(objreg: Objreg, tmp_path: Path) -> None:  # noqa: F811
    layout, _ = two_platforms(tmp_path / 'layout')
    reference = f'docker://127.0.0.1:{objreg.port}/team/multi'
    run('skopeo', 'copy', '-q', '--all', '--dest-tls-verify=false', f'oci:{layout.path}:multi', reference)
    pulled = client(objreg).pull('team/multi')
    assert json.loads(pulled[-1].json)['architecture'] == 'amd64'


def test_a_pull_that_breaks_is_resumed(objreg: Objreg) -> None:  # noqa: F811
    pushed = images(packed(os.urandom(2**20)))
    client(objreg).push('team/broken', pushed, {'1': pushed[-1].id})
    broken = []

    def breaking(send: Send) -> Send:
        def cut(method, path, headers, body):  # type: ignore[no-untyped-def]
            found: Answer = send(method, path, headers, body)
            if path.endswith('/layer') and len(broken) < 3:
                broken.append(headers.get('Range', ''))
                raise Cut(found._replace(body=found.body[:300_000]))
            return found
        return cut

    assert client(objreg, breaking).pull('team/broken', '1') == pushed
    assert broken == ['', f'bytes=300000-{len(pushed[0].layer)}', f'bytes=600000-{len(pushed[0].layer)}']
