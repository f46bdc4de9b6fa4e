"""``prefix``: a part of another store, so that several registries share a bucket.

Options:

``store``
    The store that is shared, by its name in ``stores.yml``.  Needed.
``path``
    What all keys begin with there: ``team-a`` gives ``team-a/blobs/…``.  Needed.

Example::

    bucket:
      driver: file
      path: /srv/objreg
    team-a:
      driver: prefix
      store: bucket
      path: team-a
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from objreg.store import Body, Content, Origin, Page, Part, Refused, Stat, Store, Upload, check_key
from objreg.wrap.base import WrappedStore, WrappedUpload


class PrefixStore(WrappedStore):
    """Puts a path before all keys."""

    def __init__(self, *, store: Store, path: str) -> None:
        super().__init__(store)
        self._path = f'{path.strip("/")}/'
        try:
            check_key(f'{self._path}k')
        except Refused as error:
            raise ValueError(f'path: {path!r} is not the beginning of a key') from error

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        return self.inner.get(self._path + key, start, end)

    def read(self, key: str) -> bytes:
        return self.inner.read(self._path + key)

    def newest(self, key: str) -> bytes:
        return self.inner.newest(self._path + key)

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        self.inner.put(self._path + key, body, size, if_absent=if_absent)

    def stat(self, key: str) -> Stat:
        return self.inner.stat(self._path + key)

    def delete(self, keys: Iterable[str]) -> None:
        self.inner.delete(self._path + key for key in keys)

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        found = self.inner.page(
            self._path + prefix, self._path + after if after else '', delimiter=delimiter, limit=limit, detail=detail
        )
        skip = len(self._path)
        return Page([entry._replace(key=entry.key[skip:]) for entry in found.entries], found.more)

    def upload(self, key: str) -> Upload:
        return _PrefixUpload(self.inner.upload(self._path + key), self._path)

    def resume(self, id: str) -> Upload:
        return _PrefixUpload(self.inner.resume(id), self._path)

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        return self.inner.url(self._path + key, seconds, method=method, content_type=content_type)

    def copy(self, source: str, target: str) -> None:
        self.inner.copy(self._path + source, self._path + target)

    def origin(self, key: str) -> Origin | None:
        return self.inner.origin(self._path + key)

    def take(self, origin: Origin, target: str) -> bool:
        return self.inner.take(origin, self._path + target)

    def remember(self, key: str, data: bytes) -> None:
        self.inner.remember(self._path + key, data)

    def known(self, key: str) -> bytes | None:
        return self.inner.known(self._path + key)


class _PrefixUpload(WrappedUpload):
    """Ends under the path."""

    def __init__(self, inner: Upload, path: str) -> None:
        super().__init__(inner)
        self._path = path

    def finish(self, parts: Sequence[Part], key: str) -> None:
        self.inner.finish(parts, self._path + key)
