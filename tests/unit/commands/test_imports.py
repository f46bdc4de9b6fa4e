"""``objreg import``: from the store of another registry, told to people and to scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from objreg.cli import main
from objreg.drivers.file import FileStore
from objreg.drivers.memory import MemoryStore
from tests.inprocess import Client
from tests.trees.distribution import DistributionTree, hex_of, image
from tests.trees.docker_registry_v1 import TreeV1
from tests.unit.imports.serving import answering, serving


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stores, of which `old` is a folder of another registry's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'stores.yml').write_text(json.dumps({
        'default': {'driver': 'file', 'path': str(tmp_path / 'new'), 'sync': False},
        'old': {'driver': 'folder', 'path': str(tmp_path / 'old')},
        'nowhere': {'driver': 'folder', 'path': str(tmp_path / 'nowhere')},
    }))
    return tmp_path


def written(tree: DistributionTree | TreeV1, folder: Path) -> None:
    """Its objects as files."""
    for entry in tree.store.list(''):
        path = folder / 'old' / entry.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tree.store.read(entry.key))


def objreg(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, ['import', *arguments])
    assert result.exit_code == status, result.output
    return result


def test_a_folder_of_the_cncf_registry_is_taken(folder: Path) -> None:
    tree = DistributionTree(MemoryStore())
    tree.push('team/app', 'v1', b'x' * 1000)
    written(tree, folder)
    assert 'would be taken' in objreg('distribution', 'old', '--dry-run').output
    assert not (folder / 'new').exists()
    told = json.loads(objreg('distribution', 'old', '--json', '--verify', 'all').output)
    assert (told['manifests'], told['tags'], told['left'], told['bytes'] > 1000) == (1, 1, [], True)
    assert told['on_server'] == told['bytes']
    store = FileStore(str(folder / 'new'), sync=False)
    assert Client(store)('GET', '/v2/team/app/manifests/v1').body == image(b'x' * 1000)
    assert '1 manifests were here' in objreg('distribution', 'old').output


def test_what_is_not_taken_is_named_and_ends_with_one(folder: Path) -> None:
    tree = DistributionTree(MemoryStore())
    broken = tree.push('team/app', 'v1', b'x')
    tree.store.delete([tree.key(b'x')])
    tree.store.put(tree.of('team/app', '_manifests/tags/red\x1b[31m/current/link'), b'')
    written(tree, folder)
    told = objreg('distribution', 'old', status=1).output
    assert f'not taken: team/app@sha256:{hex_of(broken)}: its blob sha256:{hex_of(b"x")}: ' in told
    assert 'not taken: team/app:red\\x1b[31m: ' in told
    assert {line['what'].rpartition(':')[0] for line in json.loads(
        objreg('distribution', 'old', '--json', status=1).output)['left']} == {'team/app', 'team/app@sha256'}


def test_a_folder_of_the_first_registry_is_taken(folder: Path) -> None:
    tree = TreeV1(MemoryStore(), 'registry')
    tree.tag('team/app', 'v1', tree.image())
    tree.tag('team/app', 'nowhere', '9' * 64)
    tree.hide('team/app')
    written(tree, folder)
    told = objreg('docker-registry-v1', 'old', '--root', 'registry', status=1).output
    assert ' 1 tags, ' in told and ', 1 images taken' in told
    assert 'team/app was private; there is no hub here' in told
    assert f'not taken: team/app:nowhere: there is no image {"9" * 64}' in told
    store = FileStore(str(folder / 'new'), sync=False)
    assert Client(store)('GET', '/v2/team/app/tags/list').json()['tags'] == ['v1']


def test_a_registry_that_is_there_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    client.push_image('team/app', 'v1', b'x')
    with serving(client.app) as server:
        assert '1 manifests, 1 tags' in objreg('registry', server.url).output
        (folder / 'password').write_text('secret\n')
        objreg('registry', server.url, '--user', 'alice', '--password-file', str(folder / 'password'))
        monkeypatch.setenv('OBJREG_IMPORT_PASSWORD', 'secret')
        told = json.loads(objreg('registry', server.url, '--user', 'alice', '--json', '--repository', '*/app').output)
    assert (told['repositories'], told['present'], told['left']) == (1, 1, [])
    store = FileStore(str(folder / 'new'), sync=False)
    assert Client(store)('GET', '/v2/team/app/tags/list').json()['tags'] == ['v1']


def test_a_registry_without_a_catalog_says_what_to_do(folder: Path) -> None:
    with serving(lambda environ, start_response: answering(start_response, 404)) as server:
        assert 'name each by --repository' in objreg('registry', server.url, status=1).output


@pytest.mark.parametrize(('arguments', 'status', 'message'), [
    (['registry', 'ftp://x'], 1, 'without user and password'),
    (['registry', 'https://x', '--ca-bundle', 'missing'], 2, '--ca-bundle'),
    (['docker-registry-v1', 'default'], 2, 'into itself'),
    (['docker-registry-v1', 'nowhere'], 1, 'there is no folder'),
    (['distribution', 'nope'], 1, "there is no store 'nope'"),
    (['distribution', 'nowhere'], 1, 'there is no folder'),
    (['distribution', 'default'], 2, 'into itself'),
    (['distribution', 'old', '--jobs', '0'], 2, '--jobs'),
    (['distribution', 'old', '--verify', 'some'], 2, '--verify'),
    (['distribution'], 2, "Missing argument 'STORE'"),
])
def test_mistakes_end_with_one_line(folder: Path, arguments: list[str], status: int, message: str) -> None:
    assert message in objreg(*arguments, status=status).output
