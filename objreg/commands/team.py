"""``objreg team``: teams of an organisation."""

from __future__ import annotations

import click

from objreg.commands.asking import YES, role_option, show, show_all, sure
from objreg.commands.hub_client import Client, place, with_client
from objreg.commands.named import JSON


@click.group()
def team() -> None:
    """Teams of an organisation: some of its members, and what they may do.

    \b
    Examples:
      objreg team add acme core
      objreg team join acme core bob
      objreg team grant acme core 'acme/backend/**' --role write
    """


@team.command()
@click.argument('organisation')
@click.argument('team')
@JSON
@with_client
def add(client: Client, *, organisation: str, team: str, as_json: bool) -> None:
    """Make a team.

    \b
    Example:
      objreg team add acme core
    """
    show(client.call('POST', f'/organisations{place(organisation)}/teams', {'name': team}), as_json)


@team.command('list')
@click.argument('organisation')
@JSON
@with_client
def list_(client: Client, organisation: str, as_json: bool) -> None:
    """List the teams of an organisation, and who is in them.

    \b
    Example:
      objreg team list acme
    """
    show_all(client.call('GET', f'/organisations{place(organisation)}/teams'), ['name', 'members'], as_json)


@team.command()
@click.argument('organisation')
@click.argument('team')
@YES
@with_client
def delete(client: Client, *, organisation: str, team: str, yes: bool) -> None:
    """End a team, and what it may do.

    \b
    Example:
      objreg team delete acme core
    """
    sure(yes, f'End the team {team} of {organisation}')
    client.call('DELETE', _at(organisation, team))


@team.command()
@click.argument('organisation')
@click.argument('team')
@click.argument('user')
@with_client
def join(client: Client, *, organisation: str, team: str, user: str) -> None:
    """Put USER, a member of the organisation, into a team.

    \b
    Example:
      objreg team join acme core bob
    """
    client.call('PUT', f'{_at(organisation, team)}/members{place(user)}')


@team.command()
@click.argument('organisation')
@click.argument('team')
@click.argument('user')
@with_client
def leave(client: Client, *, organisation: str, team: str, user: str) -> None:
    """Take USER out of a team.

    \b
    Example:
      objreg team leave acme core bob
    """
    client.call('DELETE', f'{_at(organisation, team)}/members{place(user)}')


@team.command()
@click.argument('organisation')
@click.argument('team')
@JSON
@with_client
def grants(client: Client, *, organisation: str, team: str, as_json: bool) -> None:
    """List what a team may do.

    \b
    Example:
      objreg team grants acme core
    """
    show_all(client.call('GET', f'{_at(organisation, team)}/grants'), ['pattern', 'role'], as_json)


@team.command()
@click.argument('organisation')
@click.argument('team')
@click.argument('pattern')
@role_option('read', 'write', 'admin')
@JSON
@with_client
def grant(client: Client, *, organisation: str, team: str, pattern: str, role: str, as_json: bool) -> None:
    """Let a team have a role on repositories whose names match PATTERN.

    \b
    Examples:
      objreg team grant acme core 'acme/**'
      objreg team grant acme core acme/app --role write
    """
    show(client.call('PUT', f'{_at(organisation, team)}/grants', {'pattern': pattern, 'role': role}), as_json)


@team.command()
@click.argument('organisation')
@click.argument('team')
@click.argument('pattern')
@with_client
def revoke(client: Client, *, organisation: str, team: str, pattern: str) -> None:
    """Take away what a team may do by PATTERN.

    \b
    Example:
      objreg team revoke acme core 'acme/**'
    """
    client.call('DELETE', f'{_at(organisation, team)}/grants', pattern=pattern)


def _at(organisation: str, team: str) -> str:
    return f'/organisations{place(organisation)}/teams{place(team)}'
