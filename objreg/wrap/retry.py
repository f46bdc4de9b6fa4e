"""Tries again what a store could not do this time (`Unavailable`), after a pause that grows and is left to chance.

Options, under ``retry:`` of a store in ``stores.yml`` (``retry: false`` switches it off):

``attempts = 4``
    How often a call is made at most.
``pause = 0.2``
    Seconds of the first pause at most; it doubles from one to the next, and each is a random part of it.
``longest_pause = 5``
    A pause is never longer, whatever the store asks for with ``Retry-After``.
``seconds = 30``
    No new attempt is begun after so long.

An attempt that failed may have done its work all the same.  So what is tried again is told apart from what others
did: a ``put`` with `if_absent` that finds its own bytes there has succeeded, and a ``finish`` that finds no upload any
more has succeeded when the object is there with the right size.  A body that cannot be read twice is not sent twice.
A download of immutable content that breaks off is gone on with where it broke.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, TypeVar, cast

import tenacity

from objreg import keys as layout
from objreg.store import Body, Content, Exists, NotFound, Origin, Page, Part, Refused, Stat, Store, Unavailable, Upload
from objreg.wrap.base import WrappedStore, WrappedUpload

Got = TypeVar('Got')


class Policy:
    """When to try again."""

    def __init__(
        self, *, attempts: int = 4, pause: float = 0.2, longest_pause: float = 5.0, seconds: float = 30.0
    ) -> None:
        if attempts < 1 or pause < 0 or longest_pause < 0 or seconds < 0:
            raise ValueError('attempts: is at least 1, and no time is negative')
        random_pause = tenacity.wait_random_exponential(multiplier=pause, max=longest_pause)

        def pause_of(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after if isinstance(error, Unavailable) and error.retry_after else 0.0
            return max(random_pause(state), min(asked, longest_pause))

        self._retrying = {
            'stop': tenacity.stop_after_attempt(attempts) | tenacity.stop_before_delay(seconds),
            'wait': pause_of,
            'retry': tenacity.retry_if_exception_type(Unavailable),
            'reraise': True,
        }

    def call(self, function: Callable[[bool], Got]) -> Got:
        """`function` until it works; it is told whether this is another attempt."""
        try:
            return function(False)  # nearly always, and cheaper without what follows
        except Unavailable as error:
            first = error
        for attempt in tenacity.Retrying(**self._retrying):  # type: ignore[arg-type]
            with attempt:
                if attempt.retry_state.attempt_number == 1:
                    raise first
                return function(True)
        raise AssertionError('the last attempt returns or raises')


class RetryingStore(WrappedStore):
    """Makes calls again that were `Unavailable`."""

    def __init__(self, inner: Store, policy: Policy | None = None) -> None:
        super().__init__(inner)
        self.policy = policy or Policy()

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        content = self.policy.call(lambda _: self.inner.get(key, start, end))
        if content.file is not None or not layout.may_be_content(key):
            return content
        return _Unbroken(self, key, start, content).content()

    def read(self, key: str) -> bytes:
        return self.policy.call(lambda _: self.inner.read(key))

    def newest(self, key: str) -> bytes:
        return self.policy.call(lambda _: self.inner.newest(key))

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        again = rewinder(body)
        if again is None:
            self.inner.put(key, body, size, if_absent=if_absent)
            return

        def attempt(is_another: bool) -> None:
            again()
            try:
                self.inner.put(key, body, size, if_absent=if_absent)
            except Exists:
                if not is_another or not isinstance(body, bytes) or not self._holds(key, body):
                    raise

        self.policy.call(attempt)

    def _holds(self, key: str, data: bytes) -> bool:
        try:
            return self.inner.read(key) == data
        except NotFound:
            return False

    def stat(self, key: str) -> Stat:
        return self.policy.call(lambda _: self.inner.stat(key))

    def delete(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        self.policy.call(lambda _: self.inner.delete(keys))

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        return self.policy.call(
            lambda _: self.inner.page(prefix, after, delimiter=delimiter, limit=limit, detail=detail)
        )

    def check(self) -> None:
        self.policy.call(lambda _: self.inner.check())

    def copy(self, source: str, target: str) -> None:
        self.policy.call(lambda _: self.inner.copy(source, target))

    def origin(self, key: str) -> Origin | None:
        return self.policy.call(lambda _: self.inner.origin(key))

    def take(self, origin: Origin, target: str) -> bool:
        return self.policy.call(lambda _: self.inner.take(origin, target))

    def upload(self, key: str) -> Upload:
        return _RetryingUpload(self.inner.upload(key), self)

    def resume(self, id: str) -> Upload:
        return _RetryingUpload(self.inner.resume(id), self)


class _RetryingUpload(WrappedUpload):
    def __init__(self, inner: Upload, store: RetryingStore) -> None:
        super().__init__(inner)
        self._store = store

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        again = rewinder(body)
        if again is None:
            return self.inner.part(number, body, size)

        def attempt(_: bool) -> Part:
            again()
            return self.inner.part(number, body, size)

        return self._store.policy.call(attempt)

    def finish(self, parts: Sequence[Part], key: str) -> None:
        def attempt(is_another: bool) -> None:
            try:
                self.inner.finish(parts, key)
            except (NotFound, Refused):
                if not is_another or not self._is_done(parts, key):
                    raise

        self._store.policy.call(attempt)

    def _is_done(self, parts: Sequence[Part], key: str) -> bool:
        try:
            return self._store.inner.stat(key).size == sum(part.size for part in parts)
        except NotFound:
            return False

    def abort(self) -> None:
        self._store.policy.call(lambda _: self.inner.abort())


class _Unbroken:
    """A download that goes on where it broke off."""

    def __init__(self, store: RetryingStore, key: str, start: int, content: Content) -> None:
        self._store = store
        self._key = key
        self._at = start
        self._end = start + content.size
        self._content = content

    def content(self) -> Content:
        return Content(self._chunks(), self._content.size, close=self)

    def _chunks(self) -> Iterator[bytes]:
        while self._at < self._end:
            try:
                for chunk in self._content:
                    self._at += len(chunk)
                    yield chunk
                if self._at < self._end:
                    raise Unavailable(f'{self._key}: cut at byte {self._at}')
            except Unavailable:
                reached = self._at
                self._content.close()
                self._content = self._store.policy.call(lambda _: self._store.inner.get(self._key, self._at, self._end))
                first = next(self._content, b'')
                if not first:  # no progress: it would go on for ever
                    raise Unavailable(f'{self._key}: nothing comes from byte {reached} on') from None
                self._at += len(first)
                yield first

    def __enter__(self) -> _Unbroken:
        return self

    def __exit__(self, *_: object) -> None:
        self._content.close()


def rewinder(body: Body) -> Callable[[], object] | None:
    """What makes a body readable from its beginning again; None where that cannot be."""
    if isinstance(body, bytes):
        return bool
    if hasattr(body, 'seekable') and body.seekable():
        file = cast(BinaryIO, body)
        start = file.tell()
        return lambda: file.seek(start)
    return None
