"""The contract suite for a store that somebody hands over: what ``objreg store check --contract`` has pytest run.

Whoever runs it gives the fixture `store`; see `objreg.checking.contract`.
"""

from objreg.testing.contract import StoreContract


class TestContract(StoreContract):
    """All promises."""

    longest_key = 900
    """The path of the scratch is part of each key, and so may be prefixes of the store's own."""
