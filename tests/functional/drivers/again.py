"""A driver on a server that another test has tried with the whole contract, reached in another way."""

from __future__ import annotations

from objreg.testing.promises import Promises


class Again(Promises):
    """Every promise, with fewer threads and shorter listings: those are tried there."""

    racers = 5
    rounds = 2
    many = 105
