"""A driver of a third party, installed beside objreg, is found by its name and passes the contract."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.installed import pip
from tests.servers.registries import ROOT

pytestmark = pytest.mark.xdist_group('wheel')


@pytest.fixture(scope='module')
def plugin(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the plugin's sources, which is installed meanwhile."""
    sources = tmp_path_factory.mktemp('plugin') / 'driver-plugin'
    shutil.copytree(ROOT / 'examples/driver-plugin', sources, ignore=shutil.ignore_patterns('__pycache__'))
    pip(installed / 'python', 'install', '--constraint', ROOT / 'constraints.txt', sources, 'pytest')
    yield sources
    pip(installed / 'python', 'uninstall', '--yes', 'objreg-sqlite')


def run(folder: Path, *command: str | Path) -> str:
    """What a command says, run in a folder with nothing of this checkout in its environment."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder,
        env={'PATH': os.environ['PATH'], 'DATA': str(folder / 'data')},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_it_passes_the_contract(plugin: Path, installed: Path) -> None:
    said = run(plugin, installed / 'python', '-m', 'pytest', '-q', '-W', 'error', 'test_objreg_sqlite.py')
    assert int(said.rpartition('\n')[0].splitlines()[-1].split()[0]) > 100


def test_it_is_found_by_its_name_and_made_ready(plugin: Path, installed: Path, tmp_path: Path) -> None:
    (tmp_path / 'paste.ini').write_text((ROOT / 'paste.ini').read_text())
    (tmp_path / 'stores.yml').write_text('default: {driver: sqlite, path: "${here}/objects.db"}')
    run(tmp_path, installed / 'objreg', 'store', 'setup')
    assert (tmp_path / 'objects.db').exists()
    assert 'sqlite' in run(tmp_path, installed / 'objreg', 'check-config')


def test_it_is_small() -> None:
    files = [path for path in (ROOT / 'examples/driver-plugin').rglob('*') if path.suffix in ('.py', '.toml')]
    assert len(files) == 3
    assert sum(len(path.read_text().splitlines()) for path in files) < 150
