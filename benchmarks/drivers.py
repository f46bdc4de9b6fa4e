"""Counts the requests and bytes of a push and a pull on each driver, over a real server of each kind.

Run it by ``python -m benchmarks.drivers``; ``--json`` for scripts, ``--only KIND`` for one.  The registry runs in this
process; what is counted is all that it asks the store by HTTP, tokens and retries included.  On a folder, calls to the
store are counted, with the cache that a folder does not have otherwise.  What lies beside Glance, in a folder, is not.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pytest
from rich.console import Console
from rich.table import Table

from benchmarks.wire import Traffic, watched
from objreg.names import Digest
from objreg.stores import load_store
from objreg.testing.faults import CountingStore
from objreg.wrap.cache import CachedStore
from tests import documents
from tests.functional.registries import STORES, WITH_KEYSTONE
from tests.inprocess import Client
from tests.unit.drivers.kodo import kodo

LAYERS = 10
LAYER = 64 * 1024 + 1
"""Bytes: what Glance has as an image."""
MIB64 = 64 * 1024**2
BUDGET = {'push': 50, 'again': 15, 'mounts': 40, 'pull': 12, '64 MiB': 20}
"""What objreg allows itself: as `benchmarks.calls`."""
KINDS = {**STORES, **WITH_KEYSTONE, 'qiniu': lambda fixture, _: fixture('qiniu')}
_RESULTS = 'OBJREG_BENCH_RESULTS'


class Node:
    """A node that has just started, over a store; it counts."""

    def __init__(self, section: dict[str, Any], folder: Path, traffic: Traffic) -> None:
        names = {'driver': 'file', 'path': str(folder / 'names')}
        (folder / 'stores.yml').write_text(json.dumps({'default': section, 'names': names}))  # JSON is YAML
        self.store = load_store(str(folder / 'stores.yml'), 'default')
        self.is_local = self.store.capabilities.local
        self.counting = CountingStore(self.store)
        self.client = Client(CachedStore(self.counting) if self.is_local else self.store)
        self._traffic = traffic
        self.client.start('warm/up')  # logs in, and reads the keys that sign

    @contextmanager
    def cost(self, into: dict[str, Any], operation: str) -> Iterator[None]:
        """What happens within costs that much."""
        self.counting.reset()
        before = asdict(self._traffic)
        yield
        after = asdict(self._traffic)
        cost = {name: after[name] - before[name] for name in before}
        into[operation] = {**cost, 'calls': self.counting.total} if self.is_local else cost

    def push(self, name: str, layers: list[bytes], source: str = '') -> None:
        """As docker does: HEAD, POST, PATCH, PUT for each blob that is not here, or POST to mount it; the manifest."""
        for data in (documents.CONFIG, *layers):
            digest = Digest.of(data)
            if self.client('HEAD', f'/v2/{name}/blobs/{digest}').status == 200:
                continue
            if source:
                mounted = self.client('POST', f'/v2/{name}/blobs/uploads/?mount={digest}&from={source}')
                assert mounted.status == 201, mounted
                continue
            place = self.client('PATCH', self.client.start(name), data)['Location']
            assert self.client('PUT', f'{place}&digest={digest}').status == 201
        assert self.client.push(name, 'tag', documents.image(*layers)).status == 201

    def pull(self, name: str, layers: list[bytes]) -> None:
        """HEAD and GET of the manifest, GET of each blob, from the store itself where the registry sends there."""
        digest = self.client('HEAD', f'/v2/{name}/manifests/tag')['Docker-Content-Digest']
        assert self.client('GET', f'/v2/{name}/manifests/{digest}').body == documents.image(*layers)
        for data in (documents.CONFIG, *layers):
            answer = self.client('GET', f'/v2/{name}/blobs/{Digest.of(data)}')
            body = _fetched(answer['Location']) if answer.status == 307 else answer.body
            assert body == data


def _fetched(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        body: bytes = answer.read()
        return body


def measure(section: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Costs by operation."""
    costs: dict[str, Any] = {}
    layers = [os.urandom(LAYER) for _ in range(LAYERS)]
    with watched() as traffic:
        def fresh(operation: str, do: Callable[[Node], None]) -> None:
            node = Node(section, folder, traffic)
            with node.cost(costs, operation):
                do(node)
            node.store.close()

        fresh('push', lambda node: node.push('bench/first', layers))
        fresh('again', lambda node: node.push('bench/first', layers))
        fresh('mounts', lambda node: node.push('bench/second', layers, 'bench/first'))
        fresh('pull', lambda node: node.pull('bench/second', layers))
        fresh('64 MiB', lambda node: node.push('bench/large', [os.urandom(MIB64)]))
    return costs


@pytest.fixture
def qiniu() -> Iterator[dict[str, Any]]:
    """A bucket of the server that stands for Kodo in the tests."""
    with kodo() as server:
        server.begin()
        yield {'driver': 'qiniu', **server.options()}


@pytest.mark.parametrize('kind', KINDS)
def test_costs(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Run by `main`, for the servers that fixtures start."""
    costs = measure(KINDS[kind](request.getfixturevalue, tmp_path), tmp_path)
    with open(os.environ[_RESULTS], 'a') as file:
        file.write(json.dumps([kind, costs]) + '\n')


def table(found: dict[str, Any]) -> Table:
    """Calls, and KiB sent and received, by kind of store."""
    rows = Table(title='requests to the store; KiB sent, KiB received')
    rows.add_column('store')
    for operation in BUDGET:
        rows.add_column(operation, justify='right')
    for kind, costs in found.items():
        rows.add_row(kind, *(_shown(costs[operation]) for operation in BUDGET))
    rows.add_row('allowed', *map(str, BUDGET.values()))
    return rows


def _shown(cost: dict[str, int]) -> str:
    if not cost['sent']:
        return str(cost['calls'])
    return f'{cost["calls"]}; {cost["sent"] // 1024}, {cost["received"] // 1024}'


@click.command(help=__doc__)
@click.option('--json', 'as_json', is_flag=True, help='Print costs by kind of store and operation.')
@click.option('--only', type=click.Choice([*KINDS]), help='Only this kind of store.')
def main(as_json: bool, only: str | None) -> None:
    """Measure each kind of store."""
    with tempfile.NamedTemporaryFile('r', prefix='objreg-drivers-') as results:
        os.environ[_RESULTS] = results.name
        chosen = ['-k', f'[{only}]'] if only else []
        with redirect_stdout(sys.stderr):
            status = pytest.main(
                [__file__, '-q', '-p', 'no:cacheprovider', '-p', 'tests.servers.fixtures', '-n0', *chosen]
            )
        found = dict(json.loads(line) for line in results)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        Console(width=160).print(table(found))
    raise SystemExit(int(status))


if __name__ == '__main__':
    main()
