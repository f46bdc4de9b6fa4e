"""The wheel in an environment that has nothing else: a fixture for what an operator installs.

Who uses it says ``pytestmark = pytest.mark.xdist_group('wheel')``, so that one worker makes it, once.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.registries import ROOT

_QUIET = ('-m', 'pip', '--quiet', '--disable-pip-version-check')


def pip(python: str | Path, *arguments: str | Path) -> None:
    """Run the pip of that Python."""
    subprocess.run([python, *_QUIET, *arguments], check=True)


@pytest.fixture(scope='session')
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of such an environment."""
    folder = tmp_path_factory.mktemp('wheel')
    pip(sys.executable, 'wheel', '--no-deps', '--wheel-dir', folder, ROOT)
    subprocess.run([sys.executable, '-m', 'venv', folder / 'env'], check=True)
    wheel, = folder.glob('objreg-*.whl')
    pip(folder / 'env/bin/python', 'install', '--constraint', ROOT / 'constraints.txt', f'{wheel}[all]')
    return folder / 'env/bin'
