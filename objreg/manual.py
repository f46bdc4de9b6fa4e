"""The operator's manual: reads the docstrings of layers, drivers and server, each of which is its own page.

``python -m objreg.manual`` writes docs/configuration.md.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any, NamedTuple

_HEADING = re.compile(r'``([a-z_][a-z0-9_]*)(?: =(.*?))?``')
_CODE = re.compile(r'::\n\n((?:    .*\n|\n)+)')
_GROUPS = (
    ('Layers of the pipeline', 'paste.filter_app_factory', '[filter:{}]'),
    ('The application', 'paste.app_factory', '[app:{}]'),
    ('The server', 'paste.server_runner', '[server:main]'),
    ('Drivers of stores', 'objreg.drivers', 'driver: {}'),
)
_STORES = (('stores.yml', 'objreg.stores', ''), ('retry', 'objreg.wrap.retry', 'retry:'),
           ('cache', 'objreg.wrap.cache', 'cache:'))
"""What all stores have in common."""
_INTRODUCTION = """\
# Configuration

This page is made from the docstrings of the layers, the drivers and the server (`python -m objreg.manual`).

`paste.ini` describes the pipeline: its sections are layers, and `[pipeline:main]` puts them in order.  `[DEFAULT]` says
where `stores.yml` is (`stores`, relative to the file) and which of its stores is used (`store`); a section may name
another one.  `objreg check-config` checks both files, and tells file, section and option of what is wrong.

Sizes are written like `10 MiB` or `5GB`, times like `90`, `5 min` or `7 days`, lists with spaces, and a percent sign
is written twice.
"""


class Option(NamedTuple):
    """One option: its name, its default as it is written (None where it has to be given), and what it does."""

    name: str
    default: str | None
    text: str


class Page(NamedTuple):
    """What the docstring of a module tells."""

    text: str
    options: list[Option]
    example: str


def page(docstring: str) -> Page:
    """Take a docstring apart; its options follow the line ``Options:``, its example the line ``Example::``."""
    body, _, rest = inspect.cleandoc(docstring).partition('Example::\n')
    text, _, listed = body.partition('\nOptions')
    _, _, listed = listed.partition(':\n')
    example = re.match(r'(?:\n| {4}.*(?:\n|$))*', rest)
    after = rest[example.end():] if example else ''
    options: list[Option] = []
    named: list[re.Match[str]] = []
    for line in listed.splitlines():
        if line.startswith('``'):
            named = [*_HEADING.finditer(line)]
            options += [Option(found[1], None if found[2] is None else found[2].strip(), '') for found in named]
        elif named and line.startswith('    '):
            for index in range(len(options) - len(named), len(options)):
                options[index] = options[index]._replace(text=f'{options[index].text} {line.strip()}'.strip())
        elif line:
            named, after = [], f'{line}\n{after}'
    return Page(f'{text.strip()}\n\n{after}'.strip(), options, textwrap.dedent(example[0]).strip() if example else '')


def parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The options that a layer, a driver or the server takes from a file, by name."""
    return {
        name: parameter for name, parameter in inspect.signature(factory).parameters.items()
        if name not in ('self', 'app', 'application', 'global_conf')
        and re.search(r'\b(str|int|float|bool|Store)\b', str(parameter.annotation))
    }


def described() -> Iterator[tuple[str, str, str, Callable[..., Any], Page]]:
    """All that this package brings: its kind, its name, the section it is written in, what takes its options."""
    for title, group, section in _GROUPS:
        for point in sorted(entry_points(group=group), key=lambda point: point.name):
            if point.module.startswith('objreg.'):
                module = importlib.import_module(point.module)
                factory = module.settings if group == 'paste.server_runner' else point.load()
                yield title, point.name, section.format(point.name), factory, page(module.__doc__ or '')


def reference() -> str:
    """The page of all of them, in Markdown."""
    lines, before = [_INTRODUCTION], ''
    for title, name, section, _, found in described():
        if title != before:
            lines += [f'## {title}', '']
            before = title
        lines += _section(name, section, found)
    lines += ['## Stores', '']
    for name, module, section in _STORES:
        lines += _section(name, section, page(importlib.import_module(module).__doc__ or ''))
    return '\n'.join(lines).rstrip() + '\n'


def _section(name: str, section: str, found: Page) -> list[str]:
    lines = [f'### {name}', '', _markdown(found.text), '']
    if found.options:
        lines += [f'Options of `{section}`:', '', '| option | default | |', '|---|---|---|']
        lines += [_row(option) for option in found.options] + ['']
    if found.example:
        lines += ['```ini' if '[' in found.example[:1] else '```yaml', found.example, '```', '']
    return lines


def _row(option: Option) -> str:
    default = 'needed' if option.default is None and option.text.endswith('Needed.') else option.default
    shown = '' if not default else default if default == 'needed' else f'`{default}`'
    return f'| `{option.name}` | {shown} | {_markdown(option.text).replace("|", chr(92) + "|")} |'


def _markdown(text: str) -> str:
    """The little of reStructuredText that docstrings use: literals, and tables as they are."""
    if '\n====' in text:
        before, _, rest = text.partition('\n====')
        table, _, after = rest.rpartition('====\n')
        return f'{_markdown(before)}\n```text\n===={table}====\n```\n{_markdown(after)}'
    text = _CODE.sub(lambda code: f':\n\n```yaml\n{textwrap.dedent(code[1]).strip()}\n```\n\n', text)
    return re.sub(r'``(.+?)``', r'`\1`', text)


if __name__ == '__main__':
    print(reference(), end='')
