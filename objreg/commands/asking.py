"""What commands of the hub share: asking before what cannot be undone, and showing what they found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from objreg.commands.failure import Failed
from objreg.commands.shown import printable, when

YES = click.option('--yes', is_flag=True, help='Do not ask.')
ALLOW = click.option(
    '--allow', multiple=True, metavar='ACTIONS:PATTERN', help='What it may do, such as pull,push:acme/app.'
)
_ID = 16
"""Characters of an id."""
_TIMES = ('at', 'counted', 'created', 'expires', 'seen')


def sure(yes: bool, what: str) -> None:
    """Ask whether to do that, unless it was said; ends the command where nobody answers."""
    try:
        if not yes and not click.confirm(f'{what}?', err=True):
            raise Failed('nothing was done')
    except click.Abort as error:
        raise Failed('nothing was done: say --yes where nobody can be asked') from error


def show(found: Mapping[str, Any], as_json: bool) -> None:
    """One thing, a line each for what is known of it."""
    if as_json:
        click.echo(json.dumps(found))
        return
    table = Table(show_header=False, box=None)
    for name, value in found.items():
        if value is not None:
            table.add_row(name, Text(text_of(name, value)))
    Console().print(table)


def show_all(found: Iterable[Mapping[str, Any]], columns: Iterable[str], as_json: bool) -> None:
    """Many things, a line each."""
    if as_json:
        click.echo(json.dumps(list(found)))
        return
    names = list(columns)
    table = Table(box=None)
    for name in names:  # what is to be copied stays whole, and all else is folded rather than cut
        table.add_column(name, overflow='fold', min_width=_ID if name == 'id' else None)
    for one in found:
        table.add_row(*(Text(text_of(name, one[name])) for name in names))  # not str: it may look like markup
    Console().print(table)


def text_of(name: str, value: Any) -> str:
    """A field for people."""
    if name in _TIMES and isinstance(value, int):
        return when(value) if value else 'never'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if name == 'scopes':
        return printable(' '.join(f'{",".join(one["actions"])}:{p}' for one in value for p in one['repositories']))
    if isinstance(value, list):
        return printable(', '.join(map(str, value)))
    if isinstance(value, dict):
        return printable(' '.join(f'{key}={one}' for key, one in value.items()))
    return printable(str(value))


def scopes_of(allow: Iterable[str]) -> list[dict[str, object]]:
    """``pull,push:alice/app`` and the like, as the API has them."""
    return [_scope_of(text) for text in allow]


def _scope_of(text: str) -> dict[str, object]:
    actions, colon, pattern = text.partition(':')
    if not colon or not pattern:
        raise click.BadParameter(f'{text!r} is not like pull,push:alice/app', param_hint='--allow')
    return {'actions': actions.split(','), 'repositories': [pattern]}


def role_option(*roles: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--role`` with these, the first by default."""
    return click.option('--role', type=click.Choice(roles), default=roles[0], show_default=True, help='Which one.')
