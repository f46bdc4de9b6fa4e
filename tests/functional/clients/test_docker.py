"""Docker Engine: build, push, pull, run, manifests, mounts, login."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import bcrypt
import pytest

from tests.functional.clients.programs import BUSYBOX, run, two_platforms
from tests.functional.registries import kind, objreg, of_each_store, store  # noqa: F401 - fixtures
from tests.servers.engines import Dockerd
from tests.servers.fixtures import absent
from tests.servers.process import Missing
from tests.servers.registries import Objreg

pytestmark = pytest.mark.xdist_group('docker')
Docker = Callable[..., str]


@pytest.fixture(scope='module')
def docker() -> Iterator[Docker]:
    """Runs ``docker`` on an engine of its own."""
    try:
        engine = Dockerd()
    except Missing as error:
        absent(str(error))
    with engine:
        yield lambda *command, **more: run('docker', *command, env=engine.env, **more)


@pytest.fixture
def built(docker: Docker, tmp_path: Path) -> str:
    """An image of three layers, built here."""
    context = tmp_path / 'context'
    context.mkdir()
    shutil.copy(BUSYBOX, context / 'busybox')
    (context / 'Dockerfile').write_text(
        'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "touch", "/made"]\nCOPY Dockerfile /\n'
        'ENTRYPOINT ["/bin/busybox"]\nCMD ["echo", "it runs"]\n'
    )
    docker('build', '--network', 'none', '-q', '-t', 'built', context)
    return 'built'


def pushed_digest(docker: Docker, reference: str) -> str:
    docker('push', '-q', reference)
    return docker('inspect', '--format', '{{index .RepoDigests 0}}', reference).strip().partition('@')[2]


def test_what_was_built_is_pushed_pulled_and_run(
    docker: Docker, built: str, of_each_store: Objreg  # noqa: F811
) -> None:
    objreg = of_each_store  # noqa: F811
    reference = f'127.0.0.1:{objreg.port}/team/app:1'
    docker('tag', built, reference)
    digest = pushed_digest(docker, reference)
    headers = objreg.must('HEAD', '/v2/team/app/manifests/1')
    assert headers['Docker-Content-Digest'] == digest
    docker('rmi', '-f', reference, built)
    docker('pull', '-q', reference)
    assert docker('run', '--rm', '--network', 'none', reference) == 'it runs\n'
    docker('rmi', '-f', reference)
    docker('pull', '-q', f'127.0.0.1:{objreg.port}/team/app@{digest}')
    shown = json.loads(docker('manifest', 'inspect', '--insecure', '-v', reference))
    assert shown['Descriptor']['digest'] == digest


def test_layers_of_another_repository_are_mounted_and_known_ones_not_sent(
    docker: Docker, built: str, objreg: Objreg,  # noqa: F811
) -> None:
    first, second = f'127.0.0.1:{objreg.port}/one/app', f'127.0.0.1:{objreg.port}/two/app'
    docker('tag', built, first)
    docker('tag', built, second)
    docker('push', '-q', first)
    assert 'Layer already exists' in docker('push', first)
    assert 'Mounted from one/app' in docker('push', second)
    assert objreg.must('HEAD', '/v2/two/app/manifests/latest')['Docker-Content-Digest'] == objreg.must(
        'HEAD', '/v2/one/app/manifests/latest')['Docker-Content-Digest']


def test_the_image_of_this_platform_is_taken_from_an_index(
    docker: Docker, objreg: Objreg, tmp_path: Path,  # noqa: F811
) -> None:
    layout, digest = two_platforms(tmp_path / 'layout')
    reference = f'127.0.0.1:{objreg.port}/multi'
    run('skopeo', 'copy', '-q', '--all', '--dest-tls-verify=false', f'oci:{layout.path}:multi', f'docker://{reference}')
    docker('pull', '-q', reference)
    assert docker('run', '--rm', '--network', 'none', reference, '/bin/busybox', 'cat', '/etc/platform') == 'amd64'
    assert docker('inspect', '--format', '{{index .RepoDigests 0}}', reference).strip().endswith(digest)


def test_a_user_logs_in_and_others_do_not_push(docker: Docker, built: str, tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()
    (tmp_path / 'htpasswd').write_text(f'alice:{hashed}\n')
    options = {'filter:auth': {'type': 'htpasswd', 'htpasswd': str(tmp_path / 'htpasswd'), 'anonymous': 'pull'}}
    folder = {'driver': 'file', 'path': str(tmp_path / 'store')}
    with Objreg(tmp_path / 'objreg', folder, options=options) as server:
        reference = f'127.0.0.1:{server.port}/alice/app'
        docker('tag', built, reference)
        docker('push', '-q', reference, fails=True)
        docker('login', '-u', 'alice', '-p', 'wrong', f'127.0.0.1:{server.port}', fails=True)
        docker('login', '-u', 'alice', '-p', 'secret', f'127.0.0.1:{server.port}')
        digest = pushed_digest(docker, reference)
        docker('logout', f'127.0.0.1:{server.port}')
        docker('rmi', '-f', reference)
        # whoever does not log in may pull, but docker does not even try where it was asked for a password
        assert 'no basic auth credentials' in docker('pull', '-q', f'{reference}@{digest}', fails=True)
        run('skopeo', 'inspect', '--tls-verify=false', '--raw', f'docker://{reference}@{digest}')
