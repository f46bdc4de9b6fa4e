"""``objreg audit``: who did what."""

from __future__ import annotations

from itertools import islice

import click

from objreg.commands.asking import show_all
from objreg.commands.hub_client import Client, place, with_client
from objreg.commands.named import JSON


@click.command()
@click.option('--by', default='', help='Who did it.')
@click.option('--action', default='', help='What was done, such as token or token.add.')
@click.option('--target', default='', help='To what: a user, an organisation or a repository, and all below it.')
@click.option('--since', default='7d', show_default=True, help='A time (2026-01-31T12:00Z) or an age (90m, 12h, 7d).')
@click.option('--until', default='', help='The same.')
@click.option('--namespace', default='', help='Only this one; its owners may ask that.')
@click.option('--most', default=1000, show_default=True, help='How many events to show.')
@JSON
@with_client
def audit(client: Client, *, namespace: str, most: int, as_json: bool, **wanted: str) -> None:
    """Search the audit log: who did what, to what, from where; the oldest first.

    \b
    Examples:
      objreg audit --by alice --since 30d
      objreg audit --action user.state --target mallory
      objreg audit --namespace acme --url https://registry.example.org
    """
    path = f'/namespaces{place(namespace)}/audit' if namespace else '/audit'
    found = islice(client.pages(path, limit=min(500, most), **wanted), most)
    show_all(found, ['at', 'by', 'action', 'target', 'address', 'more'], as_json)
