"""The tree of the first registry (docker-registry 0.6 to 0.9, in Python), in a store of any kind::

    <root>/images/<id>/json                            an image's JSON, the very bytes
    <root>/images/<id>/layer                           its layer
    <root>/images/<id>/ancestry                        a list of ids, its own first
    <root>/images/<id>/_checksum                       checksums of JSON and layer, a list (of old, one text)
    <root>/images/<id>/_inprogress                     its push has not ended
    <root>/images/<id>/_files, _diff                   what was derived
    <root>/repositories/<ns>/<repo>/tag_<tag>          an id
    <root>/repositories/<ns>/<repo>/tag<tag>_json      what pushed the tag, and when
    <root>/repositories/<ns>/<repo>/_private           that it is private
    <root>/repositories/<ns>/<repo>/json, _index_images, _images_list   of its index

Components are quoted as in a URL, those of a repository's name twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from urllib.parse import unquote, unquote_plus

from objreg.imports.contents import read_small
from objreg.imports.report import NotTaken, Report
from objreg.store import Content, Store
from objreg.v1 import names
from objreg.v1.errors import V1Error
from objreg.v1.image import MOST_JSON, is_id

_OF_IMAGE = frozenset({'json', 'layer', 'ancestry', '_checksum', '_inprogress', '_files', '_diff'})
_OF_REPOSITORY = frozenset({'json', '_index_images', '_images_list', '_private'})
_SHORT = 4096


@dataclass
class OldTags:
    """A repository: its tags with their keys, those that tell of tags, and whether it is private."""

    name: str
    """As the second version knows it; '' where it knows no such name."""
    shown: str
    """As it is in the tree, for people."""
    tags: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    is_private: bool = False


class TreeV1:
    """The registry below `root`."""

    def __init__(self, store: Store, root: str, report: Report) -> None:
        self.store = store
        self.base = f'{root.strip("/")}/' if root.strip('/') else ''
        self._report = report
        self.images: dict[str, frozenset[str]] = {}
        """What there is of each image, by its id."""

    def look(self) -> None:
        """List the images, and report what is none of that registry's."""
        prefix = f'{self.base}images/'
        known: dict[frozenset[str], frozenset[str]] = {}
        split = (entry.key[len(prefix):].partition('/') for entry in self.store.list(prefix))
        for id, found in groupby(split, lambda parts: parts[0]):
            there = frozenset(rest for _, _, rest in found)
            for strange in sorted(there - _OF_IMAGE):
                self._report.leave(f'{prefix}{id}/{strange}', 'it is no key of that registry')
            if is_id(id):
                self.images[id] = known.setdefault(there, there)
            else:
                self._report.leave(f'{prefix}{id}', 'its name is no id of an image')

    def repositories(self) -> Iterator[OldTags]:
        """All of them, in the order of the listing."""
        prefix = f'{self.base}repositories/'
        keys = (entry.key for entry in self.store.list(prefix))
        for place, found in groupby(keys, lambda key: key[len(prefix):].rpartition('/')[0]):
            namespace, slash, rest = place.partition('/')
            if not slash or '/' in rest:
                for key in found:
                    self._report.leave(key, 'it is no key of that registry')
                continue
            shown = f'{unquote(namespace)}/{unquote_plus(unquote(rest))}'
            yield self._repository(shown, list(found))

    def _repository(self, shown: str, keys: list[str]) -> OldTags:
        try:
            made = OldTags(names.from_path(shown), shown)
        except V1Error:
            made = OldTags('', shown)
        for key in keys:
            name = key.rpartition('/')[2]
            if name.startswith('tag_'):
                made.tags[unquote(name.removeprefix('tag_'))] = key
            if name.startswith('tag') and name.endswith('_json'):
                made.facts[unquote(name.removeprefix('tag').removesuffix('_json'))] = key
            elif name not in _OF_REPOSITORY and not name.startswith('tag_'):
                self._report.leave(key, 'it is no key of that registry')
            made.is_private |= name == '_private'
        return made

    # Images

    def json(self, id: str) -> bytes:
        """Its JSON; raises `NotTaken`."""
        return self._read(self._of(id, 'json'), MOST_JSON)

    def ancestry(self, id: str) -> list[Any] | None:
        """What is said of its ancestry; None where nothing is."""
        if 'ancestry' not in self.images[id]:
            return None
        found = _load(self._read(self._of(id, 'ancestry'), MOST_JSON))
        if not isinstance(found, list):
            raise NotTaken(f'the ancestry of {id} is no list')
        return found

    def checksums(self, id: str) -> list[str]:
        """Those that are kept of it."""
        if '_checksum' not in self.images[id]:
            return []
        data = self._read(self._of(id, '_checksum'), MOST_JSON)
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = data.decode(errors='replace').strip()
        return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, str)]

    def layer_key(self, id: str) -> str:
        """Where its layer lies."""
        return self._of(id, 'layer')

    def layer(self, id: str) -> Content:
        """The bytes; raises `NotFound`."""
        return self.store.get(self.layer_key(id))

    def _of(self, id: str, name: str) -> str:
        return f'{self.base}images/{id}/{name}'

    # Tags

    def tagged(self, key: str) -> str:
        """The id that a tag holds; raises `NotTaken`."""
        text = self._read(key, _SHORT).decode(errors='replace').strip().strip('"')
        if not is_id(text):
            raise NotTaken(f'it holds no id of an image: {text[:80]!r}')
        return text

    def facts(self, key: str) -> dict[str, Any]:
        """What is told of a tag, as far as it can be read."""
        try:
            found = _load(self._read(key, _SHORT))
        except NotTaken:
            return {}
        return found if isinstance(found, dict) else {}

    def _read(self, key: str, most: int) -> bytes:
        return read_small(self.store, key, most)


def _load(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotTaken(f'no JSON: {data[:80]!r}') from error
