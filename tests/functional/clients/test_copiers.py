"""skopeo, crane, regctl and oras: copy, sync, list, inspect, delete, attach, discover."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.functional.clients.programs import GO, Layout, run, two_platforms
from tests.functional.registries import objreg  # noqa: F401 - a fixture
from tests.servers.registries import Objreg

INSECURE = ['--src-tls-verify=false', '--dest-tls-verify=false']


@pytest.fixture
def layout(tmp_path: Path) -> tuple[Layout, str]:
    """An image for two platforms, and its digest."""
    return two_platforms(tmp_path / 'layout')


@pytest.fixture
def multi(layout: tuple[Layout, str], objreg: Objreg) -> tuple[str, str]:  # noqa: F811
    """The same, pushed; its reference and its digest."""
    reference = f'127.0.0.1:{objreg.port}/multi/app'
    run('skopeo', 'copy', '-q', '--all', *INSECURE, f'oci:{layout[0].path}:multi', f'docker://{reference}:1')
    return reference, layout[1]


# skopeo


def test_skopeo_copies_lists_inspects_syncs_and_deletes(
    multi: tuple[str, str], objreg: Objreg, tmp_path: Path,  # noqa: F811
) -> None:
    reference, digest = multi
    for tag in ('2', 'latest'):
        run('skopeo', 'copy', '-q', '--all', *INSECURE, f'docker://{reference}:1', f'docker://{reference}:{tag}')
    listed = json.loads(run('skopeo', 'list-tags', '--tls-verify=false', f'docker://{reference}'))
    assert listed['Tags'] == ['1', '2', 'latest']
    shown = json.loads(run('skopeo', 'inspect', '--tls-verify=false', f'docker://{reference}'))
    assert (shown['Digest'], shown['Architecture'], shown['RepoTags']) == (digest, 'amd64', ['1', '2', 'latest'])
    run('skopeo', 'sync', *INSECURE, '--all', '--src', 'docker', '--dest', 'dir', reference, tmp_path / 'dir')
    assert sorted(path.name for path in (tmp_path / 'dir').iterdir()) == ['app:1', 'app:2', 'app:latest']
    run('skopeo', 'sync', *INSECURE, '--all', '--src', 'docker', '--dest', 'docker', f'{reference}:1',
        f'127.0.0.1:{objreg.port}/synced')
    assert objreg.must('HEAD', '/v2/synced/app/manifests/1')['Docker-Content-Digest'] == digest
    run('skopeo', 'delete', '--tls-verify=false', f'docker://{reference}:1')
    assert objreg.call('HEAD', f'/v2/multi/app/manifests/{digest}')[0] == 404


def test_what_skopeo_pulls_is_what_it_pushed(
    multi: tuple[str, str], layout: tuple[Layout, str], tmp_path: Path
) -> None:
    run('skopeo', 'copy', '-q', '--all', *INSECURE, f'docker://{multi[0]}:1', f'oci:{tmp_path}/back:multi')
    blobs = {path.name: path.read_bytes() for path in (layout[0].path / 'blobs/sha256').iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / 'back/blobs/sha256').iterdir()} == blobs


def test_skopeo_pushes_docker_manifests(layout: tuple[Layout, str], objreg: Objreg) -> None:  # noqa: F811
    for form in ('v2s2', 'oci'):
        run('skopeo', 'copy', '-q', '--format', form, *INSECURE, f'oci:{layout[0].path}:multi',
            f'docker://127.0.0.1:{objreg.port}/formats:{form}')
    kinds = [objreg.must('HEAD', f'/v2/formats/manifests/{form}')['Content-Type'] for form in ('v2s2', 'oci')]
    assert kinds == [
        'application/vnd.docker.distribution.manifest.v2+json', 'application/vnd.oci.image.manifest.v1+json',
    ]


# crane


def test_crane_copies_tags_lists_and_deletes(multi: tuple[str, str], objreg: Objreg, tmp_path: Path) -> None:  # noqa: F811
    reference, digest = multi
    crane = GO / 'crane'
    run(crane, 'copy', f'{reference}:1', f'127.0.0.1:{objreg.port}/other/app:1')
    assert run(crane, 'digest', f'127.0.0.1:{objreg.port}/other/app:1').strip() == digest
    run(crane, 'tag', f'{reference}:1', 'second')
    assert run(crane, 'ls', reference).split() == ['1', 'second']
    assert run(crane, 'catalog', f'127.0.0.1:{objreg.port}').split() == ['multi/app', 'other/app']
    run(crane, 'pull', '--platform', 'linux/arm64', f'{reference}:1', tmp_path / 'image.tar')
    run(crane, 'push', tmp_path / 'image.tar', f'127.0.0.1:{objreg.port}/pushed:1')
    assert json.loads(run(crane, 'config', '--platform', 'linux/arm64', f'{reference}:1'))['architecture'] == 'arm64'
    run(crane, 'validate', '--remote', f'{reference}:1')
    run(crane, 'delete', f'{reference}@{digest}')
    assert objreg.call('HEAD', '/v2/multi/app/manifests/second')[0] == 404


# regctl


def test_regctl_copies_with_referrers_and_deletes_a_tag_alone(
    multi: tuple[str, str], objreg: Objreg, tmp_path: Path,  # noqa: F811
) -> None:
    reference, digest = multi
    env = {'HOME': str(tmp_path), 'PATH': '/bin', 'REGCTL_CONFIG': str(tmp_path / 'regctl.json')}
    regctl = GO / 'regctl'
    run(regctl, 'registry', 'set', '--tls', 'disabled', f'127.0.0.1:{objreg.port}', env=env)
    (tmp_path / 'signature').write_text('signed')
    run(regctl, 'artifact', 'put', '--artifact-type', 'application/vnd.example.signature', '--subject',
        f'{reference}:1', '--file', tmp_path / 'signature', env=env)
    listed = json.loads(run(regctl, 'artifact', 'list', f'{reference}:1', '--format', '{{json .}}', env=env))
    assert [found['artifactType'] for found in listed['descriptors']] == ['application/vnd.example.signature']
    run(regctl, 'image', 'copy', '--referrers', '--digest-tags', f'{reference}:1',
        f'127.0.0.1:{objreg.port}/copied/app:1', env=env)
    _, body, _ = objreg.call('GET', f'/v2/copied/app/referrers/{digest}')
    assert len(json.loads(body)['manifests']) == 1
    run(regctl, 'tag', 'delete', f'{reference}:1', env=env)
    assert objreg.call('HEAD', '/v2/multi/app/manifests/1')[0] == 404
    assert objreg.call('HEAD', f'/v2/multi/app/manifests/{digest}')[0] == 200
    assert run(regctl, 'repo', 'ls', f'127.0.0.1:{objreg.port}', env=env).split() == ['copied/app', 'multi/app']


# oras


def test_oras_attaches_discovers_and_pulls_a_referrer(
    multi: tuple[str, str], objreg: Objreg, tmp_path: Path,  # noqa: F811
) -> None:
    reference, digest = multi
    oras = GO / 'oras'
    (tmp_path / 'sbom.json').write_text('{"packages": []}')
    (tmp_path / 'signature').write_text('signed')
    for kind, name in (('application/spdx+json', 'sbom.json'), ('application/vnd.example.signature', 'signature')):
        run(oras, 'attach', '--plain-http', '--artifact-type', kind, f'{reference}:1', name, cwd=tmp_path)
    found = json.loads(run(oras, 'discover', '--plain-http', '--format', 'json', '--artifact-type',
                           'application/spdx+json', f'{reference}:1'))
    referrer, = found.get('referrers') or found['manifests']
    assert referrer['artifactType'] == 'application/spdx+json'
    run(oras, 'pull', '--plain-http', '-o', tmp_path / 'out', f'{reference}@{referrer["digest"]}')
    assert (tmp_path / 'out/sbom.json').read_text() == '{"packages": []}'
    _, body, headers = objreg.call(
        'GET', f'/v2/multi/app/referrers/{digest}?artifactType=application/vnd.example.signature'
    )
    assert len(json.loads(body)['manifests']) == 1
    assert headers['OCI-Filters-Applied'] == 'artifactType'


def test_oras_pushes_an_artifact_with_an_empty_config(objreg: Objreg, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / 'notes.txt').write_text('an artifact')
    reference = f'127.0.0.1:{objreg.port}/artifacts/notes:1'
    run(GO / 'oras', 'push', '--plain-http', '--artifact-type', 'application/vnd.example.notes', reference,
        'notes.txt:text/plain', cwd=tmp_path)
    _, body, _ = objreg.call('GET', '/v2/artifacts/notes/manifests/1')
    manifest = json.loads(body)
    assert manifest['config']['mediaType'] == 'application/vnd.oci.empty.v1+json'
    assert manifest['artifactType'] == 'application/vnd.example.notes'
    run(GO / 'oras', 'pull', '--plain-http', '-o', tmp_path / 'out', reference)
    assert (tmp_path / 'out/notes.txt').read_text() == 'an artifact'
