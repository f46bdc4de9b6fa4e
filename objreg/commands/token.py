"""``objreg token``: what clients log in with instead of a password."""

from __future__ import annotations

import json

import click

from objreg.commands.asking import scopes_of, show_all
from objreg.commands.hub_client import Client, place, with_client
from objreg.commands.named import JSON


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
    show_all(found, ['id', 'kind', 'label', 'created', 'expires', 'used'], as_json)


@token.command()
@click.argument('user')
@click.argument('id')
@with_client
def revoke(client: Client, user: str, id: str) -> None:
    """Revoke the token ID of USER."""
    client.call('DELETE', f'/users{place(user)}/tokens{place(id)}')
