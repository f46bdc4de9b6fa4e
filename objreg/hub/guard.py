"""Slows down whoever guesses passwords, without letting him lock anybody out.

What counts is where wrong passwords come from: an address that was wrong too often for a name has to wait before it may
try that name again, and one that was wrong ten times as often altogether may try none.  The right owner elsewhere
notices nothing, and neither does who logs in by a token, which cannot be guessed.  Counted by each process for itself;
that guesses from everywhere cost no more than two cores is seen to by `objreg.auth.verifying`.
"""

from __future__ import annotations

from limits import RateLimitItem

from objreg.addresses import customer_of
from objreg.rates import Counts, as_rates

DEFAULT = '10 per 5 minutes'
_OF_ADDRESS = 10
"""Times as many, for an address and all names."""


class Guard:
    """Counts wrong passwords; `rates` says how many are too many: ``10 per 5 minutes; 50 per day``."""

    def __init__(self, rates: str = DEFAULT) -> None:
        self._rates = as_rates('failures', rates, DEFAULT)
        self._counts = Counts()

    def admit(self, address: str, name: str) -> None:
        """Raise 429, with ``Retry-After``, where too many passwords were wrong."""
        if not address:  # a socket of this machine, or the operator
            return
        for rate, words in self._counters(address, name):
            if not self._counts.test(rate, *words):
                raise self._counts.refusal('too many wrong passwords', rate, *words)

    def failed(self, address: str, name: str) -> None:
        """A password was wrong."""
        if address:
            for rate, words in self._counters(address, name):
                self._counts.hit(rate, *words)

    def _counters(self, address: str, name: str) -> list[tuple[RateLimitItem, tuple[str, ...]]]:
        network = customer_of(address)
        found: list[tuple[RateLimitItem, tuple[str, ...]]] = []
        for rate in self._rates:
            of_all = type(rate)(rate.amount * _OF_ADDRESS, rate.multiples)
            found += [(rate, ('name', network, name)), (of_all, ('all', network))]
        return found
