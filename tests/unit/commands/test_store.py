"""``objreg store``, as it is called."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from objreg.cli import main
from objreg.drivers.file import FileStore
from tests.inprocess import Client


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a stores.yml of two stores, one of which holds two images that share a layer."""
    (tmp_path / 'stores.yml').write_text(
        'default: {driver: file, path: "${here}/one", sync: false}\n'
        'other: {driver: file, path: "${here}/other", sync: false}\n'
    )
    store = FileStore(str(tmp_path / 'one'), sync=False)
    client, shared = Client(store), os.urandom(2000)
    client.push_image('team/app', 'v1', shared, b'mine')
    client.push_image('team/web', 'v1', shared)
    store.put('odd/\x1b[31mred', b'\x00\xff')
    store.close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def objreg(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, ['store', *arguments])
    assert result.exit_code == status, result.output
    return result


def test_setup_says_when_a_store_is_ready(folder: Path) -> None:
    assert objreg('setup', 'other').output == 'other: ready\n'


def test_sweep_deletes_what_uploads_left(folder: Path) -> None:
    store = FileStore(str(folder / 'one'), sync=False)
    store.upload('blobs/left').part(1, b'behind')
    store.close()
    assert objreg('sweep').output == 'default: 0 pieces deleted\n'
    assert json.loads(objreg('sweep', '--older-than', '0', '--json').output)['deleted'] > 0
    assert json.loads(objreg('sweep', '--older-than', '0', '--json').output) == {'deleted': 0}
    assert 'older-than' in objreg('sweep', '--older-than', 'long', status=2).output


def test_ls_shows_a_bucket_like_a_folder(folder: Path) -> None:
    assert objreg('ls').output.splitlines() == ['blobs/', 'catalog/', 'odd/', 'repositories/', 'system/']
    assert objreg('ls', 'default', 'catalog/', '-r').output.splitlines() == ['catalog/team/app', 'catalog/team/web']
    size, time, key = objreg('ls', 'default', 'repositories/team/app/_tags/', '-l').output.split()
    assert (int(size) > 0, time[-1], key) == (True, 'Z', 'repositories/team/app/_tags/v1')


def test_ls_does_nothing_to_a_terminal(folder: Path) -> None:
    assert objreg('ls', 'default', 'odd/').output == 'odd/\\x1b[31mred\n'
    assert json.loads(objreg('ls', 'default', 'odd/', '--json').output)['key'] == 'odd/\x1b[31mred'


def test_cat_writes_an_object_as_it_is(folder: Path) -> None:
    assert objreg('cat', 'default', 'odd/\x1b[31mred').stdout_bytes == b'\x00\xff'
    assert objreg('cat', 'default', 'nothing', status=1).output == 'Error: default: there is no nothing\n'


def test_du_tells_shared_bytes_apart(folder: Path) -> None:
    told = json.loads(objreg('du', '--json').output)
    assert [(one['repository'], one['shared'] > 2000, one['own']) for one in told['repositories']] == [
        ('team/app', True, 4), ('team/web', True, 0),
    ]
    assert 'team/app' in (shown := objreg('du', 'default', 'team/app').output) and 'team/web' not in shown
    assert "no repository 'nope'" in objreg('du', 'default', 'nope', status=1).output


def test_copy_ends_with_a_summary_and_copies_nothing_twice(folder: Path) -> None:
    assert 'would be copied' in objreg('copy', 'default', 'other', '--dry-run').output
    first = json.loads(objreg('copy', 'default', 'other', '--json').output)
    again = json.loads(objreg('copy', 'default', 'other', '--json').output)
    assert (first['damaged'], again['copied'], again['present']) == ([], 0, first['copied'])
    one, other = (FileStore(str(folder / name), sync=False) for name in ('one', 'other'))
    assert [entry.key for entry in one.list('')] == [entry.key for entry in other.list('')]


def test_copy_fails_when_something_is_damaged(folder: Path) -> None:
    store = FileStore(str(folder / 'one'), sync=False)
    key = next(entry.key for entry in store.list('blobs/', detail=True) if entry.size == 2000)
    store.put(key, bytes(2000))
    told = objreg('copy', 'default', 'other', '--verify', status=1)
    assert f'damaged, not copied: {key}' in told.output
    assert ' 1 are damaged' in told.output


def test_copy_tells_what_did_not_pass_here(folder: Path) -> None:
    told = [json.loads(objreg('copy', 'default', 'other', '--json', *more).output) for more in ([], ['--verify'])]
    assert [one['on_server'] > 2000 for one in told] == [True, False]


@pytest.mark.parametrize(('arguments', 'status', 'message'), [
    (['ls', 'nope'], 1, "stores.yml: there is no store 'nope'"),
    (['ls', '--stores', 'missing.yml'], 1, 'missing.yml: No such file'),
    (['copy', 'default', 'default'], 2, 'the same store'),
    (['copy', 'default'], 2, "Missing argument 'TARGET'"),
    (['copy', 'default', 'other', '--jobs', '0'], 2, '--jobs'),
])
def test_mistakes_end_with_one_line(folder: Path, arguments: list[str], status: int, message: str) -> None:
    assert message in objreg(*arguments, status=status).output


def test_the_names_of_stores_are_completed(folder: Path) -> None:
    told = CliRunner().invoke(main, [], prog_name='objreg', env={
        '_OBJREG_COMPLETE': 'bash_complete', 'COMP_WORDS': 'objreg store ls o', 'COMP_CWORD': '3',
    })
    assert told.output == 'plain,other\n'
