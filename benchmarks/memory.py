"""How much memory each process takes while 32 clients push 256 MiB each at once, and while 32 pull; by file and by S3.

Run it by ``python -m benchmarks.memory``; fails where a process takes more than 150 MB.  The S3 server is a Ceph that
is started for it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks import load
from tests.servers import state
from tests.servers.buckets import S3Server
from tests.servers.registries import QUIET, Objreg

MIB = 1024**2
CLIENTS = 32
LAYER = 256 * MIB
MOST = 150_000_000
"""Bytes of resident memory."""


class Watch:
    """The most that any process of a server had resident, seen twenty times a second."""

    def __init__(self, server: Objreg) -> None:
        self._server = server
        self._over = threading.Event()
        self.most = 0

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            for pid in [self._server.pid, *self._server.children()]:
                self.most = max(self.most, _resident(pid))


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
    except OSError:  # it has just ended
        return 0
    return pages * 4096


def measure(folder: Path, store: dict[str, Any], layers: list[load.Layer], *, chunked: bool) -> dict[str, int]:
    """The most resident bytes of a process: at rest, while all layers are pushed, and while the first is pulled."""
    found, kind = {}, 'chunked' if chunked else 'push'
    with Objreg(folder, store, options=QUIET) as server:
        jobs: dict[str, Callable[[int], None]] = {
            'rest': lambda _: time.sleep(1),
            kind: lambda number: load.push(server, f'memory/push{number}', layers[number], chunked=chunked),
            'pull': lambda _: load.pull(server, 'memory/push0', layers[0].digest, layers[0].size),
        }
        for name, job in jobs.items():
            with Watch(server) as watch:
                load.at_once(len(layers), job)
            found[name] = watch.most
    return found


@click.command(help=__doc__)
@click.option('--json', 'as_json', is_flag=True, help='Print bytes.')
@click.option('--clients', default=CLIENTS, show_default=True)
@click.option('--size', default=LAYER // MIB, show_default=True, help='MiB of the layer.')
def main(as_json: bool, clients: int, size: int) -> None:
    """Measure, print, and fail where it is too much."""
    found: dict[str, dict[str, int]] = {}
    state.begin()
    try:
        with tempfile.TemporaryDirectory(prefix='objreg-memory-') as work:
            layers = [load.Layer(Path(work, f'layer{number}'), size * MIB) for number in range(clients)]
            settings = state.up('ceph')
            ceph = S3Server(
                'ceph', settings['S3_ENDPOINT'], settings['S3_ACCESS_KEY'], settings['S3_SECRET_KEY'], settings
            )
            for chunked in (False, True):
                folder = Path(work, f'folder{chunked}')
                bucket = ceph.make_bucket()
                stores = {'file': {'driver': 'file', 'path': str(folder)}, 's3': {'driver': 's3', **bucket.options}}
                for name, store in stores.items():
                    most = measure(Path(work, f'{name}{chunked}'), store, layers, chunked=chunked)
                    found[name] = most | found.get(name, {})
                bucket.remove()
                shutil.rmtree(folder)
    finally:
        state.end()
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        title = f'Most resident MB of a process, {clients} clients, {size} MiB each'
        table = Table('store', *found['file'], title=title)
        for store, by_job in found.items():
            table.add_row(store, *(f'{most / 1e6:.0f}' for most in by_job.values()))
        Console(width=110).print(table)
    if any(most > MOST for by_job in found.values() for most in by_job.values()):
        raise click.ClickException(f'more than {MOST / 1e6:.0f} MB')


if __name__ == '__main__':
    main()
