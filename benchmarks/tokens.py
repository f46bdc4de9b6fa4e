"""How many access tokens a second one process gives, while few accounts and while a million are in the bucket.

Run it by ``python -m benchmarks.tokens``; fails where it is less than 500, or less than half as many with a million.
The store is a folder; the clients, eight at a time and a connection each, share the machine with the server.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from objreg.drivers.file import FileStore
from objreg.hub import keys
from objreg.hub.hub import Hub
from objreg.hub.records import Account
from tests.servers.registries import QUIET, Objreg

MANY = 1_000_000
LEAST = 500
_PASSWORD = 'a password of eve'
_ASKED = {'service': 'registry', 'scope': 'repository:eve/app:pull,push'}
_RATE = re.compile(r'Requests per second:\s+([0-9.]+)')


def fill(store: FileStore, accounts: int) -> None:
    """So many accounts beside that of eve."""
    for number in track(range(accounts), 'accounts', console=Console(stderr=True), transient=True):
        name = f'user{number:07}'
        store.put(keys.account(name), Account(name, 'user', f'{number:032x}', 0).dump())


def rates(server: Objreg, hub: Hub, work: Path) -> dict[str, float]:
    """Tokens a second, by how one asks for them."""
    eve = hub.accounts.find('eve')
    assert eve is not None
    refresh = hub.tokens.issue('refresh', 'eve', eve.id, service='registry')
    form = work / 'form'
    form.write_text(urlencode({'grant_type': 'refresh_token', 'refresh_token': str(refresh), **_ASKED}))
    url = f'http://127.0.0.1:{server.port}/token'
    asking = f'{url}?{urlencode(_ASKED)}'
    token = hub.tokens.issue('pat', 'eve', eve.id)
    return {
        'nobody in particular': _rate(asking),
        'a refresh token': _rate(url, '-p', str(form), '-T', 'application/x-www-form-urlencoded'),
        'a personal access token': _rate(asking, '-A', f'eve:{token}'),
        'a password that was verified lately': _rate(asking, '-A', f'eve:{_PASSWORD}'),
    }


def _rate(url: str, *options: str) -> float:
    done = subprocess.run(
        ['ab', '-q', '-t', '4', '-n', '1000000', '-c', '8', *options, url], capture_output=True, text=True, check=True
    ).stdout
    found = _RATE.search(done)
    if found is None or 'Non-2xx' in done:
        raise RuntimeError(f'{url}: {done[-1000:]}')
    return float(found[1])


def measure(work: Path, accounts: int) -> dict[str, float]:
    """The rates with so many accounts."""
    folder = work / f'with-{accounts}'
    store = FileStore(str(folder / 'store'), sync=False)
    hub = Hub(store)
    hub.accounts.create('eve', 'user')
    hub.accounts.set_password('eve', _PASSWORD)
    fill(store, accounts)
    options: Mapping[str, Mapping[str, str]] = {**QUIET, 'filter:auth': {'open': 'no'}}
    section = {'driver': 'file', 'path': str(folder / 'store')}
    with Objreg(folder / 'objreg', section, '--workers', '1', options=options) as server:
        return rates(server, hub, folder)


@click.command(help=__doc__)
@click.option('--json', 'as_json', is_flag=True, help='Print all figures.')
@click.option('--accounts', default=MANY, show_default=True, help='How many are many.')
def main(as_json: bool, accounts: int) -> None:
    """Measure, print, and fail where too few are given."""
    with tempfile.TemporaryDirectory(prefix='objreg-tokens-') as work:
        few, many = measure(Path(work), 0), measure(Path(work), accounts)
    if as_json:
        click.echo(json.dumps({'few': few, 'many': many}))
    else:
        rows = Table('by', 'of 500', f'with {accounts:,} accounts', title='Access tokens a second, by one process')
        for way, rate in few.items():
            rows.add_row(way, f'{rate / LEAST:.1f}', f'{many[way] / rate:.2f} of that')
        Console(width=110).print(rows)
    short = [way for way, rate in few.items() if min(rate, many[way]) < LEAST or many[way] < rate / 2]
    if short:
        raise click.ClickException(f'not reached: {"; ".join(short)}')


if __name__ == '__main__':
    sys.exit(main())
