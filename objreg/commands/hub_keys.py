"""``objreg keys``: the keys that sign tokens."""

from __future__ import annotations

import click

from objreg.commands.asking import YES, show, show_all, sure
from objreg.commands.hub_client import Client, with_client
from objreg.commands.named import JSON


@click.group('keys')
def hub_keys() -> None:
    """The keys that sign access tokens.  They take turns by themselves.

    \b
    Examples:
      objreg keys list
      objreg keys rotate
    """


@hub_keys.command('list')
@JSON
@with_client
def list_(client: Client, as_json: bool) -> None:
    """List the keys, and which of them signs.

    \b
    Example:
      objreg keys list
    """
    show_all(client.call('GET', '/keys'), ['id', 'created', 'algorithm', 'signs'], as_json)


@hub_keys.command()
@YES
@JSON
@with_client
def rotate(client: Client, yes: bool, as_json: bool) -> None:
    """Sign by a new key from now on, and take all others away: for a key that somebody may have seen.

    Access tokens are void by that; clients fetch new ones.

    \b
    Example:
      objreg keys rotate --yes
    """
    sure(yes, 'Take away all keys, and make every access token void')
    show(client.call('POST', '/keys/rotate'), as_json)
