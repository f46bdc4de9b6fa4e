"""The wheel in an environment that has nothing else: a fixture for what an operator installs.

Who uses it says ``pytestmark = pytest.mark.xdist_group('wheel')``, so that one worker makes it, once.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.registries import ROOT

_NO_SOURCES = shutil.ignore_patterns('.*', 'build', 'reports', 'var', '*.egg-info', '__pycache__')
_QUIET = ('-m', 'pip', '--quiet', '--disable-pip-version-check')


def pip(python: str | Path, *arguments: str | Path) -> None:
    """Run the pip of that Python."""
    subprocess.run([python, *_QUIET, *arguments], check=True)


@pytest.fixture(scope='session')
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of such an environment."""
    folder = tmp_path_factory.mktemp('wheel')
    # of a copy: a build writes into the folder of the sources
    sources = shutil.copytree(ROOT, folder / 'sources', symlinks=True, ignore=_NO_SOURCES)
    pip(sys.executable, 'wheel', '--no-deps', '--wheel-dir', folder, sources)
    subprocess.run([sys.executable, '-m', 'venv', folder / 'env'], check=True)
    wheel, = folder.glob('objreg-*.whl')
    pip(folder / 'env/bin/python', 'install', '--constraint', ROOT / 'constraints.txt', f'{wheel}[all]')
    return folder / 'env/bin'
