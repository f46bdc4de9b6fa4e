"""A page, and the table of all of them.

A function with `page` above it answers one method of one path.  It is given a `View` and gives what is shown; what it
raises is shown on the page that `form` names, where that is said, beside what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from objreg.hub.api.call import Call
from objreg.hub.api.problems import bad_request

_FIELD = re.compile(r'`(?:\$\.)?([a-z_]+)`$')
"""Of what msgspec says."""


@dataclass(frozen=True)
class Shown:
    """A template, and what it is given."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """One request: as the API sees it, and the fields of its form (of none, for GET)."""

    call: Call
    fields: Mapping[str, str]

    def as_body(self, kind: type[Any]) -> Any:
        """The fields as what an operation of the API takes; raises a problem."""
        try:
            return msgspec.convert(dict(self.fields), kind)
        except msgspec.ValidationError as error:
            found = _FIELD.search(str(error))
            raise bad_request(f'{found[1] if found else "the form"}: needed, or not of its form') from error


@dataclass(frozen=True)
class Page:
    """One line of the table; `form` gives what is shown where a POST failed."""

    method: str
    path: str
    function: Callable[[View], Shown]
    form: Callable[[View], Shown] | None = None


PAGES: list[Page] = []


def page(
    method: str, path: str, form: Callable[[View], Shown] | None = None
) -> Callable[[Callable[[View], Shown]], Callable[[View], Shown]]:
    """Put a function into the table."""
    def put(function: Callable[[View], Shown]) -> Callable[[View], Shown]:
        if (form is None) is (method == 'POST'):
            raise TypeError(f'{function.__name__}: a POST, and nothing else, comes from a form')
        PAGES.append(Page(method, path, function, form))
        return function

    return put
