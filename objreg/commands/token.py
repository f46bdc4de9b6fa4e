"""``objreg token``: what clients log in with instead of a password."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table

from objreg.commands.asking import scopes_of
from objreg.commands.hub_client import Client, place, with_client
from objreg.commands.named import JSON
from objreg.commands.shown import printable, when


@click.group()
def token() -> None:
    """Personal access tokens: what a program, or docker login, uses instead of a password.

    \b
    Examples:
      objreg token add alice --label laptop
      objreg token add alice --allow pull,push:alice/app --allow pull:acme/** --days 30
      objreg token list alice
    """


@token.command()
@click.argument('user')
@click.option('--label', default='', help='What it is for.')
@click.option('--days', default=90, show_default=True, help='When it expires; 0 never.')
@click.option('--allow', multiple=True, metavar='ACTIONS:PATTERN', help='All that it may do, of what the user may.')
@JSON
@with_client
def add(client: Client, *, user: str, label: str, days: int, allow: tuple[str, ...], as_json: bool) -> None:
    """Make a token for USER, and print it; it is never shown again."""
    scopes = scopes_of(allow) or None
    made = client.call('POST', f'/users{place(user)}/tokens', {'label': label, 'days': days, 'scopes': scopes})
    click.echo(json.dumps(made) if as_json else made['token'])


@token.command('list')
@click.argument('user')
@JSON
@with_client
def list_(client: Client, user: str, as_json: bool) -> None:
    """List the tokens of USER."""
    found = client.call('GET', f'/users{place(user)}/tokens')
    if as_json:
        click.echo(json.dumps(found))
        return
    table = Table('id', 'kind', 'label', 'made', 'expires', 'last used', box=None)
    for one in found:
        expires = when(one['expires']) if one['expires'] else 'never'
        table.add_row(one['id'], one['kind'], printable(one['label']), when(one['created']), expires, one['used'])
    Console().print(table)


@token.command()
@click.argument('user')
@click.argument('id')
@with_client
def revoke(client: Client, user: str, id: str) -> None:
    """Revoke the token ID of USER."""
    client.call('DELETE', f'/users{place(user)}/tokens{place(id)}')
