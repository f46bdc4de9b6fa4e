"""``docker search`` and ``podman search``, and a push as Docker was: the first version of the API at the hub."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from objreg.hub.policy import Visibility
from tests.functional.clients.programs import Layout, run
from tests.functional.clients.test_accounts import INSECURE, Hub, hub, layout  # noqa: F401 - fixtures
from tests.servers.engines import Dockerd
from tests.servers.fixtures import absent
from tests.servers.process import Missing
from tests.servers.registries import Objreg

PRIVATE, PUBLIC = 'alice/term-private', 'alice/term-public'


@pytest.fixture
def filled(hub: Hub, layout: tuple[Layout, str]) -> Hub:  # noqa: F811
    """With a repository that everybody sees, and one that alice sees."""
    for name in (PRIVATE, PUBLIC):
        run('skopeo', 'copy', '-q', '--all', *INSECURE, '--dest-creds', f'alice:{hub.password}',
            f'oci:{layout[0].path}:multi', f'docker://{hub.address}/{name}:1')
    hub.show(PUBLIC, Visibility.PUBLIC)
    return hub


@pytest.mark.xdist_group('docker')
@pytest.mark.parametrize('host', ['localhost', '127.0.0.1'])
def test_docker_finds_what_is_public_and_who_logged_in_what_is_his(filled: Hub, tmp_path: Path, host: str) -> None:
    try:
        engine = Dockerd()
    except Missing as error:
        absent(str(error))
    address = f'{host}:{filled.server.port}'
    with engine:
        env = {**engine.env, 'DOCKER_CONFIG': str(tmp_path / 'docker')}

        def search(*words: str) -> list[str]:
            told = run('docker', 'search', '--format', '{{.Name}} {{.StarCount}} {{.IsOfficial}}', *words, env=env)
            return sorted(told.splitlines())

        assert search(f'{address}/term') == [f'{PUBLIC} 0 ']
        assert search(f'{address}/nothing') == []
        for secret in (filled.password, filled.token('pull:alice/**')):
            run('docker', 'login', '-u', 'alice', '-p', secret, address, env=env)
            assert search(f'{address}/term') == [f'{PRIVATE} 0 ', f'{PUBLIC} 0 ']
            assert search('--limit', '1', f'{address}/term') == [f'{PRIVATE} 0 ']
            run('docker', 'logout', address, env=env)
        assert search(f'{address}/term') == [f'{PUBLIC} 0 ']


def test_podman_finds_what_is_public(filled: Hub, tmp_path: Path) -> None:
    """It asks as nobody in particular, whether it is logged in or not."""
    auth = ['--authfile', tmp_path / 'auth.json']
    (tmp_path / 'auth.json').write_text('{}')

    def search() -> list[str]:
        told = run('podman', 'search', *auth, '--tls-verify=false', '--format', '{{.Name}}', f'{filled.address}/term')
        return sorted(told.split())

    assert search() == [f'{filled.address}/{PUBLIC}']
    run('podman', 'login', *auth, '--tls-verify=false', '-u', 'alice', '-p', filled.password, filled.address)
    assert search() == [f'{filled.address}/{PUBLIC}']
    assert '/v1/search' in filled.log()


def call(
    server: Objreg, method: str, path: str, document: Any = None, **headers: str
) -> tuple[int, Any, dict[str, str]]:
    """A request as an old client makes it; the document in the answer."""
    given = {name.replace('_', '-'): value for name, value in headers.items()}
    data = None if document is None else json.dumps(document).encode()
    status, body, found = server.call(method, f'/v1/{path}', given, data)
    return status, json.loads(body) if body else None, dict(found)


def test_a_push_that_one_node_began_another_ends(tmp_path: Path) -> None:
    """Two processes over one bucket; the first is killed before the push ends."""
    store = {'driver': 'file', 'path': str(tmp_path / 'store')}
    options = {'filter:auth': {'open': 'no'}}
    images, name = [{'id': 'a' * 64, 'Tag': 'latest'}], 'repositories/alice/app'
    with Objreg(tmp_path / 'two', store, options=options) as other:
        with Objreg(tmp_path / 'one', store, options=options) as node:
            made = subprocess.run(
                [sys.executable, '-m', 'objreg', 'user', 'add', 'alice', '--config', str(node.folder / 'paste.ini')],
                capture_output=True, text=True, check=True,
            )
            basic = 'Basic ' + base64.b64encode(f'alice:{made.stdout.strip()}'.encode()).decode()
            status, _, headers = call(
                node, 'PUT', f'{name}/', images, Authorization=basic, X_Docker_Token='true'
            )
            assert (status, headers['X-Docker-Endpoints']) == (200, f'127.0.0.1:{node.port}')
            os.kill(node.pid, 9)
            assert node.wait(10)
        token = f'Token {headers["X-Docker-Token"]}'
        assert call(other, 'PUT', f'{name}/images', [], Authorization=token)[0] == 204
        assert call(other, 'GET', f'{name}/images', Authorization=token)[1] == [{'id': 'a' * 64}]
        assert call(other, 'GET', f'{name}/images', Authorization=basic)[1] == [{'id': 'a' * 64}]
        assert call(other, 'GET', f'{name}/images')[0] == 401
