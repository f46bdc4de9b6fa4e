"""``mirror-read``: a store that reads from a second one what it lacks itself; the way to move without a stop.

Options:

``store``
    The store that is written, by its name in ``stores.yml``.  Needed.
``second``
    The store that is read as well.  Needed.
``delete_second = true``
    Whether what is deleted is deleted in the second store too.  If not, a key that is there cannot be deleted, since it
    would be seen again.

Example::

    old:
      driver: file
      path: /srv/objreg
    new:
      driver: s3
      preset: ceph
      endpoint: https://rgw.example.net
      bucket: registry
    moving:
      driver: mirror-read
      store: new
      second: old

To move: let all nodes use ``moving``, run ``objreg store copy old new``, then let all nodes use ``new``.  What the
first store has counts; nobody else may write to the second one meanwhile.  A tag that is pushed while it is copied is
what was pushed; one that is deleted in the very moment of its copy may come back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from objreg.store import Body, Content, Exists, NotFound, Origin, Page, Refused, Stat, Store
from objreg.transfer import bring
from objreg.wrap.base import WrappedStore
from objreg.wrap.merge import merged

_BATCH = 1000


class MirrorReadStore(WrappedStore):
    """Two stores, of which the first is written."""

    def __init__(self, *, store: Store, second: Store, delete_second: bool = True) -> None:
        super().__init__(store)
        self.second = second
        self._delete_second = delete_second
        self.capabilities = replace(
            store.capabilities,
            consistent_list=store.capabilities.consistent_list and second.capabilities.consistent_list,
            local=store.capabilities.local and second.capabilities.local,
        )

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        try:
            return self.inner.get(key, start, end)
        except NotFound:
            return self.second.get(key, start, end)

    def read(self, key: str) -> bytes:
        try:
            return self.inner.read(key)
        except NotFound:
            return self.second.read(key)

    def newest(self, key: str) -> bytes:
        try:
            return self.inner.newest(key)
        except NotFound:
            return self.second.newest(key)

    def stat(self, key: str) -> Stat:
        try:
            return self.inner.stat(key)
        except NotFound:
            return self.second.stat(key)

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        if if_absent and self.second.has(key):
            raise Exists(f'{self.name}: {key} is taken')
        self.inner.put(key, body, size, if_absent=if_absent)

    def delete(self, keys: Iterable[str]) -> None:
        waiting = iter(keys)
        while batch := list(islice(waiting, _BATCH)):
            if self._delete_second:
                # first there: what is deleted must not be seen again when the process dies between the two
                self.second.delete(batch)
            elif kept := next((key for key in batch if self.second.has(key)), ''):
                raise Refused(f'{self.name}: {kept} is in {self.second.name} too; set delete_second: true')
            self.inner.delete(batch)

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        pages = [
            store.page(prefix, after, delimiter=delimiter, limit=limit, detail=detail)
            for store in (self.inner, self.second)
        ]
        return merged(pages, limit)

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        store = self.inner if self.inner.has(key) else self.second
        return store.url(key, seconds, method=method, content_type=content_type)

    def copy(self, source: str, target: str) -> None:
        try:
            self.inner.copy(source, target)
        except NotFound:
            bring(self.second, source, self.inner, target)

    def origin(self, key: str) -> Origin | None:
        return (self.inner if self.inner.has(key) else self.second).origin(key)

    def known(self, key: str) -> bytes | None:
        return self.inner.known(key)

    def check(self) -> None:
        self.inner.check()
        self.second.check()

    def close(self) -> None:
        self.inner.close()
        self.second.close()
