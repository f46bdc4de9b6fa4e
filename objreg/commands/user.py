"""``objreg user``: people and their passwords."""

from __future__ import annotations

import json
import secrets
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from objreg.commands.hub_client import Client, place, with_client
from objreg.commands.named import JSON
from objreg.commands.shown import printable, when


@click.group()
def user() -> None:
    """People: their accounts, passwords and state.

    \b
    Examples:
      objreg user add alice --admin
      objreg user password alice
      objreg user suspend mallory --why 'token on a public page'
    """


@user.command()
@click.argument('name')
@click.option('--admin', is_flag=True, help='Let him administer the hub.')
@click.option('--email', default='', help='His address.')
@click.option('--full-name', default='', help='What he calls himself.')
@click.option('--password-stdin', is_flag=True, help='Read the password from standard input.  Else one is made up.')
@JSON
@with_client
def add(client: Client, *, name: str, admin: bool, password_stdin: bool, as_json: bool, **known: str) -> None:
    """Make an account, and print its password once, if it was made up."""
    chosen, is_made = _password(password_stdin)
    made = client.call('POST', '/users', {'name': name, 'password': chosen, 'administrator': admin, **known})
    if as_json:
        click.echo(json.dumps(made | ({'password': chosen} if is_made else {})))
        return
    click.echo(f'{name} has an account{" and administers the hub" if admin else ""}', err=True)
    if is_made:
        click.echo(chosen)


@user.command()
@click.argument('name')
@JSON
@with_client
def show(client: Client, name: str, as_json: bool) -> None:
    """Show somebody."""
    found = client.call('GET', f'/users{place(name)}')
    if as_json:
        click.echo(json.dumps(found))
        return
    _print(found)


@user.command('password')
@click.argument('name')
@click.option('--password-stdin', is_flag=True, help='Read the password from standard input.  Else one is made up.')
@with_client
def set_password(client: Client, name: str, password_stdin: bool) -> None:
    """Set a new password, and print it once, if it was made up; who was logged in by the old one no longer is."""
    new, is_made = _password(password_stdin)
    client.call('PUT', f'/users{place(name)}/password', {'new': new})
    if is_made:
        click.echo(new)


@user.command()
@click.argument('name')
@click.option('--why', default='', help='What is noted beside it.')
@with_client
def suspend(client: Client, name: str, why: str) -> None:
    """Let somebody do nothing until he is resumed."""
    client.call('PUT', f'/users{place(name)}/state', {'suspended': True, 'why': why})


@user.command()
@click.argument('name')
@with_client
def resume(client: Client, name: str) -> None:
    """Let somebody do again what he could."""
    client.call('PUT', f'/users{place(name)}/state', {'suspended': False})


@user.command()
@click.argument('name')
@click.option('--no', is_flag=True, help='Let him do so no more.')
@with_client
def admin(client: Client, name: str, no: bool) -> None:
    """Let somebody administer the hub."""
    client.call('PUT', f'/users{place(name)}/state', {'administrator': not no})


def _password(from_input: bool) -> tuple[str, bool]:
    """A password, and whether it was made up."""
    if from_input:
        return sys.stdin.readline().rstrip('\r\n'), False
    return secrets.token_urlsafe(15), True


def _print(found: dict[str, Any]) -> None:
    table = Table(show_header=False, box=None)
    for name, value in found.items():
        if value is not None:
            table.add_row(name, when(value) if name == 'created' else printable(str(value)))
    Console().print(table)
