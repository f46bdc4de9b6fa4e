"""The manual tells of every option, and tells the truth."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest

from objreg import manual

ROOT = Path(__file__).parents[2]
PAGES = [
    pytest.param(*found[1:], id=f'{found[0]}: {found[1]}') for found in manual.described()
]
SHIPPED = {('[filter:auth]', 'type'): 'hub', ('[filter:auth]', 'open'): 'loopback'}
"""What paste.ini says, and is not the default."""
LAYERS = [page for page in PAGES if 'Drivers' not in str(page.id)]


@pytest.mark.parametrize(('name', 'section', 'factory', 'page'), PAGES)
def test_every_option_is_documented(name: str, section: str, factory: Any, page: manual.Page) -> None:
    assert [option.name for option in page.options] == [*manual.parameters(factory)], name
    assert all(option.text for option in page.options)
    assert len(page.text) > 60
    assert page.example


@pytest.mark.parametrize(('name', 'section', 'factory', 'page'), LAYERS)
def test_the_defaults_are_those_of_the_code(name: str, section: str, factory: Any, page: manual.Page) -> None:
    parameters = manual.parameters(factory)
    for option in page.options:
        default = parameters[option.name].default
        if option.name == 'store':  # None there: what [DEFAULT] says
            continue
        assert option.default == (str(default).lower() if isinstance(default, bool) else str(default)), option.name


def test_the_configuration_reference_is_up_to_date() -> None:
    assert (ROOT / 'docs/configuration.md').read_text() == manual.reference(), 'make docs'


def test_paste_ini_has_every_option_with_its_default() -> None:
    text = (ROOT / 'paste.ini').read_text()
    parser = configparser.RawConfigParser()
    parser.read_string(re.sub(r'(?m)^# (?=[a-z0-9_]+ =)', '', text))
    for page in LAYERS:
        _, section, _, found = page.values
        written = dict(parser.items(section.strip('[]')))
        for option in found.options:
            if option.name != 'store':
                expected = SHIPPED.get((section, option.name), option.default or '')
                assert written[option.name] == expected.replace('%', '%%'), f'{section} {option.name}'


def test_a_docstring_is_taken_apart() -> None:
    page = manual.page('''Name: what it does.

    More.

    Options:

    ``one = 1 2``
        First
        line.
    ``two``
        Needed.

    Example::

        [filter:name]
        use = x
    ''')
    assert page.text == 'Name: what it does.\n\nMore.'
    assert page.options == [manual.Option('one', '1 2', 'First line.'), manual.Option('two', None, 'Needed.')]
    assert page.example == '[filter:name]\nuse = x'
