"""Pushes and pulls through the other servers, with the configuration of examples/servers."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.servers import Granian, Gunicorn
from objreg.manifest import OCI_MANIFEST
from objreg.names import Digest
from tests import documents
from tests.servers.registries import Objreg

MIB = 1024**2


@pytest.mark.parametrize('server', [Granian, Gunicorn], ids=lambda server: server.name)
def test_layers_go_in_and_out(server: type[Objreg], tmp_path: Path) -> None:
    layers = [load.Layer(tmp_path / str(number), 5 * MIB + number) for number in range(2)]
    store = {'driver': 'file', 'path': str(tmp_path / 'store')}
    with server(tmp_path / 'server', store) as running:
        for layer, chunked in zip(layers, (False, True), strict=True):
            load.push(running, 'app', layer, chunked=chunked)
            load.pull(running, 'app', layer.digest, layer.size)
            _, body, _ = running.call('GET', f'/v2/app/blobs/{layer.digest}', {'Range': 'bytes=5-9'})
            assert body == layer.path.read_bytes()[5:10]
        running.must('POST', f'/v2/app/blobs/uploads/?digest={Digest.of(documents.CONFIG)}', body=documents.CONFIG)
        manifest = documents.image(layers[0].path.read_bytes())
        running.must('PUT', '/v2/app/manifests/v1', {'Content-Type': OCI_MANIFEST}, manifest)
        assert running.call('GET', '/v2/app/manifests/v1')[1] == manifest
        assert running.call('HEAD', '/v2/app/manifests/v1')[0] == 200
        assert 'Traceback' not in running.log.read_text()


@pytest.mark.parametrize('server', [Granian, Gunicorn], ids=lambda server: server.name)
def test_a_body_that_breaks_off_is_no_blob(server: type[Objreg], tmp_path: Path) -> None:
    data = os.urandom(MIB)
    with server(tmp_path / 'server', {'driver': 'file', 'path': str(tmp_path / 'store')}) as running:
        for framing in (f'Content-Length: {len(data)}', 'Transfer-Encoding: chunked'):
            with socket.create_connection(('127.0.0.1', running.port)) as plain:
                target = f'/v2/app/blobs/uploads/?digest={Digest.of(data)}'
                plain.sendall(f'POST {target} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n'.encode())
                plain.sendall(data[:1000] if 'Length' in framing else b'%x\r\n%b\r\n' % (1000, data[:1000]))
        assert running.call('HEAD', f'/v2/app/blobs/{Digest.of(data)}')[0] == 404
