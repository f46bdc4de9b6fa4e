"""Where a listing goes on, on servers that take a name to begin with."""

from __future__ import annotations

LAST = '\U0010ffff'
"""Sorts after every key that goes on otherwise."""


def rolled_up(prefix: str, after: str, delimiter: str) -> str:
    """The rolled-up entry that the key `after` is, or lies within; empty if it is neither."""
    if delimiter and after.startswith(prefix):
        rolled, found, _ = after[len(prefix):].partition(delimiter)
        if found:
            return prefix + rolled + delimiter
    return ''


def beyond(prefix: str, after: str, delimiter: str) -> str:
    """Where a listing goes on: after the key `after`, or after all that is rolled up with it.

    Servers differ in whether a rolled-up entry comes again when it, or a key within it, was the last.
    """
    rolled = rolled_up(prefix, after, delimiter)
    return rolled + LAST if rolled else after
