"""containerd, by ctr: push, pull."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.functional.clients.programs import run, two_platforms
from tests.functional.registries import objreg  # noqa: F401 - a fixture
from tests.servers.engines import Containerd
from tests.servers.fixtures import absent
from tests.servers.process import Missing
from tests.servers.registries import Objreg


@pytest.fixture
def ctr() -> Iterator[Callable[..., str]]:
    """Runs ``ctr`` on a containerd of its own."""
    try:
        engine = Containerd()
    except Missing as error:
        absent(str(error))
    with engine:
        yield lambda *command: run('ctr', '--address', engine.socket, *command)


def test_ctr_pulls_and_pushes(ctr: Callable[..., str], objreg: Objreg, tmp_path: Path) -> None:  # noqa: F811
    layout, digest = two_platforms(tmp_path / 'layout')
    reference, other = (f'127.0.0.1:{objreg.port}/{name}:1' for name in ('app', 'pushed/app'))
    run('skopeo', 'copy', '-q', '--all', '--dest-tls-verify=false', f'oci:{layout.path}:multi', f'docker://{reference}')
    ctr('images', 'pull', '--plain-http', '--all-platforms', '--snapshotter', 'native', reference)
    assert digest in ctr('images', 'list', f'name=={reference}')
    ctr('images', 'tag', reference, other)
    ctr('images', 'push', '--plain-http', other)
    assert objreg.must('HEAD', '/v2/pushed/app/manifests/1')['Docker-Content-Digest'] == digest
