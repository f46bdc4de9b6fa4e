"""Compares the speed of objreg and of the CNCF registry on this machine, both on a folder, in turns.

Run it by ``python -m benchmarks.speed``; ``--json`` for scripts.  The ratio is objreg's speed in units of the peer's:
both share the machine with the client, so absolute figures mean little.  Each measure is taken in rounds, both
registries in each, and the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import load
from benchmarks.servers import SERVERS
from objreg import keys
from objreg.drivers.file import FileStore
from objreg.manifest import OCI_MANIFEST
from tests.servers.registries import QUIET, Objreg, Peer, Server

MIB = 1024**2
LAYER = 256 * MIB
NAMES = 100_000


class Measure(NamedTuple):
    """One line of the table."""

    name: str
    run: Callable[[Server, int], float]
    """Of a server and the round: how much a second."""
    least: float
    """The ratio that objreg is to reach."""
    server: str = ''
    """Which of `benchmarks.servers.SERVERS`; '': the default one."""


def _manifests(clients: int, keep_alive: bool) -> Callable[[Server, int], float]:
    path = '/v2/speed/image/manifests/tag000000'
    return lambda server, _: load.rate(
        server, path, clients=clients, seconds=2, keep_alive=keep_alive, accept=OCI_MANIFEST
    )


class Transfers:
    """Layers that are pushed and pulled; `blobs` are the folders where the registries keep them."""

    def __init__(self, folder: Path, blobs: Sequence[Path]) -> None:
        self._folder = folder
        self._blobs = blobs

    def push(self, *, count: int = 1, chunked: bool = False) -> Callable[[Server, int], float]:
        """MiB a second of `count` clients that push a new layer each."""
        def run(server: Server, turn: int) -> float:
            layers = [load.Layer(self._folder / f'layer-{number}', LAYER // count) for number in range(count)]
            name = f'speed/push{turn}'
            seconds = load.at_once(count, lambda number: load.push(server, name, layers[number], chunked=chunked))
            self._forget()
            return LAYER / MIB / seconds

        return run

    def _forget(self) -> None:
        """Delete the layers that were pushed.

        A virtual machine gets memory from its host when a page is touched for the first time, which takes longer than
        all that a registry does with it: without this, rounds measure that, from the fourth on.
        """
        files = [path for folder in self._blobs for path in folder.rglob('*') if path.is_file()]
        layers = [path for path in files if path.stat().st_size >= LAYER // 4]
        if not layers:
            raise RuntimeError(f'no layer lies in {" or ".join(map(str, self._blobs))}')
        for path in layers:
            path.unlink()

    def pull(self, count: int = 1) -> Callable[[Server, int], float]:
        """MiB a second of `count` clients that pull the same layer."""
        pushed: dict[int, load.Layer] = {}

        def run(server: Server, _: int) -> float:
            if server.port not in pushed:
                pushed[server.port] = load.Layer(self._folder / f'pulled-{server.port}', LAYER)
                load.push(server, 'speed/pull', pushed[server.port], chunked=False)
            digest = pushed[server.port].digest
            seconds = load.at_once(count, lambda _: load.pull(server, 'speed/pull', digest, LAYER))
            return LAYER * count / MIB / seconds

        return run


def _page(path: str) -> Callable[[Server, int], float]:
    return lambda server, _: load.rate(server, path, clients=1, seconds=3, keep_alive=True)


def measures(work: Path, blobs: Sequence[Path]) -> list[Measure]:
    """All of them; layers that were pushed are deleted from the folders `blobs`."""
    transfers = Transfers(work, blobs)
    found = [
        Measure('manifests, a connection each, 1 client', _manifests(1, False), 2),
        Measure('manifests, a connection each, 16 clients', _manifests(16, False), 2),
        Measure('manifests, connections kept, 16 clients', _manifests(16, True), 2),
    ]
    for server in SERVERS:
        found += [
            Measure(f'manifests, a connection each, 16 clients, {server}', _manifests(16, False), 4, server),
            Measure(f'manifests, connections kept, 16 clients, {server}', _manifests(16, True), 4, server),
        ]
    return [
        *found,
        Measure('push of 256 MiB', transfers.push(), 2),
        Measure('push of 256 MiB, chunked', transfers.push(chunked=True), 2),
        Measure('push of 4 x 64 MiB at once', transfers.push(count=4), 2),
        Measure('pull of 256 MiB', transfers.pull(), 1),
        Measure('pull of 256 MiB by 4 clients', transfers.pull(4), 1),
        Measure('tags, a page of 100 in 100,000', _page('/v2/speed/many/tags/list?n=100&last=tag050000'), 10),
        Measure('catalog, a page of 100 in 100,000', _page('/v2/_catalog?n=100&last=many%2Frepository050000'), 10),
    ]


class Bench:
    """Both registries, filled with the same."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._ours = work / 'objreg-data'
        self._theirs = work / 'peer-data'

    @property
    def blobs(self) -> list[Path]:
        """Where both keep layers."""
        return [self._ours / 'blobs.d', self._theirs / 'docker/registry/v2/blobs']

    @contextlib.contextmanager
    def servers(self, kind: str) -> Iterator[tuple[Server, Server]]:
        """Objreg by that kind of server, and the peer."""
        make = SERVERS[kind] if kind else Objreg
        with (
            make(self._work / f'objreg{kind}', {'driver': 'file', 'path': str(self._ours)}, options=QUIET) as ours,
            Peer(self._work / 'peer', {'filesystem': {'rootdirectory': str(self._theirs)}}, cache=True) as theirs,
        ):
            yield ours, theirs

    def fill(self, names: int) -> None:
        """An image, a repository of so many tags, and as many repositories: one by the API, the others its copies."""
        with self.servers('') as (ours, theirs):
            for server in (ours, theirs):
                server.fill(['speed/image', 'speed/many', 'many/repository000000'], ['tag000000'])
        data = FileStore(str(self._ours), sync=False)
        tag, marker = data.read(keys.tag('speed/many', 'tag000000')), data.read(keys.catalog('speed/many'))
        base = self._theirs / 'docker/registry/v2/repositories'
        for number in range(1, names):
            data.put(keys.tag('speed/many', f'tag{number:06}'), tag)
            data.put(keys.catalog(f'many/repository{number:06}'), marker)
            # what the peer's lists look at
            (base / f'speed/many/_manifests/tags/tag{number:06}/current').mkdir(parents=True)
            (base / f'many/repository{number:06}/_layers').mkdir(parents=True)

    def run(self, wanted: list[Measure], rounds: int, progress: Progress) -> dict[str, list[tuple[float, float]]]:
        """What each measure gave in each round: ours and theirs, the one that begins taking turns."""
        found: dict[str, list[tuple[float, float]]] = {}
        for kind in dict.fromkeys(measure.server for measure in wanted):
            with self.servers(kind) as (ours, theirs):
                for measure in [measure for measure in wanted if measure.server == kind]:
                    task = progress.add_task(measure.name, total=rounds)
                    for turn in range(rounds):
                        first = measure.run(ours if turn % 2 else theirs, turn)
                        second = measure.run(theirs if turn % 2 else ours, turn)
                        found.setdefault(measure.name, []).append((first, second) if turn % 2 else (second, first))
                        progress.advance(task)
        return found


def ratio(rounds: list[tuple[float, float]]) -> float:
    """The median of ours in units of theirs."""
    return load.median([ours / theirs for ours, theirs in rounds])


def table(wanted: list[Measure], found: dict[str, list[tuple[float, float]]]) -> Table:
    """The ratios, beside what is to be reached."""
    rows = Table(title='objreg, in units of the CNCF registry on the same machine')
    for column in ('measure', 'ratio', 'to reach'):
        rows.add_column(column, justify='left' if column == 'measure' else 'right')
    for measure in wanted:
        reached = ratio(found[measure.name])
        short = '' if reached >= measure.least else ' (!)'
        rows.add_row(measure.name, f'{reached:.1f}{short}', f'{measure.least:g}')
    return rows


@click.command(help=__doc__)
@click.option('--json', 'as_json', is_flag=True, help='Print all figures of all rounds.')
@click.option('--rounds', default=5, show_default=True, help='How often each is measured.')
@click.option('--only', default='', help='Only the measures whose name contains this.')
def main(as_json: bool, rounds: int, only: str) -> None:
    """Measure, print, and fail where objreg does not reach what it is to reach."""
    with tempfile.TemporaryDirectory(prefix='objreg-speed-') as work:
        bench = Bench(Path(work))
        wanted = [measure for measure in measures(Path(work), bench.blobs) if only in measure.name]
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bench.fill(NAMES if any('100,000' in measure.name for measure in wanted) else 1)
            found = bench.run(wanted, rounds, progress)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        Console(width=110).print(table(wanted, found))
    short = [measure.name for measure in wanted if ratio(found[measure.name]) < measure.least]
    if short:
        raise click.ClickException(f'not reached: {"; ".join(short)}')


if __name__ == '__main__':
    main()
