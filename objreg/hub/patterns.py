"""Patterns of names of repositories that somebody other than an administrator may grant by."""

from __future__ import annotations

from urllib.parse import quote

from objreg.auth import rules
from objreg.hub import names

_LONGEST_COMPONENT = 250
"""Bytes of a key's component, the per cent sign escaped once more by stores that have to."""


class PatternRefused(ValueError):
    """The text is for the person who wrote it."""


def check_within(pattern: str, namespace: str) -> str:
    """`pattern` if it is one, and means nothing outside that namespace; raises `PatternRefused`."""
    try:
        rules.pattern(pattern)
    except ValueError as error:
        raise PatternRefused(str(error)) from error
    if namespace == names.LIBRARY:
        if '/' in pattern or '**' in pattern:
            raise PatternRefused(f'{pattern!r} is not within {namespace}: its names have one component')
    elif not pattern.startswith(f'{namespace}/'):
        raise PatternRefused(f'{pattern!r} is not within {namespace}: begin with "{namespace}/"')
    if len(quote(quote(pattern, safe=''), safe='')) > _LONGEST_COMPONENT:
        raise PatternRefused('the pattern is too long')
    return pattern
