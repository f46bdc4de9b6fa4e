"""``objreg org``: organisations and their members."""

from __future__ import annotations

import click

from objreg.commands.asking import YES, role_option, show, show_all, sure
from objreg.commands.hub_client import Client, place, with_client
from objreg.commands.named import JSON

_KEEP = click.option(
    '--keep-repositories', is_flag=True, help='Leave its repositories to the administrators, rather than refuse.'
)


@click.group()
def org() -> None:
    """Organisations: names that several people own and work under.

    \b
    Examples:
      objreg org add acme --owner alice
      objreg org member acme bob --role owner
      objreg org settings acme --visibility internal --members write
      objreg org delete acme --keep-repositories
    """


@org.command()
@click.argument('name')
@click.option('--owner', default='', help='Who owns it.  Who asks, with --url')
@click.option('--full-name', default='', help='What it calls itself.')
@JSON
@with_client
def add(client: Client, *, name: str, owner: str, full_name: str, as_json: bool) -> None:
    """Make an organisation.

    \b
    Example:
      objreg org add acme --owner alice --full-name 'Acme Ltd'
    """
    show(client.call('POST', '/organisations', {'name': name, 'owner': owner, 'full_name': full_name}), as_json)


@org.command('list')
@JSON
@with_client
def list_(client: Client, as_json: bool) -> None:
    """List the organisations that one is in; on the bucket, all of them.

    \b
    Example:
      objreg org list --json | jq -r .[].name
    """
    if client.call('GET', '/me')['kind'] == 'operator':
        show_all(client.pages('/accounts', kind='organisation'), ['name', 'created', 'by'], as_json)
        return
    show_all(client.call('GET', '/organisations'), ['name', 'role', 'full_name', 'created'], as_json)


@org.command('show')
@click.argument('name')
@JSON
@with_client
def show_(client: Client, name: str, as_json: bool) -> None:
    """Show an organisation.

    \b
    Example:
      objreg org show acme
    """
    show(client.call('GET', f'/organisations{place(name)}'), as_json)


@org.command()
@click.argument('name')
@JSON
@with_client
def members(client: Client, name: str, as_json: bool) -> None:
    """List the members of an organisation, and the teams that they are in.

    \b
    Example:
      objreg org members acme
    """
    show_all(client.call('GET', f'/organisations{place(name)}/members'), ['user', 'role', 'teams'], as_json)


@org.command()
@click.argument('name')
@click.argument('user')
@role_option('member', 'owner')
@JSON
@with_client
def member(client: Client, *, name: str, user: str, role: str, as_json: bool) -> None:
    """Make USER a member or an owner of an organisation.

    \b
    Example:
      objreg org member acme bob --role owner
    """
    show(client.call('PUT', f'/organisations{place(name)}/members{place(user)}', {'role': role}), as_json)


@org.command()
@click.argument('name')
@click.argument('user')
@YES
@with_client
def remove(client: Client, *, name: str, user: str, yes: bool) -> None:
    """Let USER be nothing in an organisation any more, nor in any of its teams.

    \b
    Example:
      objreg org remove acme bob
    """
    sure(yes, f'Remove {user} from {name} and its teams')
    client.call('DELETE', f'/organisations{place(name)}/members{place(user)}')


@org.command()
@click.argument('name')
@click.option('--visibility', type=click.Choice(['public', 'internal', 'private', 'default']),
              help='Who sees new repositories; default: what the hub says.')
@click.option('--members', type=click.Choice(['none', 'read', 'write', 'admin']),
              help='What members may do with all repositories.')
@JSON
@with_client
def settings(client: Client, *, name: str, visibility: str | None, members: str | None, as_json: bool) -> None:
    """Show what holds in the namespace NAME, of an organisation, of a user or library, or change it.

    \b
    Examples:
      objreg org settings acme --visibility internal --members write
      objreg org settings library --visibility private
    """
    path = f'/namespaces{place(name)}'
    found = client.call('GET', path)
    if visibility or members:
        shown = found['visibility'] if visibility is None else None if visibility == 'default' else visibility
        found = client.call('PUT', path, {'visibility': shown, 'members': members or found['members']})
    show(found, as_json)


@org.command()
@click.argument('name')
@_KEEP
@YES
@with_client
def delete(client: Client, *, name: str, keep_repositories: bool, yes: bool) -> None:
    """End an organisation, its teams and robots.  Nobody can ever have its name again.

    \b
    Examples:
      objreg org delete acme
      objreg org delete acme --keep-repositories --yes
    """
    sure(yes, f'End {name} for ever')
    client.call('DELETE', f'/organisations{place(name)}', repositories='keep' if keep_repositories else '')
