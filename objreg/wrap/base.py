"""A store around another one, that passes everything on: what the wrapping stores derive from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from objreg.store import Body, Content, Origin, Page, Part, Stat, Store, Upload


class WrappedStore(Store):
    """Passes every call on to `inner`."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.capabilities = inner.capabilities
        self.name = inner.name

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        return self.inner.get(key, start, end)

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        self.inner.put(key, body, size, if_absent=if_absent)

    def stat(self, key: str) -> Stat:
        return self.inner.stat(key)

    def delete(self, keys: Iterable[str]) -> None:
        self.inner.delete(keys)

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        return self.inner.page(prefix, after, delimiter=delimiter, limit=limit, detail=detail)

    def upload(self, key: str) -> Upload:
        return self.inner.upload(key)

    def resume(self, id: str) -> Upload:
        return self.inner.resume(id)

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        return self.inner.url(key, seconds, method=method, content_type=content_type)

    @property
    def spool(self) -> str:
        return self.inner.spool

    def check(self) -> None:
        self.inner.check()

    def setup(self, *, rotate: bool = False) -> list[str]:
        return self.inner.setup(rotate=rotate)

    def sweep(self, seconds: float) -> int:
        return self.inner.sweep(seconds)

    def close(self) -> None:
        self.inner.close()

    def read(self, key: str) -> bytes:
        return self.inner.read(key)

    def newest(self, key: str) -> bytes:
        return self.inner.newest(key)

    def remember(self, key: str, data: bytes) -> None:
        self.inner.remember(key, data)

    def known(self, key: str) -> bytes | None:
        return self.inner.known(key)

    def copy(self, source: str, target: str) -> None:
        self.inner.copy(source, target)

    def origin(self, key: str) -> Origin | None:
        return self.inner.origin(key)

    def take(self, origin: Origin, target: str) -> bool:
        return self.inner.take(origin, target)


class WrappedUpload(Upload):
    """Passes every call on to `inner`."""

    def __init__(self, inner: Upload) -> None:
        self.inner = inner

    @property
    def id(self) -> str:
        return self.inner.id

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        return self.inner.part(number, body, size)

    def finish(self, parts: Sequence[Part], key: str) -> None:
        self.inner.finish(parts, key)

    def abort(self) -> None:
        self.inner.abort()
