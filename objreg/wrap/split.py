"""``split``: layers in one store, and all that is small in another: names, tags, manifests' entries, the hub's records.

Options:

``names``
    The store of what is small, by its name in ``stores.yml``: fast, near, consistent.  Needed.
``blobs``
    The store of content and of unfinished uploads: large and cheap.  Needed.

Example::

    small:
      driver: file
      path: /srv/objreg
    large:
      driver: swift
      auth_url: https://keystone.example.net:5000/v3
      username: registry
      password: ${SWIFT_PASSWORD}
      project: registry
      container: layers
    default:
      driver: split
      names: small
      blobs: large
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

from objreg.store import Body, Content, Origin, Page, Part, Stat, Store, Upload, check_key
from objreg.transfer import bring
from objreg.wrap.base import WrappedUpload
from objreg.wrap.merge import merged

_LARGE = ('blobs/', 'uploads/')
_BATCH = 1000
_OF_NAMES = '='
"""Before the id of an upload to the store of names."""


class SplitStore(Store):
    """Two stores, each with its own keys."""

    def __init__(self, *, names: Store, blobs: Store) -> None:
        self.names, self.blobs = names, blobs
        one, other = names.capabilities, blobs.capabilities
        step = math.lcm(one.part_step, other.part_step)
        self.capabilities = replace(
            other, conditional_put=one.conditional_put and other.conditional_put,
            min_part=-(-max(one.min_part, other.min_part) // step) * step, part_step=step,
            max_parts=min(one.max_parts, other.max_parts), max_put=min(one.max_put, other.max_put),
            consistent_list=one.consistent_list and other.consistent_list,
            local=one.local and other.local, presign=one.presign and other.presign,
        )

    def of(self, key: str) -> Store:
        """Where that key lies."""
        return self.blobs if key.startswith(_LARGE) else self.names

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        return self.of(key).get(key, start, end)

    def read(self, key: str) -> bytes:
        return self.of(key).read(key)

    def newest(self, key: str) -> bytes:
        return self.of(key).newest(key)

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        self.of(key).put(key, body, size, if_absent=if_absent)

    def stat(self, key: str) -> Stat:
        return self.of(key).stat(key)

    def delete(self, keys: Iterable[str]) -> None:
        waiting = iter(keys)
        while batch := list(islice(waiting, _BATCH)):
            for store in (self.names, self.blobs):
                if mine := [key for key in batch if self.of(key) is store]:
                    store.delete(mine)

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        asked = (
            [self.blobs] if prefix.startswith(_LARGE)
            else [self.names, self.blobs] if any(large.startswith(prefix) for large in _LARGE)
            else [self.names]
        )
        pages = [store.page(prefix, after, delimiter=delimiter, limit=limit, detail=detail) for store in asked]
        return pages[0] if len(pages) == 1 else merged(pages, limit)

    def upload(self, key: str) -> Upload:
        return _SplitUpload(self, self.of(key), self.of(key).upload(key))

    def resume(self, id: str) -> Upload:
        store = self.names if id.startswith(_OF_NAMES) else self.blobs
        return _SplitUpload(self, store, store.resume(id.removeprefix(_OF_NAMES)))

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        return self.of(key).url(key, seconds, method=method, content_type=content_type)

    def copy(self, source: str, target: str) -> None:
        check_key(target)
        if self.of(source) is self.of(target):
            self.of(source).copy(source, target)
        else:
            bring(self.of(source), source, self.of(target), target)

    def origin(self, key: str) -> Origin | None:
        return self.of(key).origin(key)

    def take(self, origin: Origin, target: str) -> bool:
        return self.of(target).take(origin, target)

    def remember(self, key: str, data: bytes) -> None:
        self.of(key).remember(key, data)

    def known(self, key: str) -> bytes | None:
        return self.of(key).known(key)

    @property
    def spool(self) -> str:
        return self.blobs.spool

    def check(self) -> None:
        self.names.check()
        self.blobs.check()

    def setup(self, *, rotate: bool = False) -> list[str]:
        return self.names.setup(rotate=rotate) + self.blobs.setup(rotate=rotate)

    def sweep(self, seconds: float) -> int:
        return self.names.sweep(seconds) + self.blobs.sweep(seconds)

    def close(self) -> None:
        self.names.close()
        self.blobs.close()


class _SplitUpload(WrappedUpload):
    """An upload to one of the two; its object may be wanted in the other."""

    def __init__(self, split: SplitStore, store: Store, inner: Upload) -> None:
        super().__init__(inner)
        self._split = split
        self._store = store

    @property
    def id(self) -> str:
        return f'{_OF_NAMES if self._store is self._split.names else ""}{self.inner.id}'

    def finish(self, parts: Sequence[Part], key: str) -> None:
        check_key(key)
        target = self._split.of(key)
        if target is self._store:
            self.inner.finish(parts, key)
            return
        between = f'uploads/{secrets.token_hex(16)}/data-between'
        self.inner.finish(parts, between)
        bring(self._store, between, target, key)
        self._store.delete([between])
