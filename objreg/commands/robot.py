"""``objreg robot``: accounts for programs, and their tokens."""

from __future__ import annotations

import json

import click

from objreg.commands.asking import ALLOW, YES, scopes_of, show, show_all, sure
from objreg.commands.failure import Failed
from objreg.commands.hub_client import Client, place, with_client
from objreg.commands.named import JSON

ROBOT = click.argument('robot', metavar='NAMESPACE+ROBOT')


@click.group()
def robot() -> None:
    """Robots: accounts for programs.  Each belongs to a namespace, and logs in by tokens of its own.

    \b
    Examples:
      objreg robot add acme+deploy --allow pull,push:acme/app
      objreg robot token acme+deploy --days 30 | docker login -u acme+deploy --password-stdin localhost:5000
      objreg robot delete acme+deploy
    """


@robot.command()
@ROBOT
@ALLOW
@click.option('--description', default='', help='What it is for.')
@JSON
@with_client
def add(client: Client, *, robot: str, allow: tuple[str, ...], description: str, as_json: bool) -> None:
    """Make a robot; it needs a token to log in.

    \b
    Example:
      objreg robot add acme+deploy --allow pull,push:acme/app --allow 'pull:acme/base/**'
    """
    namespace, name = _parts(robot)
    body = {'name': name, 'scopes': scopes_of(allow), 'description': description}
    show(client.call('POST', f'/namespaces{place(namespace)}/robots', body), as_json)


@robot.command('list')
@click.argument('namespace')
@JSON
@with_client
def list_(client: Client, namespace: str, as_json: bool) -> None:
    """List the robots of NAMESPACE.

    \b
    Example:
      objreg robot list acme
    """
    found = client.call('GET', f'/namespaces{place(namespace)}/robots')
    show_all(found, ['login', 'scopes', 'created', 'by', 'description'], as_json)


@robot.command('show')
@ROBOT
@JSON
@with_client
def show_(client: Client, robot: str, as_json: bool) -> None:
    """Show a robot.

    \b
    Example:
      objreg robot show acme+deploy
    """
    show(client.call('GET', _at(robot)), as_json)


@robot.command()
@ROBOT
@YES
@with_client
def delete(client: Client, robot: str, yes: bool) -> None:
    """End a robot and its tokens, at once.

    \b
    Example:
      objreg robot delete acme+deploy
    """
    sure(yes, f'End {robot} and its tokens')
    client.call('DELETE', _at(robot))


@robot.command()
@ROBOT
@click.option('--label', default='', help='What it is for.')
@click.option('--days', default=90, show_default=True, help='When it expires; 0 never.')
@JSON
@with_client
def token(client: Client, *, robot: str, label: str, days: int, as_json: bool) -> None:
    """Make a token for a robot, and print it; it is never shown again.

    \b
    Example:
      objreg robot token acme+deploy --label runner-3 --days 30
    """
    made = client.call('POST', f'{_at(robot)}/tokens', {'label': label, 'days': days})
    click.echo(json.dumps(made) if as_json else made['token'])


@robot.command()
@ROBOT
@JSON
@with_client
def tokens(client: Client, robot: str, as_json: bool) -> None:
    """List the tokens of a robot.

    \b
    Example:
      objreg robot tokens acme+deploy
    """
    show_all(client.call('GET', f'{_at(robot)}/tokens'), ['id', 'label', 'created', 'expires', 'used'], as_json)


@robot.command()
@ROBOT
@click.argument('id')
@YES
@with_client
def revoke(client: Client, *, robot: str, id: str, yes: bool) -> None:
    """Revoke the token ID of a robot.

    \b
    Example:
      objreg robot revoke acme+deploy 0123456789abcdef
    """
    sure(yes, f'Revoke the token {id} of {robot}')
    client.call('DELETE', f'{_at(robot)}/tokens{place(id)}')


@robot.command()
@ROBOT
@click.option('--issuer', required=True, help='The service, by its name in the file `issuers`.')
@click.option('--claim', 'claims', multiple=True, required=True, metavar='NAME=PATTERN', help='What its JWT must say.')
@JSON
@with_client
def trust(client: Client, *, robot: str, issuer: str, claims: tuple[str, ...], as_json: bool) -> None:
    """Let jobs of another service act as a robot, by the JWT that it gives them.

    \b
    Example:
      objreg robot trust acme+ci --issuer github --claim repository=acme/app --claim 'ref=refs/tags/v*'
    """
    wrong = [claim for claim in claims if '=' not in claim]
    if wrong:
        raise click.BadParameter(f'{wrong[0]!r} is not like repository=acme/app', param_hint='--claim')
    body = {'issuer': issuer, 'claims': dict(claim.split('=', 1) for claim in claims)}
    show(client.call('POST', f'{_at(robot)}/trusts', body), as_json)


@robot.command()
@ROBOT
@JSON
@with_client
def trusts(client: Client, robot: str, as_json: bool) -> None:
    """List the jobs that may act as a robot.

    \b
    Example:
      objreg robot trusts acme+ci
    """
    show_all(client.call('GET', f'{_at(robot)}/trusts'), ['id', 'issuer', 'claims'], as_json)


@robot.command()
@ROBOT
@click.argument('id')
@YES
@with_client
def distrust(client: Client, *, robot: str, id: str, yes: bool) -> None:
    """Let the jobs of the trust ID act as a robot no more, at once.

    \b
    Example:
      objreg robot distrust acme+ci 0123456789abcdef
    """
    sure(yes, f'End the trust {id} of {robot}')
    client.call('DELETE', f'{_at(robot)}/trusts{place(id)}')


def _at(robot: str) -> str:
    namespace, name = _parts(robot)
    return f'/namespaces{place(namespace)}/robots{place(name)}'


def _parts(robot: str) -> tuple[str, str]:
    namespace, plus, name = robot.partition('+')
    if not plus or not namespace or not name:
        raise Failed(f'{robot!r} is not like acme+deploy')
    return namespace, name
