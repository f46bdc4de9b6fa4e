"""No test here pays what a real password costs."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _cheap(cheap_passwords: None) -> None:
    pass
