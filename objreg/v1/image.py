"""An image as the first version of the API knows it: one layer with an id, a JSON, and a parent.  Pure.

``images/<id>/<repository>`` in the bucket holds one: an id means something in a repository only.  Ids were chosen by
clients, so that whoever knows one could otherwise read it from everywhere, or be the first to take it.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

import msgspec

from objreg.names import Digest

EMPTY_LAYER = bytes.fromhex('1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000')
"""1,024 zeros, the end of a tar archive and nothing else, as gzip: the layer of what changed no file."""
EMPTY_DIGEST = Digest('sha256', 'a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4')
EMPTY_DIFF_ID = Digest('sha256', '5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef')
MOST_ANCESTORS = 1000
MOST_JSON = 1024**2
_ID = re.compile('[0-9a-f]{64}|[0-9a-f]{16}', re.ASCII)
_MOST_DEPTH = 100


class ImageInvalid(ValueError):
    """The text says what is wrong with it, in the words that clients know where they know any."""


class Layer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The bytes of an image: `digest` and `size` as they lie in the bucket; `diff_id` '' where nobody has told it."""

    digest: str
    size: int
    media_type: str
    diff_id: str = ''


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """An image; `ancestry` are the ids of it and its ancestors, itself first.

    `lineage` is one for each chain of layers, see `lineage_of`: two images with the same ids are the same images if
    it is the same.
    `payload` and `tarsum` are the checksums that were verified when a client of the first version pushed it.
    `manifest` is the digest of the one that it is the top of, where a client of the second version pushed that; then
    `is_expanded` says that its ancestors were noted too.
    """

    json: bytes
    layer: Layer
    ancestry: tuple[str, ...]
    lineage: str
    payload: str = ''
    tarsum: str = ''
    manifest: str = ''
    is_expanded: bool = True

    @property
    def id(self) -> str:
        """Its own."""
        return self.ancestry[0]

    @property
    def is_empty(self) -> bool:
        """Whether its layer changes nothing and need not be stored."""
        return self.layer.digest == str(EMPTY_DIGEST)

    def document(self) -> dict[str, Any]:
        """Its JSON, read."""
        return load(self.json)


def lineage_of(layer: str, parent: str = '') -> str:
    """Of an image with a layer of that digest upon a parent of that lineage."""
    return sha256(f'{parent} {layer}'.encode()).hexdigest()


def is_id(text: str) -> bool:
    """Whether it has the form of an image's id."""
    return _ID.fullmatch(text) is not None


def load(data: bytes) -> dict[str, Any]:
    """A JSON object that every reader can read; raises `ImageInvalid`."""
    try:
        document = json.loads(data)
        _check_depth(document)
    except (ValueError, RecursionError) as error:
        raise ImageInvalid('Invalid JSON') from error
    if not isinstance(document, dict):
        raise ImageInvalid('Invalid JSON')
    return document


def parent_of(document: dict[str, Any], id: str) -> str:
    """The parent that the JSON of the image with that id names, '' for a root; raises `ImageInvalid`."""
    if 'id' not in document:
        raise ImageInvalid("Missing key `id' in JSON")
    if document['id'] != id:
        raise ImageInvalid('JSON data contains invalid id')
    parent = document.get('parent')
    if parent is None or parent == '':
        return ''
    if not isinstance(parent, str) or not is_id(parent) or parent == id:
        raise ImageInvalid('JSON data contains invalid parent')
    return parent


def dump(document: Any, *, sort: bool = False, indent: int | None = None) -> bytes:
    """JSON as Go writes it, so that the same image always has the same bytes."""
    separators = (',', ':') if indent is None else (',', ': ')
    text = json.dumps(document, ensure_ascii=False, sort_keys=sort, separators=separators, indent=indent)
    return _as_go_writes(text.encode(errors='surrogatepass'))


def compact(data: bytes) -> bytes:
    """JSON as Go hands it on: in its order and its own spelling, without white space.

    Raises `ImageInvalid`.
    """
    try:
        return _as_go_writes(msgspec.json.format(data, indent=-1))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ImageInvalid('Invalid JSON') from error


def _as_go_writes(data: bytes) -> bytes:
    """What a browser could take for markup or the end of a line, written by its number; it is in strings only."""
    for character in '<>&\u2028\u2029':
        data = data.replace(character.encode(), b'\\u%04x' % ord(character))
    return data


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(_MOST_DEPTH):
        inner = (value.values() if isinstance(value, dict) else value for value in level)
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
        if not level:
            return
    raise ImageInvalid('Invalid JSON')
