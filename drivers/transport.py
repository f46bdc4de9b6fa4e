"""How drivers speak to their servers: the options of connections, and what a forked process must not share."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from objreg.drivers import options


class Transport:
    """The options ``ca_bundle``, ``pool``, ``connect_timeout`` and ``read_timeout``; a wrong one is a ValueError."""

    def __init__(self, *, ca_bundle: str, pool: Any, connect_timeout: Any, read_timeout: Any) -> None:
        self.ca_bundle = ca_bundle
        self.pool = int(options.number('pool', pool))
        self.connect_timeout = options.number('connect_timeout', connect_timeout, 0.01)
        self.read_timeout = options.number('read_timeout', read_timeout, 0.01)
        if ca_bundle and not os.path.exists(ca_bundle):
            raise ValueError(f'ca_bundle: there is no {ca_bundle}')

    @property
    def timeout(self) -> tuple[float, float]:
        """As requests takes it."""
        return self.connect_timeout, self.read_timeout

    @property
    def verify(self) -> str | bool:
        """As requests takes it."""
        return self.ca_bundle or True


Made = TypeVar('Made')


def after_fork(made: Made, drop: Callable[[Made], object]) -> None:
    """Have a forked process `drop` the connections of what was `made` before, if that is still in use.

    A server that forks its workers after loading must not have two of them speak through one connection.  `drop` must
    not hold on to `made`: a method of its class does not.
    """
    reference = weakref.ref(made)

    def dropped() -> None:
        alive = reference()
        if alive is not None:
            drop(alive)

    os.register_at_fork(after_in_child=dropped)
