"""What the layers of one process share: the store, the keys that sign, a few threads, and the version check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from objreg import keys
from objreg.config import ConfigError
from objreg.repository import Repository
from objreg.state import Secrets
from objreg.store import NotFound, Store
from objreg.stores import describe, load_store

FORMAT = 1
"""The version of the bucket's layout that this code writes, and the newest that it reads; docs/layout.md."""

PARALLEL = 16
"""How many small reads of one node may be under way beside its requests."""

Given = TypeVar('Given')
Got = TypeVar('Got')


class Registry:
    """A store with a registry in it.

    `stores` is the path of the file that the store is from, and `where` says where its bytes lie, for people.
    """

    def __init__(self, store: Store, stores: str = '', where: str = '') -> None:
        self.store = store
        self.stores = stores
        self.where = where
        self.secrets = Secrets(store)
        self._threads: ThreadPoolExecutor | None = None
        self._lock = Lock()

    def repository(self, name: str) -> Repository:
        """The repository of that name, which must have been checked; nothing is asked of the store."""
        return Repository(self.store, name, self.each)

    def each(self, function: Callable[[Given], Got], items: Iterable[Given]) -> list[Got]:
        """`function` of each item, at the same time; the first error is raised when all have ended."""
        items = list(items)
        if len(items) < 2:
            return [function(item) for item in items]
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(PARALLEL, 'objreg-read')
        running = [self._threads.submit(function, item) for item in items]
        errors = [future.exception() for future in running]
        for error in errors:
            if error is not None:
                raise error
        return [future.result() for future in running]

    def start(self) -> None:
        """Refuse a bucket from the future, mark a new one, and read the keys: what a node does before it serves."""
        self.store.check()
        try:
            found = _format(self.store.read(keys.FORMAT))
        except NotFound:
            self.store.put(keys.FORMAT, json.dumps({'objreg': FORMAT}).encode())
        else:
            if not isinstance(found, int) or found > FORMAT:
                raise ConfigError(
                    f'the store {self.store.name!r} holds a registry of format {found!r}, and this objreg knows '
                    f'formats up to {FORMAT}: use a newer objreg'
                )
        self.secrets.newest()

    def reload(self) -> None:
        """Read the keys again (SIGHUP)."""
        self.secrets.reload()

    def close(self) -> None:
        """Give back threads and connections."""
        if self._threads is not None:
            self._threads.shutdown()
        self.store.close()


def _format(mark: bytes) -> Any:
    """What the mark of a bucket says; where it cannot be read, the mark itself."""
    try:
        return json.loads(mark)['objreg']
    except (ValueError, LookupError, TypeError):
        return mark[:32]


_open: WeakValueDictionary[tuple[str, str], Registry] = WeakValueDictionary()
_open_lock = Lock()


def open_registry(global_conf: dict[str, str] | None, store: str | None = None) -> Registry:
    """The registry in the store of that name, one object for all layers of a pipeline.

    `global_conf` is Paste Deploy's: `stores` there is the path of stores.yml, relative to the folder `here`, and
    `store` the default name.
    Layers that name the same store of the same file share its connections and caches.
    """
    conf = global_conf or {}
    path = str(Path(conf.get('here', ''), conf.get('stores', 'stores.yml')).resolve())
    name = store or conf.get('store', 'default')
    with _open_lock:
        registry = _open.get((path, name))
        if registry is None:
            try:
                registry = _open[(path, name)] = Registry(load_store(path, name), path, describe(path, name))
            except ConfigError as error:
                raise ConfigError(str(error), is_located=True) from error
        return registry
