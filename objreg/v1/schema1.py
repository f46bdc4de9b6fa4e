"""Docker image manifest version 2, schema 1: images of the first version in one document, the topmost first.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from objreg import libtrust
from objreg import manifest as manifests
from objreg.errors import DigestInvalid, ManifestInvalid
from objreg.names import Digest
from objreg.v1.from_v2 import NoImages
from objreg.v1.image import EMPTY_DIGEST, MOST_JSON, Image, ImageInvalid, dump, is_id, parent_of

SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
UNSIGNED = 'application/vnd.docker.distribution.manifest.v1+json'

MOST_STEPS = 500
"""Images that one document may have."""


class Step(NamedTuple):
    """An image as such a document has it: its own JSON, and the digest of its layer."""

    id: str
    json: bytes
    layer: Digest


class Schema1(NamedTuple):
    """What such a document says: the digest that it is known by, and its images, the topmost first."""

    digest: Digest
    architecture: str
    steps: list[Step]


def is_schema1(data: bytes) -> bool:
    """Whether a body of which nobody says what it is is of this schema."""
    try:
        return b'"fsLayers"' in data and manifests.load(data).get('schemaVersion') == 1
    except ManifestInvalid:
        return False


def parse(data: bytes, name: str, tag: str) -> Schema1:
    """Read what is pushed to that tag, signed or not; raises MANIFEST_INVALID."""
    document = manifests.load(data)
    if 'signatures' in document:
        data = libtrust.payload_of(data)
        document = manifests.load(data)
    if document.get('schemaVersion') != 1 or document['schemaVersion'] is True:
        raise ManifestInvalid('schemaVersion is not 1')
    if (document.get('name'), document.get('tag')) != (name, tag):
        raise ManifestInvalid('its name and tag are not those that it is pushed to')
    architecture = document.get('architecture') or ''
    if not isinstance(architecture, str):
        raise ManifestInvalid('architecture is a string')
    layers = [_field(one, 'fsLayers', 'blobSum') for one in _list(document, 'fsLayers')]
    texts = [_field(one, 'history', 'v1Compatibility') for one in _list(document, 'history')]
    if len(layers) != len(texts):
        raise ManifestInvalid(f'it has {len(layers)} fsLayers and {len(texts)} steps of history')
    if not 0 < len(texts) <= MOST_STEPS:
        raise ManifestInvalid(f'it has {len(texts)} steps of history; 1 to {MOST_STEPS} are allowed')
    return Schema1(Digest.of(data), architecture, _chain(texts, layers))


def _chain(texts: list[str], layers: list[str]) -> list[Step]:
    steps: list[Step] = []
    parent = ''
    for text, layer in reversed(list(zip(texts, layers, strict=True))):
        steps.append(_step(text, layer, parent))
        parent = steps[-1].id
    if len({step.id for step in steps}) < len(steps):
        raise ManifestInvalid('history: an id is there twice')
    return steps[::-1]


def _step(text: str, layer: str, parent: str) -> Step:
    """One image, whose parent is that of the image below it."""
    try:
        data = text.encode()
        digest = Digest.parse(layer)
        if digest.algorithm != 'sha256':
            raise ManifestInvalid('fsLayers: digests of this schema are by sha256')
        document = manifests.load(data)
        id = document.get('id')
        if not isinstance(id, str) or not is_id(id):
            raise ManifestInvalid('history: an image has no id')
        if parent_of(document, id) != parent:
            raise ManifestInvalid(f'history: the parent of {id} is not the image below it')
    except (ImageInvalid, UnicodeEncodeError) as error:
        raise ManifestInvalid(f'history: {error}') from error
    except DigestInvalid as error:
        raise ManifestInvalid('fsLayers: not a digest') from error
    if len(data) > MOST_JSON:
        raise ManifestInvalid(f'history: an image has more than {MOST_JSON} bytes')
    if document.get('throwaway') and digest != EMPTY_DIGEST:  # some clients would leave it out, others not
        raise ManifestInvalid(f'history: {id} is thrown away, and has a layer')
    return Step(id, data, digest)


def _list(document: dict[str, Any], field: str) -> list[Any]:
    value = document.get(field)
    if not isinstance(value, list):
        raise ManifestInvalid(f'{field} is a list')
    return value


def _field(entry: Any, field: str, name: str) -> str:
    value = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(value, str):
        raise ManifestInvalid(f'{field}: each has a {name}')
    return value


def payload_of(images: Sequence[Image], name: str, tag: str) -> bytes:
    """The document without signatures, of images that come with all their ancestors, the topmost first.

    Byte for byte what Docker's registry up to 2.8 makes of the same manifest.  Raises `NoImages` for what clients of
    this schema cannot unpack.
    """
    if any('zstd' in image.layer.media_type for image in images):
        raise NoImages('it has layers that are packed by zstd')
    architecture = images[0].document().get('architecture', '')
    if not isinstance(architecture, str):
        raise NoImages('its architecture is no text')
    try:
        history = [{'v1Compatibility': image.json.decode()} for image in images]
    except UnicodeDecodeError as error:
        raise NoImages('its configuration is no text') from error
    return dump({
        'schemaVersion': 1, 'name': name, 'tag': tag, 'architecture': architecture,
        'fsLayers': [{'blobSum': image.layer.digest} for image in images],
        'history': history,
    }, indent=3)
