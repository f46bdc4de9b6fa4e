"""What tells drivers of an HTTP answer whether, and when, it is worth to ask again."""

from __future__ import annotations

from collections.abc import Mapping

_FINAL = frozenset({501, 505, 507})
"""Server errors that are the same at the next try: not implemented, HTTP version, full."""


def passing(status: int) -> bool:
    """Whether an HTTP status may be another one at the next try."""
    return status in (408, 425, 429) or (status >= 500 and status not in _FINAL)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of ``Retry-After``; None where it is missing, or is a date."""
    for name, value in headers.items():
        if name.lower() == 'retry-after':
            try:
                return float(value)
            except ValueError:
                return None
    return None
