"""An operation of the API, and the table of all of them.

A function with `operation` above it is one.  It is given a `Call`, then its path's parameters by name, then ``body``
and its query's parameters by name where it takes them, each of the type that its annotation says; it returns what is
sent as JSON (None: 204).  Who may call it is said beside it, and asked before it runs: there is no other way in.
"""

from __future__ import annotations

import enum
import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PREFIX = '/api/v1'
_REPOSITORY = '[^/_][^/]*(?:/[^/_][^/]*)*'


class Needs(enum.Enum):
    """Who may call an operation; the value says it for people."""

    NOTHING = 'anybody'
    ACCOUNT = 'whoever has an account, or his token without scopes'
    SELF = 'the user himself, or an administrator'
    OWNER = 'who owns the namespace, or an administrator'
    MEMBER = 'members of the organisation, or an administrator'
    READER = 'who may pull from the repository'
    REPOSITORY = 'who may administer the repository'
    ADMINISTRATOR = 'administrators'


@dataclass(frozen=True)
class Operation:
    """One line of the table.  `path` has its parameters in braces.

    ``{repository}`` spans several components, none of which begins with ``_``: what follows it does.
    """

    method: str
    path: str
    needs: Needs
    function: Callable[..., Any]
    status: int
    parameters: dict[str, Any] = field(default_factory=dict)
    """Of the path, then of the query, by name: their types."""
    defaults: dict[str, Any] = field(default_factory=dict)
    """Of those of the query."""
    body: Any = None
    """The type of the body; None: there is none."""
    answer: Any = None

    @property
    def id(self) -> str:
        """Its name, for clients that are generated, and for the command line."""
        return self.function.__name__

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        return (inspect.getdoc(self.function) or '').partition('\n')[0]

    @property
    def description(self) -> str:
        """What else there is to know of it."""
        return (inspect.getdoc(self.function) or '').partition('\n')[2].strip()

    @property
    def in_path(self) -> list[str]:
        """The names of the parameters in its path."""
        return re.findall(r'{(\w+)}', self.path)

    @property
    def pattern(self) -> re.Pattern[str]:
        """The paths that it is at, below `PREFIX`."""
        parts = re.split(r'{(\w+)}', self.path)
        made = [
            re.escape(part) if at % 2 == 0 else f'(?P<{part}>{_REPOSITORY if part == "repository" else "[^/]+"})'
            for at, part in enumerate(parts)
        ]
        return re.compile(''.join(made))


OPERATIONS: list[Operation] = []


def operation(
    method: str, path: str, needs: Needs, *, status: int = 200
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put a function into the table."""
    def put(function: Callable[..., Any]) -> Callable[..., Any]:
        hints = typing.get_type_hints(function, include_extras=True)
        answer, body = hints.pop('return', None), hints.pop('body', None)
        hints.pop('call', None)
        given = inspect.signature(function).parameters
        defaults = {name: given[name].default for name in hints if given[name].default is not inspect.Parameter.empty}
        made = Operation(
            method, path, needs, function, 204 if answer is type(None) else status, hints, defaults, body, answer
        )
        if set(made.in_path) - set(hints) or set(hints) - set(made.in_path) - set(defaults):
            raise TypeError(f'{function.__name__}: its parameters are not those of {path}')
        OPERATIONS.append(made)
        return function

    return put
