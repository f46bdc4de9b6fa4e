"""Counts the object-store calls of what clients do, on a real Ceph, for objreg and for the CNCF registry.

A forwarder between registry and gateway counts.  Run it by ``python -m benchmarks.calls``; ``--json`` for scripts.
Each registry has a bucket of its own; "again" and "pull" are counted with what the node remembers, and after a restart.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.forwarder import Forwarder
from benchmarks.images import make_image, make_v1_images
from objreg.manifest import OCI_MANIFEST
from objreg.testing.v1_client import V1Client
from objreg.testing.v1_http import over_http
from tests.servers import state
from tests.servers.buckets import S3Server
from tests.servers.process import free_ports
from tests.servers.registries import QUIET, Objreg, Peer, Server

LAYERS = 10
KIB64 = 64 * 1024
MIB64 = 64 * 1024**2
BUDGET = {
    'push, 10 layers': 50, 'push again': 15, 'push again, restarted': 15, 'push by mounts': 40, 'pull': 12,
    'pull, restarted': 12, 'push, one 64 MiB layer': 20, 'manifest by tag': 1, '100 tags': 1, '100 repositories': 1,
}
V1_BUDGET = {
    'v1: push, 10 layers': 132, 'v1: push again': 15, 'v1: pull, 10 layers': 22, 'v1: pull, 50 layers, restarted': 110,
}
"""The same of the first version of the API, which the other registry does not speak: a layer is an image there.

Twelve for each image that is pushed, two for each that is pulled, and at the ends as much as ten and a start need.
"""


class Bench:
    """One registry on one bucket, and what its operations cost."""

    def __init__(self, make: Callable[[int, int], Server], ceph: S3Server, work: Path) -> None:
        self._make = make
        self._work = work
        self._forwarder = Forwarder(int(ceph.endpoint.rpartition(':')[2]))
        self._port = free_ports(1)  # a restart keeps it: clients remember by host and port where a layer is
        self.costs: dict[str, dict[str, int]] = {}

    def run(self) -> dict[str, dict[str, int]]:
        """All operations; calls by kind for each."""
        image = make_image(self._work / 'image', LAYERS, KIB64)
        large = make_image(self._work / 'large', 1, MIB64)
        with self._server() as server:
            with self._counted('push, 10 layers'):
                _push(server, image, 'bench/first')
            with self._counted('push again'):
                _push(server, image, 'bench/first')
            with self._counted('push by mounts'):
                _push(server, image, 'bench/second')
            with self._counted('pull'):
                _pull(server, 'bench/second', self._work / 'pulled')
            with self._counted('push, one 64 MiB layer'):
                _push(server, large, 'bench/large')
            with self._counted('manifest by tag'):
                server.must('GET', '/v2/bench/first/manifests/image', {'Accept': OCI_MANIFEST})
            server.fill(['many/tags'], (f'tag{number}' for number in range(100)))
            with self._counted('100 tags'):
                server.must('GET', '/v2/many/tags/tags/list')
            server.fill((f'many/repository{number}' for number in range(100)), ['tag'])
            with self._counted('100 repositories'):
                server.must('GET', '/v2/_catalog')
        with self._server() as server, self._counted('push again, restarted'):
            _push(server, image, 'bench/first')
        with self._server() as server, self._counted('pull, restarted'):
            _pull(server, 'bench/second', self._work / 'pulled-again')
        return self.costs

    def run_v1(self) -> None:
        """What clients of the first version of the API do."""
        short, long = make_v1_images(LAYERS, KIB64), make_v1_images(50, 1024)
        with self._server() as server:
            client = V1Client(over_http(f'http://127.0.0.1:{server.port}'))
            with self._counted('v1: push, 10 layers'):
                client.push('bench/old', short, {'latest': short[-1].id})
            with self._counted('v1: push again'):
                client.push('bench/old', short, {'latest': short[-1].id})
            with self._counted('v1: pull, 10 layers'):
                client.pull('bench/old')
            client.push('bench/long', long, {'latest': long[-1].id})
        with self._server() as server, self._counted('v1: pull, 50 layers, restarted'):
            V1Client(over_http(f'http://127.0.0.1:{server.port}')).pull('bench/long')

    def _server(self) -> Server:
        return self._make(self._forwarder.port, self._port)

    @contextlib.contextmanager
    def _counted(self, operation: str) -> Iterator[None]:
        before = self._forwarder.counts.copy()
        yield
        self.costs[operation] = dict(self._forwarder.counts - before)


def _skopeo(*arguments: str) -> None:
    subprocess.run(['skopeo', '--insecure-policy', 'copy', '-q', *arguments], check=True, capture_output=True)


def _push(server: Server, image: Path, name: str) -> None:
    _skopeo('--dest-tls-verify=false', f'oci:{image}:image', f'docker://127.0.0.1:{server.port}/{name}:image')


def _pull(server: Server, name: str, to: Path) -> None:
    _skopeo('--src-tls-verify=false', f'docker://127.0.0.1:{server.port}/{name}:image', f'dir:{to}')


def _stores(ceph: S3Server, bucket: str, port: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same bucket, as objreg and as the peer are told of it."""
    endpoint = f'http://127.0.0.1:{port}'
    ours = {
        'driver': 's3', 'preset': 'ceph', 'endpoint': endpoint, 'bucket': bucket, 'access_key': ceph.access_key,
        'secret_key': ceph.secret_key,
    }
    theirs = {'s3': {
        'region': 'us-east-1', 'regionendpoint': endpoint, 'bucket': bucket, 'accesskey': ceph.access_key,
        'secretkey': ceph.secret_key, 'secure': False, 'v4auth': True,
    }}
    return ours, theirs


def measure(ceph: S3Server, work: Path) -> dict[str, dict[str, dict[str, int]]]:
    """Costs by registry, operation and kind of call."""
    makers: dict[str, Callable[[Path, str, int, int], Server]] = {
        'objreg': lambda folder, bucket, s3, port: Objreg(
            folder, _stores(ceph, bucket, s3)[0], port=port, options=QUIET
        ),
        'peer': lambda folder, bucket, s3, port: Peer(folder, _stores(ceph, bucket, s3)[1], cache=False, port=port),
        'peer, cache':
            lambda folder, bucket, s3, port: Peer(folder, _stores(ceph, bucket, s3)[1], cache=True, port=port),
    }
    found = {}
    for name, make in makers.items():
        bucket, folder = ceph.make_bucket(), work / name.replace(', ', '-')
        folder.mkdir()
        try:
            bench = Bench(lambda s3, port: make(folder / 'server', bucket.name, s3, port), ceph, folder)  # noqa: B023
            found[name] = bench.run()
            if name == 'objreg':
                bench.run_v1()
        finally:
            bucket.remove()
    return found


def table(found: dict[str, dict[str, dict[str, int]]]) -> Table:
    """The costs side by side."""
    rows = Table(title='object-store calls on Ceph')
    rows.add_column('operation')
    for name in (*found, 'allowed'):
        rows.add_column(name, justify='right')
    for operation, most in (BUDGET | V1_BUDGET).items():
        counted = (str(sum(costs[operation].values())) if operation in costs else '' for costs in found.values())
        rows.add_row(operation, *counted, str(most))
    return rows


@click.command(help=__doc__)
@click.option('--json', 'as_json', is_flag=True, help='Print calls by registry, operation and kind.')
def main(as_json: bool) -> None:
    """Measure, and fail when objreg needs more than it allows itself."""
    state.begin()
    try:
        settings = state.up('ceph')
        ceph = S3Server('ceph', settings['S3_ENDPOINT'], settings['S3_ACCESS_KEY'], settings['S3_SECRET_KEY'], settings)
        with tempfile.TemporaryDirectory(prefix='objreg-calls-') as work:
            found = measure(ceph, Path(work))
    finally:
        state.end()
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        Console(width=100).print(table(found))
    over = [name for name, most in (BUDGET | V1_BUDGET).items() if sum(found['objreg'][name].values()) > most]
    if over:
        raise click.ClickException(f'objreg needs more calls than allowed: {", ".join(over)}')


if __name__ == '__main__':
    main()
