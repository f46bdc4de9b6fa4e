"""``objreg user``: people and their passwords."""

from __future__ import annotations

import json
import secrets
import sys

import click

from objreg.commands.asking import YES, show_all, sure
from objreg.commands.asking import show as print_one
from objreg.commands.hub_client import Client, place, with_client
from objreg.commands.named import JSON
from objreg.commands.user_link import link, links, unlink


@click.group()
def user() -> None:
    """People: their accounts, passwords and state.

    \b
    Examples:
      objreg user add alice --admin
      objreg user password alice
      objreg user suspend mallory --why 'token on a public page'
      objreg user invite --mail carol@example.org
      objreg user link alice company 248289761001
    """


for _command in (link, links, unlink):
    user.add_command(_command)


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
    print_one(client.call('GET', f'/users{place(name)}'), as_json)


@user.command()
@click.argument('name')
@click.argument('address')
@JSON
@with_client
def email(client: Client, *, name: str, address: str, as_json: bool) -> None:
    """Say what somebody's mail address is; '' takes it away.  Where mail is sent, a link goes there to prove it.

    \b
    Example:
      objreg user email alice alice@example.org
    """
    print_one(client.call('PATCH', f'/users{place(name)}', {'email': address}), as_json)


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


@user.command('list')
@JSON
@with_client
def list_(client: Client, as_json: bool) -> None:
    """List the users of the hub.

    \b
    Example:
      objreg user list --json | jq -r .[].name
    """
    show_all(client.pages('/users'), ['name', 'created', 'by'], as_json)


@user.command()
@click.argument('name')
@click.option('--keep-repositories', is_flag=True, help='Leave his repositories to the administrators, not refuse.')
@YES
@with_client
def delete(client: Client, *, name: str, keep_repositories: bool, yes: bool) -> None:
    """End an account, its tokens and robots.  Nobody can ever have its name again.

    \b
    Example:
      objreg user delete mallory
    """
    sure(yes, f'End the account of {name} for ever')
    client.call('DELETE', f'/users{place(name)}', repositories='keep' if keep_repositories else '')


@user.command()
@click.option('--email', default='', help='Whom it is for.')
@click.option('--mail', 'mail_to', default='', metavar='ADDRESS', help='The same, and send it there.')
@click.option('--days', default=7, show_default=True, help='How long it is good.')
@JSON
@with_client
def invite(client: Client, *, email: str, mail_to: str, days: int, as_json: bool) -> None:
    """Make an invitation, by which one person signs up, and send it, or print its code; it is never shown again.

    \b
    Examples:
      objreg user invite --mail bob@example.org
      objreg user invite --email carol@example.org --days 3
    """
    asked = {'email': mail_to or email, 'days': days, 'mail': bool(mail_to)}
    made = client.call('POST', '/invitations', asked)
    if mail_to and not made['mailed']:
        click.echo('the hub could not send it, or sends no mail: the code is for you to pass on', err=True)
    if as_json:
        click.echo(json.dumps(made))
    elif made['code']:
        click.echo(made['code'])
    else:
        click.echo(f'sent to {mail_to}', err=True)


@user.command('reset-link')
@click.argument('name')
@click.option('--hours', default=24, show_default=True, help='How long it is good.')
@JSON
@with_client
def reset_link(client: Client, *, name: str, hours: int, as_json: bool) -> None:
    """Make a code by which somebody sets a new password, once, at /hub/password, and print it.

    \b
    Example:
      objreg user reset-link alice --hours 2
    """
    made = client.call('POST', f'/users{place(name)}/reset-code', {'hours': hours})
    click.echo(json.dumps(made) if as_json else made['code'])


def _password(from_input: bool) -> tuple[str, bool]:
    """A password, and whether it was made up."""
    if from_input:
        return sys.stdin.readline().rstrip('\r\n'), False
    return secrets.token_urlsafe(15), True
