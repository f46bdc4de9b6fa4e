"""Pulls that the registry sends to the store: clients follow the signed URL, and get the bytes."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest

from tests.functional.clients.programs import GO, run, two_platforms
from tests.functional.registries import STORES
from tests.servers.registries import Objreg


@pytest.mark.parametrize('kind', [kind for kind in STORES if kind != 'file'])
def test_clients_follow_a_redirect_to_the_store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    layout, digest = two_platforms(tmp_path / 'layout')
    with Objreg(tmp_path / 'objreg', STORES[kind](request.getfixturevalue, tmp_path)) as server:
        reference = f'127.0.0.1:{server.port}/team/app:1'
        run('skopeo', 'copy', '-q', '--all', '--dest-tls-verify=false', f'oci:{layout.path}:multi',
            f'docker://{reference}')
        assert server.must('HEAD', '/v2/team/app/manifests/1')['Docker-Content-Digest'] == digest
        blob = next(path.name for path in (layout.path / 'blobs/sha256').iterdir() if path.stat().st_size > 100_000)
        status, _, headers = server.call('GET', f'/v2/team/app/blobs/sha256:{blob}')
        assert (status, headers['Docker-Content-Digest']) == (307, f'sha256:{blob}')
        host, _, target = headers['Location'].removeprefix('http://').partition('/')
        connection = http.client.HTTPConnection(host)
        connection.request('GET', f'/{target}')
        assert connection.getresponse().read() == (layout.path / 'blobs/sha256' / blob).read_bytes()
        connection.close()
        run('skopeo', 'copy', '-q', '--all', '--src-tls-verify=false', f'docker://{reference}',
            f'oci:{tmp_path}/back:multi')
        assert {path.name for path in (tmp_path / 'back/blobs/sha256').iterdir()} == {
            path.name for path in (layout.path / 'blobs/sha256').iterdir()
        }
        run(GO / 'crane', 'validate', '--remote', reference)
        assert '" 307 ' in server.log.read_text()
