"""What commands show to people."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console


def printable(text: str) -> str:
    """Text that does nothing to a terminal."""
    return ''.join(one if one.isprintable() else one.encode('unicode_escape').decode() for one in text)


def console() -> Console:
    """Where progress is shown."""
    return Console(stderr=True, highlight=False)


def when(seconds: float) -> str:
    """A time for people, UTC: ``2026-01-31 23:59``."""
    return datetime.fromtimestamp(seconds, UTC).strftime('%Y-%m-%d %H:%M')


def size_of(count: float) -> str:
    """Bytes for people: ``1.5 GiB``."""
    for unit in ('B', 'KiB', 'MiB', 'GiB'):
        if count < 1024:
            return f'{count:.0f} {unit}' if unit == 'B' else f'{count:.1f} {unit}'
        count /= 1024
    return f'{count:.1f} TiB'
