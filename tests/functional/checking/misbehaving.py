"""Stores that break a promise each."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import Any

from objreg.drivers.memory import MemoryStore
from objreg.store import (
    Body,
    Capabilities,
    Content,
    Exists,
    NotFound,
    Page,
    Refused,
    Stat,
    Store,
    Unavailable,
    Upload,
)
from objreg.testing.faults import FaultyStore, LaggingStore
from objreg.wrap.base import WrappedStore


class EqualParts(MemoryStore):
    """Wants parts of equal size, as remote stores do."""

    capabilities = Capabilities(conditional_put=True, min_part=30_000)


class Lying(WrappedStore):
    """Of several that create a key at once all win, though only one is said to."""

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        if if_absent and self.is_taken(key):
            raise Exists(key)
        time.sleep(0.01)
        self.inner.put(key, body, size)

    def is_taken(self, key: str) -> bool:
        try:
            self.inner.stat(key)
        except NotFound:
            return False
        return True


class Overwriting(Lying):
    """Does not know of `if_absent` at all."""

    def is_taken(self, key: str) -> bool:
        return False


class Honest(Lying):
    """The same, and says so."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.capabilities = replace(inner.capabilities, conditional_put=False)


class Late(LaggingStore):
    """Its listings are late, though they are said not to be."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner, 0.2)
        self.capabilities = inner.capabilities


class Stale(WrappedStore):
    """What is read is believed for a moment, and so is that nothing is there."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self._kept: dict[str, tuple[float, bytes | None]] = {}

    def read(self, key: str) -> bytes:
        until, data = self._kept.get(key, (0.0, None))
        if until < time.monotonic():
            try:
                data = self.inner.read(key)
            except NotFound:
                data = None
            self._kept[key] = (time.monotonic() + 0.1, data)
        if data is None:
            raise NotFound(key)
        return data


class Torn(WrappedStore):
    """A put is first empty."""

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        if not if_absent:
            self.inner.put(key, b'')
            time.sleep(0.02)
        self.inner.put(key, body, size, if_absent=if_absent)


class Unsorted(WrappedStore):
    """Its listings are in another order."""

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        found = self.inner.page(prefix, after, delimiter=delimiter, limit=limit, detail=detail)
        return Page(found.entries[::-1], found.more)


class Mending(WrappedStore):
    """Something in between that decodes paths."""

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        self.inner.put(key.replace('%2F', '/'), body, size, if_absent=if_absent)

    def read(self, key: str) -> bytes:
        return self.inner.read(key.replace('%2F', '/'))


class ReadOnly(WrappedStore):
    """These credentials may not write."""

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        raise Refused(f'store: write {key!r}: this user may not do that')

    def upload(self, key: str) -> Upload:
        raise Refused('store: this user may not do that')


class Hiding(WrappedStore):
    """A missing key is refused, as by S3 where nothing may be listed."""

    def stat(self, key: str) -> Stat:
        try:
            return self.inner.stat(key)
        except NotFound as error:
            raise Refused(f'store: stat {key!r}: denied') from error


class AnHourAhead(WrappedStore):
    """Its clock, or this machine's, is wrong."""

    def stat(self, key: str) -> Stat:
        found = self.inner.stat(key)
        return found._replace(modified=found.modified + 3600)


class Unverified(WrappedStore):
    """Hashes what it is given, sends it, and nobody compares."""

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        if not isinstance(body, bytes) and hasattr(body, 'seek'):
            start = body.tell()  # type: ignore[union-attr]
            hashlib.md5(body.read(size), usedforsecurity=False)  # type: ignore[union-attr]
            body.seek(start)
        self.inner.put(key, body, size, if_absent=if_absent)


class Verified(Unverified):
    """The same, and somebody does."""

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        if not isinstance(body, bytes) and hasattr(body, 'seek'):
            start = body.tell()  # type: ignore[union-attr]
            one = body.read(size)  # type: ignore[union-attr]
            body.seek(start)
            if one != body.read(size):  # type: ignore[union-attr]
                raise Unavailable('store: spoiled')
            body.seek(start)
        self.inner.put(key, body, size, if_absent=if_absent)


class Unsigned(WrappedStore):
    """Says that it signs, and has no key."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.capabilities = replace(inner.capabilities, presign=True)


class SignsNowhere(Unsigned):
    """Its URLs lead to where nobody listens."""

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        return f'http://127.0.0.1:9/{key}?signature=TOPSECRET'


class Damaging(WrappedStore):
    """A large object is read with a wrong byte."""

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        content = self.inner.get(key, start, end)
        return Content((b'?' + chunk[1:] for chunk in content), content.size, close=content)


class Raising(WrappedStore):
    """A driver with a bug."""

    def copy(self, source: str, target: str) -> None:
        raise KeyError(source)


class Interrupted(FaultyStore):
    """Ctrl-C, in the middle of a call."""

    def _fail(self, *_: Any) -> Any:
        raise KeyboardInterrupt
