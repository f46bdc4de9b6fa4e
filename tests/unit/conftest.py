"""What tests of the hub need, wherever they lie."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import argon2
import pytest

from tests.hubs import Site
from tests.mail import Post


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost as good as nothing; what they look like, and what verifies them, is the same."""
    monkeypatch.setattr(argon2, 'PasswordHasher', partial(argon2.PasswordHasher, 1, 8, 1))


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """The mail that hubs of this process send; it leaves it nowhere."""
    made = Post(monkeypatch)
    yield made
    made.close()


@pytest.fixture
def site(tmp_path: Path, cheap_passwords: None) -> Site:
    """A registry with its hub, over a store in memory."""
    return Site(tmp_path)
