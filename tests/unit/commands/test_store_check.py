"""``objreg store check``, as it is called."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from objreg.cli import main
from objreg.drivers.file import FileStore
from objreg.drivers.memory import MemoryStore
from objreg.store import Body, Refused

FEW = ('--size', '100KiB', '--rounds', '2', '--racers', '3')


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a stores.yml."""
    (tmp_path / 'stores.yml').write_text(
        'default: {driver: file, path: "${here}/one", sync: false}\n'
        'part: {driver: prefix, store: default, path: team/a}\n'
        'memory: {driver: memory}\n'
        'misspelt: {driver: file, path: x, synk: false}\n'
        'unset: {driver: file, path: "${NO_SUCH_VARIABLE}"}\n'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def objreg(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, ['store', 'check', *arguments])
    assert result.exit_code == status, result.output
    return result


@pytest.mark.parametrize('name', ['default', 'part'])
def test_a_good_store_is_good_enough_and_is_left_as_it_was(name: str, folder: Path) -> None:
    told = objreg(name, *FEW).stdout
    assert told.splitlines()[-1].startswith(f'{name}: good enough (')
    for line in ('ok       reached', 'ok       conditional PUT', 'limited  signed URLs', 'put of 100.0 KiB'):
        assert line in told
    assert '\x1b' not in told
    assert sorted(path.name for path in (folder / 'one').iterdir()) == ['.staging']


def test_json_has_everything_for_scripts() -> None:
    told: dict[str, Any] = json.loads(objreg('--json', *FEW).stdout)
    assert list(told) == ['store', 'what', 'ok', 'declared', 'found', 'findings', 'calls', 'seconds']
    assert (told['store'], told['what'].split()[0], told['ok']) == ('default', 'file', True)
    assert told['declared']['conditional_put'] is told['found']['conditional_put'] is True
    assert {frozenset(finding) for finding in told['findings']} == {frozenset(('probe', 'state', 'found', 'meaning'))}
    assert {finding['state'] for finding in told['findings']} == {'ok', 'limited'}
    assert {frozenset(call) for call in told['calls']} == {
        frozenset(('call', 'size', 'times', 'median', 'max', 'bytes_per_second'))
    }
    large = next(call for call in told['calls'] if (call['call'], call['size']) == ('get', 102400))
    assert large['bytes_per_second'] > 1000 and 0 < large['median'] <= large['max']


def test_what_is_wrong_is_told_and_is_the_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def put(self: Any, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        raise Refused('memory: write: this user \x1b[31mmay not do that')

    monkeypatch.setattr(MemoryStore, 'put', put)
    told = objreg('memory', *FEW, status=1).stdout
    assert 'wrong    writing' in told and 'this user \\x1b[31mmay not do that' in told
    assert told.splitlines()[-1].startswith('memory: 1 to mend')
    assert 'skipped  large objects' in told
    assert objreg('memory', '--read-only', *FEW).stdout.splitlines()[-1].startswith('memory: good enough')


@pytest.mark.parametrize(('arguments', 'message'), [
    (['nope'], "there is no store 'nope'"),
    (['misspelt'], "did you mean 'sync'?"),
    (['unset'], 'NO_SUCH_VARIABLE is not set'),
    (['--stores', 'missing.yml'], 'missing.yml: No such file'),
    (['--size', 'large'], 'large'),
    (['--size', '6GiB'], 'between 1 B and 5 GiB'),
    (['--seconds', 'soon'], 'soon'),
    (['--racers', '1'], '--racers'),
    (['--contract', '--read-only'], '--contract writes'),
])
def test_a_mistake_is_the_exit_status_2(arguments: list[str], message: str) -> None:
    assert message in objreg(*arguments, status=2).output


def test_help_has_examples_and_names_are_completed() -> None:
    assert 'objreg store check production --read-only' in objreg('--help').output
    told = CliRunner().invoke(main, [], prog_name='objreg', env={
        '_OBJREG_COMPLETE': 'bash_complete', 'COMP_WORDS': 'objreg store check m', 'COMP_CWORD': '3',
    })
    assert told.output == 'plain,memory\nplain,misspelt\n'


def test_the_contract_needs_pytest_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split('.')[0] in ('pytest', '_pytest')]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, 'objreg.checking.contract', raising=False)
    objreg(*FEW)
    assert "pip install 'objreg[testing]'" in objreg('--contract', *FEW, status=2).output


def test_the_contract_is_a_row_for_each_promise(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Two promises stand for all: the others are run on every store elsewhere."""
    from objreg.checking import contract

    only = ('-k', 'test_put_replaces_atomically or test_aborting_nothing_is_no_error')
    monkeypatch.setattr(contract, '_ALONE', (*contract._ALONE, *only))
    told = json.loads(objreg('--contract', '--json', *FEW).stdout)
    found = {finding['probe']: finding for finding in told['findings']}
    assert found['contract: put replaces atomically']['state'] == 'ok'
    assert found['contract: aborting nothing is no error']['state'] == 'ok'
    store = FileStore(str(folder / 'one'), sync=False)
    assert [*store.list('')] == []
