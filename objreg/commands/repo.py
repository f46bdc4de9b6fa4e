"""``objreg repo``: repositories, who sees them, and who works on them."""

from __future__ import annotations

import click

from objreg.commands.asking import role_option, show, show_all
from objreg.commands.hub_client import Client, place, with_client
from objreg.commands.named import JSON


@click.group()
def repo() -> None:
    """Repositories: who sees them, and who works on them beside their owners.

    \b
    Examples:
      objreg repo list acme
      objreg repo visibility acme/app public
      objreg repo collaborator acme/app bob --role write
    """


@repo.command('list')
@click.argument('namespace', required=False, default='')
@JSON
@with_client
def list_(client: Client, namespace: str, as_json: bool) -> None:
    """List the repositories that one may pull from, all or those of NAMESPACE.

    \b
    Examples:
      objreg repo list
      objreg repo list acme --json | jq -r '.[] | select(.visibility == "public") | .name'
    """
    found = client.pages(f'/namespaces{place(namespace)}/repositories' if namespace else '/repositories', limit=200)
    show_all(found, ['name', 'visibility', 'role'], as_json)


@repo.command('show')
@click.argument('repository')
@JSON
@with_client
def show_(client: Client, repository: str, as_json: bool) -> None:
    """Show who sees REPOSITORY, and what one may do with it.

    \b
    Example:
      objreg repo show acme/app
    """
    show(client.call('GET', f'/repositories{place(repository)}'), as_json)


@repo.command()
@click.argument('repository')
@click.argument('visibility', type=click.Choice(['public', 'internal', 'private']))
@JSON
@with_client
def visibility(client: Client, *, repository: str, visibility: str, as_json: bool) -> None:
    """Change who sees REPOSITORY: everybody, whoever has an account, or who was granted something.

    \b
    Example:
      objreg repo visibility acme/app public
    """
    show(client.call('PATCH', f'/repositories{place(repository)}', {'visibility': visibility}), as_json)


@repo.command()
@click.argument('repository')
@JSON
@with_client
def collaborators(client: Client, repository: str, as_json: bool) -> None:
    """List who may do what with REPOSITORY beside its owners and their teams.

    \b
    Example:
      objreg repo collaborators acme/app
    """
    show_all(client.call('GET', f'/repositories{place(repository)}/_collaborators'), ['user', 'role'], as_json)


@repo.command()
@click.argument('repository')
@click.argument('user')
@role_option('read', 'write', 'admin')
@JSON
@with_client
def collaborator(client: Client, *, repository: str, user: str, role: str, as_json: bool) -> None:
    """Let USER do something with REPOSITORY.

    \b
    Example:
      objreg repo collaborator acme/app bob --role write
    """
    show(client.call('PUT', _at(repository, user), {'role': role}), as_json)


@repo.command()
@click.argument('repository')
@click.argument('user')
@with_client
def dismiss(client: Client, *, repository: str, user: str) -> None:
    """Let USER be a collaborator of REPOSITORY no more.

    \b
    Example:
      objreg repo dismiss acme/app bob
    """
    client.call('DELETE', _at(repository, user))


def _at(repository: str, user: str) -> str:
    return f'/repositories{place(repository)}/_collaborators{place(user)}'
