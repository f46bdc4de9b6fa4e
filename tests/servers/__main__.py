"""Servers by hand: ``python -m tests.servers up ceph FOLDER``, ``… up swift FOLDER``, ``… down FOLDER``.

``up`` prints how to reach the server as ``NAME=value`` lines, so that a shell may ``eval`` them.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from tests.servers import state
from tests.servers.process import Missing, StartFailed


def main() -> int:
    """Parse and do; 1 when a server cannot be started."""
    parser = argparse.ArgumentParser(prog='python -m tests.servers', description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest='command', required=True)
    up = commands.add_parser('up', help='start a server, or leave it alone when it runs')
    up.add_argument('kind', choices=sorted(state.KINDS))
    up.add_argument('folder', type=Path)
    down = commands.add_parser('down', help='stop all servers of a folder and remove it')
    down.add_argument('folder', type=Path)
    guard = commands.add_parser('guard', help='do so when a process ends (used by the test run)')
    guard.add_argument('pid', type=int)
    guard.add_argument('folder', type=Path)
    chosen = parser.parse_args()
    if chosen.command == 'down':
        state.down(chosen.folder)
    elif chosen.command == 'guard':
        state.guard(chosen.pid, chosen.folder)
    else:
        return _up(chosen.kind, chosen.folder.resolve())
    return 0


def _up(kind: str, folder: Path) -> int:
    try:
        settings = state.KINDS[kind].start(folder / kind)
    except (Missing, StartFailed) as error:
        print(error, file=sys.stderr)
        return 1
    for name, value in settings.items():
        print(f'{name}={shlex.quote(value)}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
