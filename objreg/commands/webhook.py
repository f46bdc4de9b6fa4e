"""``objreg webhook``: who is told of pushes and deletions."""

from __future__ import annotations

import click

from objreg.commands.asking import YES, show, show_all, sure
from objreg.commands.hub_client import Client, place, with_client
from objreg.commands.named import JSON

_EVENTS = ('push', 'delete', 'visibility', 'quota')


@click.group()
def webhook() -> None:
    """Webhooks: have others told of pushes, deletions and changes of visibility.

    \b
    Examples:
      objreg webhook add acme https://ci.example.net/hook --event push
      objreg webhook test acme 0123456789abcdef
      objreg webhook attempts acme 0123456789abcdef
    """


@webhook.command()
@click.argument('namespace')
@click.argument('address', metavar='URL')
@click.option('--event', 'events', multiple=True, type=click.Choice(_EVENTS), help='Of what; else of the first three.')
@click.option('--repository', 'repositories', multiple=True, metavar='PATTERN', help='Of which; else of all.')
@click.option('--form', type=click.Choice(('standard', 'cloudevents')), default='standard', show_default=True,
              help='How an event is written.')
@JSON
@with_client
def add(
    client: Client, *, namespace: str, address: str, events: tuple[str, ...], repositories: tuple[str, ...], form: str,
    as_json: bool,
) -> None:
    """Have URL told of what happens in NAMESPACE; the secret that verifies the messages is printed once.

    \b
    Example:
      objreg webhook add acme https://ci.example.net/hook --event push --repository 'acme/web/**'
    """
    body: dict[str, object] = {'url': address, 'repositories': repositories, 'form': form}
    if events:
        body['events'] = events
    show(client.call('POST', f'/namespaces{place(namespace)}/webhooks', body), as_json)


@webhook.command('list')
@click.argument('namespace')
@JSON
@with_client
def list_(client: Client, namespace: str, as_json: bool) -> None:
    """List the webhooks of NAMESPACE.

    \b
    Example:
      objreg webhook list acme
    """
    found = client.call('GET', f'/namespaces{place(namespace)}/webhooks')
    show_all(found, ['id', 'url', 'events', 'repositories', 'form', 'created', 'by'], as_json)


@webhook.command()
@click.argument('namespace')
@click.argument('id')
@YES
@with_client
def remove(client: Client, *, namespace: str, id: str, yes: bool) -> None:
    """Have the webhook ID told nothing more.

    \b
    Example:
      objreg webhook remove acme 0123456789abcdef
    """
    sure(yes, f'Remove the webhook {id} of {namespace}')
    client.call('DELETE', f'/namespaces{place(namespace)}/webhooks{place(id)}')


@webhook.command()
@click.argument('namespace')
@click.argument('id')
@with_client
def test(client: Client, namespace: str, id: str) -> None:
    """Have the webhook ID told something that did not happen.

    \b
    Example:
      objreg webhook test acme 0123456789abcdef
    """
    client.call('POST', f'/namespaces{place(namespace)}/webhooks{place(id)}/test')


@webhook.command()
@click.argument('namespace')
@click.argument('id')
@JSON
@with_client
def attempts(client: Client, *, namespace: str, id: str, as_json: bool) -> None:
    """List how it went to tell the webhook ID, the newest first.

    \b
    Example:
      objreg webhook attempts acme 0123456789abcdef
    """
    found = client.call('GET', f'/namespaces{place(namespace)}/webhooks{place(id)}/attempts')
    show_all(found, ['at', 'kind', 'repository', 'attempt', 'status', 'text'], as_json)
