"""``objreg quota``: how much may lie in a namespace, and how much does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from objreg.commands.asking import show
from objreg.commands.hub_client import Client, place, with_client
from objreg.commands.named import JSON
from objreg.commands.shown import size_of
from objreg.config import ConfigError, as_size


@click.group()
def quota() -> None:
    """Quotas: how much may lie in a namespace, and how much does.

    \b
    Examples:
      objreg quota set acme '50 GiB'
      objreg quota show acme
      objreg quota clear acme
    """


@quota.command('set')
@click.argument('namespace')
@click.argument('limit')
@JSON
@with_client
def set_(client: Client, *, namespace: str, limit: str, as_json: bool) -> None:
    """Let NAMESPACE hold as much as LIMIT, each blob counted once; 0: as much as there is room for.

    What counts is what registries with the layer quota find; what lies there already stays.

    \b
    Example:
      objreg quota set acme '50 GiB'
    """
    try:
        size = as_size(limit)
    except ConfigError as error:
        raise click.BadParameter(str(error), param_hint='LIMIT') from error
    _show(client.call('PUT', f'/namespaces{place(namespace)}/quota', {'limit': size}), as_json)


@quota.command('show')
@click.argument('namespace')
@JSON
@with_client
def show_(client: Client, *, namespace: str, as_json: bool) -> None:
    """Show how much may lie in NAMESPACE, and how much did when it was last counted.

    \b
    Example:
      objreg quota show acme --json
    """
    _show(client.call('GET', f'/namespaces{place(namespace)}/quota'), as_json)


@quota.command()
@click.argument('namespace')
@with_client
def clear(client: Client, *, namespace: str) -> None:
    """Let the registry's own configuration say how much may lie in NAMESPACE.

    \b
    Example:
      objreg quota clear acme
    """
    client.call('DELETE', f'/namespaces{place(namespace)}/quota')


def _show(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        show(found, as_json)
        return
    sizes = {name: None if found[name] is None else size_of(found[name]) for name in ('limit', 'used')}
    if found['limit'] == 0:
        sizes['limit'] = 'none'
    show({**found, **sizes}, as_json)
