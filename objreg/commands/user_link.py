"""``objreg user link|unlink|links``: who logs in by a provider of single sign-on."""

from __future__ import annotations

import json

import click

from objreg.commands.asking import show_all
from objreg.commands.hub_client import Client, place, with_client
from objreg.commands.named import JSON


@click.command()
@click.argument('name')
@click.argument('provider')
@click.argument('subject')
@JSON
@with_client
def link(client: Client, *, name: str, provider: str, subject: str, as_json: bool) -> None:
    """Let who is SUBJECT to a PROVIDER of single sign-on log in to the account NAME.

    SUBJECT is the provider's own id of somebody (the claim sub, entryUUID, objectGUID), not his name; whoever is
    refused because his name is taken is told it.

    \b
    Example:
      objreg user link alice company 248289761001
    """
    made = client.call('POST', f'/users{place(name)}/links', {'provider': provider, 'subject': subject})
    click.echo(json.dumps(made) if as_json else f'{subject} of {provider} logs in as {name}')


@click.command()
@click.argument('name')
@click.argument('provider')
@click.argument('subject', default='')
@with_client
def unlink(client: Client, name: str, provider: str, subject: str) -> None:
    """Let NAME log in by a PROVIDER no more; his sessions, and what its groups gave him, end at once.

    His account and his tokens stay.  SUBJECT is needed where he has several at that provider.

    \b
    Example:
      objreg user unlink alice company
    """
    client.call('DELETE', f'/users{place(name)}/links', provider=provider, subject=subject)


@click.command()
@click.argument('name')
@JSON
@with_client
def links(client: Client, name: str, as_json: bool) -> None:
    """List by which providers somebody logs in, and when he did so last.

    \b
    Example:
      objreg user links alice --json
    """
    found = client.call('GET', f'/users{place(name)}/links')
    show_all(found, ['provider', 'subject', 'created', 'by', 'seen'], as_json)
