"""A store that is named on the command line: its argument, its completion, where it is described, its opening."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from objreg import stores
from objreg.commands.failure import Failed
from objreg.config import ConfigError
from objreg.store import Store, StoreError


def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names that begin so."""
    try:
        names = stores.store_names(stores_file(context.params.get('stores_yml')))
    except ConfigError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


STORES = click.option(
    '--stores', 'stores_yml', type=click.Path(dir_okay=False), metavar='STORES.YML',
    help='Where the stores are described.  ./stores.yml, else the one that comes with objreg',
)
NAME = click.argument('name', default='default', shell_complete=complete)
JSON = click.option('--json', 'as_json', is_flag=True, help='Print JSON.')


@contextmanager
def opened(stores_yml: str | None, name: str, *, misconfigured: type[Failed] = Failed) -> Iterator[Store]:
    """The store of that name; whatever it raises ends the command with one line.

    `misconfigured` is what a wrong configuration raises.
    """
    found: Store | None = None
    try:
        found = stores.load_store(stores_file(stores_yml), name)
        yield found
    except ConfigError as error:
        raise misconfigured(str(error)) from error
    except StoreError as error:
        raise Failed(str(error)) from error
    finally:
        if found is not None:
            found.close()


def paste_file(given: str | None) -> str:
    """The path of ``paste.ini``."""
    if given is not None:
        return given
    return 'paste.ini' if Path('paste.ini').exists() else str(files('objreg') / 'default' / 'paste.ini')


def stores_file(given: str | None) -> str:
    """The path of ``stores.yml``."""
    if given is not None:
        return given
    return 'stores.yml' if Path('stores.yml').exists() else str(files('objreg') / 'default' / 'stores.yml')
