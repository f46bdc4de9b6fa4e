"""Manifests of schema 1 beside the CNCF registry 2.8, the last that made them, and what skopeo does with them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from objreg.manifest import DOCKER_LIST, DOCKER_MANIFEST
from objreg.testing.v1_client import V1Client
from objreg.testing.v1_http import over_http
from tests import documents, libtrust
from tests.functional.clients.programs import digest_of, run
from tests.functional.registries import objreg  # noqa: F401 - a fixture
from tests.servers.registries import Objreg, Peer, Server
from tests.unit.v1.registries import layer
from tests.unit.v1.test_schema1 import CONFIG, SIGNED, manifest

OLD = {'Accept': SIGNED}
LAYERS = [gzip.compress(layer(name), mtime=0) for name in ('one', 'two', 'three')]


def config(count: int, *steps: dict[str, Any], **more: Any) -> bytes:
    """A configuration with the first layers, with white space and in no order, as one writes it by hand."""
    return json.dumps({
        'os': 'linux', 'history': steps, **more, 'architecture': 'arm', 'container': 'abc', 'docker_version': '20.10.5',
        'config': {'User': '', 'ExposedPorts': {'80/tcp': {}}, 'Env': ['PATH=/bin:/usr/bin'], 'Cmd': None},
        'rootfs': {
            'diff_ids': [digest_of(gzip.decompress(data)) for data in LAYERS[:count]], 'type': 'layers',
        },
    }, indent=4, ensure_ascii='created' in more).encode()


IMAGES = {
    'steps': (CONFIG, LAYERS[:2]),
    'one': (config(1, {'created': '2021-06-30T12:00:00.123456789Z', 'created_by': 'ADD é😀 < in /'}), LAYERS[:1]),
    'empty-at-top': (
        config(3, {'empty_layer': False}, {'created_by': '\u2029\x7f\x1f'}, {'comment': 'buildkit.dockerfile.v0'},
               {'empty_layer': True, 'author': 'É', 'created': '2021-06-30T12:00:00.5+00:00'},
               created='2021-06-30T12:00:00.50Z'), LAYERS,
    ),
    'twice-the-same': (config(1, {'created_by': 'a'}, {'empty_layer': True}, {'empty_layer': True}), LAYERS[:1]),
}
"""Configurations and layers, by tag."""


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    """The CNCF registry over a folder."""
    with Peer(tmp_path / 'peer', {'filesystem': {'rootdirectory': str(tmp_path / 'theirs')}}, cache=False) as server:
        yield server


def push(server: Server, name: str, tag: str, data: bytes, *layers: bytes) -> bytes:
    """An image of these bytes; its manifest."""
    for blob in (data, *layers):
        begun = server.must('POST', f'/v2/{name}/blobs/uploads/', body=b'')['Location']
        place = begun.removeprefix(f'http://127.0.0.1:{server.port}')
        server.must('PUT', f'{place}&digest={digest_of(blob)}', body=blob)
    made = manifest(data, *layers)
    server.must('PUT', f'/v2/{name}/manifests/{tag}', {'Content-Type': DOCKER_MANIFEST}, made)
    return made


def asked(server: Server, name: str, tag: str) -> tuple[str, bytes]:
    """The digest and the payload of the manifest of schema 1."""
    status, body, headers = server.call('GET', f'/v2/{name}/manifests/{tag}', OLD)
    assert (status, headers['Content-Type']) == (200, SIGNED)
    return headers['Docker-Content-Digest'], libtrust.payload_of(body)


def test_it_is_what_the_cncf_registry_makes_of_the_same_image(objreg: Objreg, peer: Peer) -> None:  # noqa: F811
    for tag, (data, layers) in IMAGES.items():
        made = [push(server, 'team/app', tag, data, *layers) for server in (objreg, peer)]
        assert made[0] == made[1]
        (our_digest, ours), (their_digest, theirs) = (asked(server, 'team/app', tag) for server in (objreg, peer))
        our_fields, their_fields = json.loads(ours), json.loads(theirs)
        for field in ('fsLayers', 'history', 'architecture'):
            assert our_fields[field] == their_fields[field], (tag, field)
        assert (our_digest, ours) == (their_digest, theirs)


def test_of_a_list_both_give_the_same_platform(objreg: Objreg, peer: Peer) -> None:  # noqa: F811
    for server in (objreg, peer):
        children = {
            name: push(server, 'team/multi', name, CONFIG.replace(b'amd64', name.encode()), *LAYERS[:2])
            for name in ('arm64', 'amd64')
        }
        index = documents.dump({'schemaVersion': 2, 'mediaType': DOCKER_LIST, 'manifests': [
            documents.named(data, DOCKER_MANIFEST, platform={'os': 'linux', 'architecture': name})
            for name, data in children.items()
        ]})
        server.must('PUT', '/v2/team/multi/manifests/multi', {'Content-Type': DOCKER_LIST}, index)
    assert asked(objreg, 'team/multi', 'multi') == asked(peer, 'team/multi', 'multi')


@pytest.fixture
def old_way(objreg: Objreg) -> Iterator[int]:  # noqa: F811
    """The port of a proxy that asks objreg as a client does that knows schema 1 only."""
    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            accept = {'Accept': SIGNED} if '/manifests/' in self.path else {}
            status, body, headers = objreg.call(self.command, self.path, accept)
            self.send_response(status)
            for name in ('Content-Type', 'Docker-Content-Digest', 'Docker-Distribution-Api-Version', 'Content-Length'):
                if name in headers:
                    self.send_header(name, headers[name])
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(('127.0.0.1', 0), Proxy) as server:
        thread = Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_skopeo_copies_what_it_was_given_as_schema_1(
    objreg: Objreg, old_way: int, tmp_path: Path,  # noqa: F811
) -> None:
    data, layers = IMAGES['empty-at-top']
    push(objreg, 'team/app', '1', data, *layers)
    source = f'docker://127.0.0.1:{old_way}/team/app:1'
    raw = run('skopeo', 'inspect', '--raw', '--tls-verify=false', source)
    assert json.loads(raw)['schemaVersion'] == 1
    run('skopeo', 'copy', '-q', '--src-tls-verify=false', '--format', 'oci', source, f'oci:{tmp_path}/layout:1')
    index = json.loads((tmp_path / 'layout/index.json').read_text())
    blobs = tmp_path / 'layout/blobs/sha256'

    def blob(digest: str) -> bytes:
        return (blobs / digest.partition(':')[2]).read_bytes()

    copied = json.loads(blob(index['manifests'][0]['digest']))
    assert [blob(one['digest']) for one in copied['layers']] == layers
    rewritten, original = json.loads(blob(copied['config']['digest'])), json.loads(data)
    assert rewritten['rootfs']['diff_ids'] == original['rootfs']['diff_ids']
    assert rewritten['config']['Env'] == original['config']['Env']
    assert [step.get('empty_layer', False) for step in rewritten['history']] == [False, False, False, True]


def test_the_empty_layer_is_pulled_by_its_digest(objreg: Objreg) -> None:  # noqa: F811
    push(objreg, 'team/app', '1', *[IMAGES['steps'][0], *LAYERS[:2]])
    names = [one['blobSum'] for one in json.loads(asked(objreg, 'team/app', '1')[1])['fsLayers']]
    for digest in names:
        assert objreg.call('HEAD', f'/v2/team/app/blobs/{digest}')[0] == 200
        status, body, _ = objreg.call('GET', f'/v2/team/app/blobs/{digest}')
        assert status == 200 and f'sha256:{hashlib.sha256(body).hexdigest()}' == digest


@pytest.fixture
def accepting(tmp_path: Path) -> Iterator[Objreg]:
    """The registry over a folder, which takes manifests of schema 1."""
    options = {'filter:ancestry': {'schema1': 'accept'}}
    with Objreg(tmp_path / 'accepting', {'driver': 'file', 'path': str(tmp_path / 'old')}, options=options) as server:
        yield server


def test_what_skopeo_pushes_as_schema_1_is_an_image_as_any(accepting: Objreg, tmp_path: Path) -> None:
    data, layers = IMAGES['empty-at-top']
    push(accepting, 'team/source', '1', data, *layers)
    host = f'docker://127.0.0.1:{accepting.port}'
    insecure = ['--src-tls-verify=false', '--dest-tls-verify=false']
    run('skopeo', 'copy', '-q', '--format', 'v2s1', *insecure, f'{host}/team/source:1', f'{host}/team/old:1')
    status, body, _ = accepting.call('GET', '/v2/team/old/manifests/1')
    assert status == 200
    stored = json.loads(body)
    assert stored['mediaType'] == DOCKER_MANIFEST
    assert [one['digest'] for one in stored['layers']] == [digest_of(one) for one in layers]
    _, body, _ = accepting.call('GET', f'/v2/team/old/blobs/{stored["config"]["digest"]}')
    made, original = json.loads(body), json.loads(data)
    assert made['rootfs'] == original['rootfs']
    assert (made['architecture'], made['config']['Env']) == (original['architecture'], original['config']['Env'])
    assert [step.get('empty_layer', False) for step in made['history']] == [False, False, False, True]
    run('skopeo', 'copy', '-q', '--src-tls-verify=false', f'{host}/team/old:1', f'dir:{tmp_path}/pulled')
    client = V1Client(over_http(f'http://127.0.0.1:{accepting.port}'))
    assert [image.layer for image in client.pull('team/old', '1')][:3] == layers


def test_what_the_cncf_registry_made_is_pushed_to_this_one(accepting: Objreg, peer: Peer) -> None:
    """Signatures of libtrust itself."""
    data, layers = IMAGES['steps']
    push(peer, 'team/app', 'steps', data, *layers)
    push(accepting, 'team/app', 'other', data, *layers)
    _, made, headers = peer.call('GET', '/v2/team/app/manifests/steps', OLD)
    answer = accepting.must('PUT', '/v2/team/app/manifests/steps', {'Content-Type': SIGNED}, made)
    assert answer['Docker-Content-Digest'] == headers['Docker-Content-Digest']
    assert json.loads(asked(accepting, 'team/app', 'steps')[1])['fsLayers'] == json.loads(made)['fsLayers']
    spoilt = made.replace(b'ADD file', b'ADD vile')
    assert accepting.call('PUT', '/v2/team/app/manifests/steps', {'Content-Type': SIGNED}, spoilt)[0] == 400
