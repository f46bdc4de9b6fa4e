"""How the contract of stores is tried on real servers: one bucket for many tests, and less of it where it is known."""

from __future__ import annotations

from typing import Any

import pytest


class Shared:
    """All tests of a class have one store; each leaves it empty, unless it fails.

    Its attribute `of_test` is the bucket, or whatever the store lies in: ``empty()`` deletes all that is there.
    """

    @pytest.fixture(autouse=True)
    def is_empty(self, request: pytest.FixtureRequest, store: Any) -> None:
        """Clears away what a test before this one left, if one has failed since."""
        failed = request.session.testsfailed
        if failed != getattr(store, 'failed', failed):
            store.of_test.empty()
        store.failed = failed


class Again:
    """Every promise, on a server and by a driver that another test has tried together with others.

    With fewer threads and shorter listings: those are tried there.
    """

    racers = 5
    rounds = 2
    many = 105
