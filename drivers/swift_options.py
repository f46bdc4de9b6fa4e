"""Options of the `swift` driver; what is wrong with one is a ValueError that begins with its name."""

from __future__ import annotations


def container(option: str, name: str) -> str:
    """The name of a container."""
    if '/' in name or not 1 <= len(name.encode()) <= 256:
        raise ValueError(f'{option}: {name!r} is no name of a container')
    return name


def header(text: str) -> tuple[str, str]:
    """``Name: value``, taken apart."""
    name, colon, value = text.partition(':')
    if not colon or not name.strip() or not (name + value).isprintable():
        raise ValueError(f'headers: {text.strip()!r} is not a name, a colon and a value')
    return name.strip(), value.strip()
