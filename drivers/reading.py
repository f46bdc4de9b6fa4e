"""How drivers read an object by HTTP: the range that is asked for, and the bytes that must all come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

from objreg.store import CHUNK, Content, Refused, Unavailable


def range_header(start: int, end: int | None) -> dict[str, str]:
    """What asks for the bytes from `start` up to, not including, `end`; empty for all of them."""
    if not start and end is None:
        return {}
    return {'Range': f'bytes={start}-{"" if end is None else end - 1}'}


def nothing(size: int, start: int, doing: str) -> Content:
    """An empty range of an object of that size, which HTTP cannot ask for; `Refused` where it begins beyond the end."""
    if start > max(0, size - 1):
        raise Refused(f'{doing}: {start} is beyond its end')
    return Content((), 0)


def chunks(read: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    """At most `size` bytes of a body, as `read` gives them; fewer when the connection ends before."""
    while True:
        # an empty body is read once too: that gives its connection back
        chunk = read(min(CHUNK, size) or 1)
        if not chunk or not size:
            return
        size -= len(chunk)
        yield chunk
        if not size:
            return


def whole(body: Iterable[bytes], size: int, doing: str, errors: AbstractContextManager[None]) -> Iterator[bytes]:
    """The chunks of a body of `size` bytes; `Unavailable` where it ends before.

    `errors` translates what reading raises; the message of what is raised here begins with `doing`.
    """
    left = size
    with errors:
        for chunk in body:
            left -= len(chunk)
            yield chunk
    if left:
        raise Unavailable(f'{doing}: the answer was cut {left} bytes before its end')
