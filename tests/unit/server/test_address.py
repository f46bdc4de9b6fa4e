"""Where a server says that it is reached."""

from __future__ import annotations

import pytest

from objreg import nothing
from objreg.server import reached, settings


@pytest.mark.parametrize(('given', 'expected'), [
    ({}, 'http://127.0.0.1:5000'), ({'host': '0.0.0.0'}, 'http://localhost:5000'),
    ({'host': '::'}, 'http://localhost:5000'), ({'host': '::1'}, 'http://[::1]:5000'),
    ({'host': 'hub.example', 'port': '80'}, 'http://hub.example:5000'), ({'unix': '/run/objreg'}, ''),
])
def test_a_browser_of_this_machine_comes_there(given: dict[str, str], expected: str) -> None:
    assert reached(settings(nothing.factory({}), **given), 5000) == expected
