"""Virtual environments of their own for servers that come from PyPI, kept under ``.cache/``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.servers.process import Missing, locked, run

_HERE = Path(__file__).resolve().parent
_CACHE = _HERE.parents[1] / '.cache'


def python_with(name: str, *requirements: str) -> Path:
    """The Python that has these; made, and they installed, when it is not there.

    `name` tells one such environment from the others and from what was there before another version was wanted.  All
    that these need has the versions of ``constraints-<first word of the name>.txt``: the same each time, and no search.
    """
    constraints = _HERE / f'constraints-{name.partition("-")[0]}.txt'
    place = _CACHE / f'{name}-{sys.version_info.major}.{sys.version_info.minor}'
    python = place / 'bin' / 'python'
    with locked(place.with_name(f'{place.name}.lock')):
        if not (place / 'complete').exists():
            shutil.rmtree(place, ignore_errors=True)
            log = place.with_name(f'{place.name}.log')
            try:
                run(sys.executable, '-m', 'venv', place, log=log)
                run(python, '-m', 'pip', 'install', '--quiet', '--constraint', constraints, *requirements, log=log)
            except Exception as error:
                raise Missing(f'{", ".join(requirements)} cannot be installed: {error}') from error
            (place / 'complete').touch()
    return python
