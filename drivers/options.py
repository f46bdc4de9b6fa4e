"""Options of drivers, converted once; what is wrong with one is a ValueError that begins with its name."""

from __future__ import annotations

import re
from typing import Any


def needed(**options: Any) -> None:
    """Each of these must have been given."""
    for option, value in options.items():
        if not value:
            raise ValueError(f'{option}: needed')


def number(option: str, value: Any, least: float = 1) -> float:
    """A number, at least so large; text (of an environment variable) will do."""
    try:
        converted = float(value)
    except (TypeError, ValueError):
        raise ValueError(f'{option}: {value!r} is not a number') from None
    if not converted >= least:
        raise ValueError(f'{option}: {value} is less than {least}')
    return converted


def folder(prefix: str) -> str:
    """What keys begin with, with a slash at its end only; empty for nothing."""
    bare = prefix.strip('/')
    return f'{bare}/' if bare else ''


def flag(option: str, value: Any) -> bool:
    """Yes or no; text will do."""
    known = {'true': True, 'yes': True, 'false': False, 'no': False}
    if str(value).lower() not in known:
        raise ValueError(f'{option}: {value!r} is neither true nor false')
    return known[str(value).lower()]


def pattern(option: str, text: str) -> re.Pattern[str]:
    """A regular expression."""
    try:
        return re.compile(text, re.DOTALL)
    except re.error as error:
        raise ValueError(f'{option}: {error}') from error


def chosen(option: str, value: str, known: tuple[str, ...]) -> str:
    """One of these words."""
    if value not in known:
        raise ValueError(f'{option}: {value!r} is not one of {", ".join(known)}')
    return value
