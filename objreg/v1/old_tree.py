"""What the first registry's tree holds, read image by image as it is asked for; nothing is listed beforehand.

The keys are those of `objreg.imports.tree_v1`.  An image belongs to the repositories whose tags lead to it: nobody
reads one of a repository that is not his by knowing an id, as the first registry let him.
"""

from __future__ import annotations

import json
import re
from threading import Lock
from urllib.parse import quote, quote_plus, unquote

from cachetools import TTLCache

from objreg.store import Content, NotFound, Store
from objreg.v1.errors import V1Error
from objreg.v1.image import MOST_ANCESTORS, MOST_JSON, is_id

_SHORT = 4096
_REPOSITORIES, _SECONDS = 1000, 300.0
"""Repositories of which it is remembered what they hold, and for how long."""


class OldTree:
    """The tree below `root` in a store."""

    def __init__(self, store: Store, root: str = '') -> None:
        self._store = store
        self._base = f'{root.strip("/")}/' if root.strip('/') else ''
        self._holds: TTLCache[str, frozenset[str]] = TTLCache(_REPOSITORIES, _SECONDS)
        self._lock = Lock()

    # Repositories, by the names that the second version has

    def tags(self, name: str) -> dict[str, str]:
        """The id of each tag: one listing, and a read each; empty where there is no such repository."""
        prefix = f'{self._repository(name)}tag_'
        found = {}
        for entry in self._store.list(prefix):
            quoted = entry.key.removeprefix(prefix)
            id = self.tagged(name, unquote(quoted)) if '/' not in quoted else ''
            if id:
                found[unquote(quoted)] = id
        return found

    def tagged(self, name: str, tag: str) -> str:
        """What a tag names; '' for nothing."""
        text = self._read(f'{self._repository(name)}tag_{quote(tag, safe="")}', _SHORT).decode(errors='replace').strip()
        return text if is_id(text) else ''

    def is_private(self, name: str) -> bool:
        """Whether that registry took it for private."""
        return self._store.has(f'{self._repository(name)}_private')

    def holds(self, name: str, id: str) -> bool:
        """Whether a tag of the repository leads to that image, as of some minutes ago."""
        with self._lock:
            known = self._holds.get(name)
        if known is None:
            known = frozenset(one for top in set(self.tags(name).values()) for one in self.ancestry(top))
            with self._lock:
                self._holds[name] = known
        return id in known

    # Images

    def json(self, id: str) -> bytes:
        """The very bytes; b'' where there is none."""
        return self._read(self._image(id, 'json'), MOST_JSON)

    def ancestry(self, id: str) -> list[str]:
        """It and its ancestors, itself first; empty where there is none."""
        try:
            found = json.loads(self._read(self._image(id, 'ancestry'), MOST_JSON) or b'[]')
        except (ValueError, RecursionError):
            return []
        is_one = isinstance(found, list) and len(found) <= MOST_ANCESTORS
        return found if is_one and all(isinstance(one, str) and is_id(one) for one in found) else []

    def checksums(self, id: str) -> list[str]:
        """Those that are kept of it."""
        data = self._read(self._image(id, '_checksum'), MOST_JSON)
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = data.decode(errors='replace').strip()
        sums = found if isinstance(found, list) else [found]
        return [one for one in sums if isinstance(one, str) and re.fullmatch('[a-z0-9.+]+:[0-9a-f]+', one)]

    def is_in_progress(self, id: str) -> bool:
        """Whether its push has not ended."""
        return self._store.has(self._image(id, '_inprogress'))

    def layer_size(self, id: str) -> int:
        """Of its layer, in bytes; raises `NotFound`."""
        return self._store.stat(self._image(id, 'layer')).size

    def layer(self, id: str, start: int = 0, end: int | None = None) -> Content:
        """The bytes; raises `NotFound`, and `Refused` beyond the last one."""
        return self._store.get(self._image(id, 'layer'), start, end)

    def _image(self, id: str, name: str) -> str:
        return f'{self._base}images/{id}/{name}'

    def _repository(self, name: str) -> str:
        """The prefix of a repository; what follows the namespace was quoted twice there."""
        namespace, slash, rest = name.partition('/')
        if not slash:
            namespace, rest = 'library', name
        return f'{self._base}repositories/{quote(namespace, safe="")}/{quote(quote_plus(rest), safe="")}/'

    def _read(self, key: str, most: int) -> bytes:
        try:
            content = self._store.get(key)
        except NotFound:
            return b''
        with content:
            if content.size > most:
                raise V1Error(400, f'{key.rpartition("/")[2]} is longer than {most} bytes')
            return content.read()
