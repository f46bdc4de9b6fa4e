"""Manifests: what is accepted, and what they name.  Pure, no I/O.

image-spec 1.1 "Image Manifest" and "Image Index"; Docker image manifest version 2, schema 2.  The bytes are kept as
they came; `parse` only looks at them.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from objreg.descriptor import Descriptor, Malformed
from objreg.descriptor import parse as parse_descriptor
from objreg.errors import ManifestInvalid
from objreg.names import Digest

OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
SCHEMA_1 = frozenset({
    'application/vnd.docker.distribution.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.v1+prettyjws',
})
IMAGES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
_GENERIC = frozenset({'', 'application/json', 'application/octet-stream'})
EMPTY_CONFIG = 'application/vnd.oci.empty.v1+json'
MAX_DEPTH = 64
"""How deep the objects and lists of a manifest may lie in each other; a reader with less stack must not fail on it."""

_FIELDS = (
    'annotations', 'artifactType', 'blobs', 'config', 'layers', 'manifests', 'mediaType', 'schemaVersion', 'subject',
)
_FOLDED = {field.casefold(): field for field in _FIELDS}
_MEDIA_TYPE = re.compile(r'application/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}', re.ASCII)
"""RFC 6838, less what a browser would render: a manifest is served from here with the type that its author chose."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says: its type, the blobs and manifests it names, its subject, and what referrers are told."""

    media_type: str
    blobs: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str
    annotations: dict[str, str] | None


def parse(data: bytes, content_type: str = '', *, max_children: int = 2000) -> Manifest:
    """Read a manifest; `content_type` is what the client called it.  Raises MANIFEST_INVALID with the reason."""
    document = _load(data)
    media_type = _media_type(document, content_type)
    try:
        blobs, manifests = _children(document, media_type)
        subject = document.get('subject')
        subject = None if subject is None else parse_descriptor(subject)
    except Malformed as error:
        raise ManifestInvalid(str(error)) from error
    if len(blobs) + len(manifests) > max_children:
        raise ManifestInvalid(f'it names {len(blobs) + len(manifests)} things; {max_children} at most are allowed')
    for child in (*blobs, *manifests):
        if child.data is not None and (len(child.data) != child.size or not child.digest.is_of(child.data)):
            raise ManifestInvalid(f'the data field of {child.digest} does not match its digest and size')
    return Manifest(
        media_type, tuple(blobs), tuple(manifests), subject, _artifact_type(document, media_type),
        _annotations(document),
    )


def of_stored(stored: Descriptor) -> Manifest:
    """What a manifest says that was accepted before: its bytes are in `data`, and it may name as much as it does."""
    return parse(stored.data or b'', stored.media_type, max_children=1 << 30)


def load(data: bytes) -> dict[str, Any]:
    """A JSON object in which every reader sees the same (CVE-2021-41190 is about two that did not).

    Raises MANIFEST_INVALID.
    """
    try:
        document = json.loads(
            data.decode(), object_pairs_hook=_unique, parse_float=_number, parse_constant=_number,
        )
        _check_depth(data, document)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f'not JSON: {str(error)[:200]}') from error
    if not isinstance(document, dict):
        raise ManifestInvalid('a manifest is a JSON object')
    return document


def _load(data: bytes) -> dict[str, Any]:
    document = load(data)
    for name in document:
        meant = _FOLDED.get(name.casefold(), name)
        if meant != name:  # Go's readers take one for the other
            raise ManifestInvalid(f'write {meant}, not {name}')
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError('a name stands twice in one object')
    return fields


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f'{text[:20]} is no number')
    return number


def _check_depth(data: bytes, document: Any) -> None:
    if data.count(b'[') + data.count(b'{') <= MAX_DEPTH:
        return
    level = [document]
    for _ in range(MAX_DEPTH):
        inner = (value.values() if isinstance(value, dict) else value for value in level)
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
    if level:
        raise ValueError(f'more than {MAX_DEPTH} objects and lists in each other')


def _media_type(document: dict[str, Any], content_type: str) -> str:
    """The one type that the header and the document agree on."""
    said = content_type.partition(';')[0].strip()
    stated = document.get('mediaType')
    if stated is not None and not isinstance(stated, str):
        raise ManifestInvalid('mediaType is a string')
    if said in SCHEMA_1 or stated in SCHEMA_1 or document.get('schemaVersion') == 1:
        raise ManifestInvalid(
            'schema 1 manifests are not accepted: push with Docker 1.10 or newer, '
            'or convert with "skopeo copy --format v2s2"'
        )
    if said.lower() in _GENERIC:
        said = stated or _guess(document)
    if stated is not None and stated != said:
        raise ManifestInvalid(f'Content-Type is {said!r} and mediaType is {stated!r}')
    if not _MEDIA_TYPE.fullmatch(said):
        raise ManifestInvalid('say what it is, by a Content-Type or mediaType that begins with application/')
    if said in IMAGES | INDEXES and document.get('schemaVersion') != 2:
        raise ManifestInvalid('schemaVersion is not 2')
    if said not in IMAGES | INDEXES and stated is None:
        raise ManifestInvalid(f'a manifest of the unknown type {said!r} has to say its mediaType')
    return said


def _guess(document: dict[str, Any]) -> str:
    if isinstance(document.get('manifests'), list):
        return OCI_INDEX
    return OCI_MANIFEST if 'config' in document and 'layers' in document else ''


def _children(document: dict[str, Any], media_type: str) -> tuple[list[Descriptor], list[Descriptor]]:
    """Blobs and manifests that are named; a document is one of an image and an index, never both."""
    is_image = 'layers' in document or 'config' in document
    is_index = 'manifests' in document
    if (is_image and is_index) or (is_index and media_type in IMAGES) or (is_image and media_type in INDEXES):
        raise Malformed('a manifest names layers or manifests, not both')
    if media_type in INDEXES:
        if not is_index:
            raise Malformed('an index needs manifests')
    elif media_type in IMAGES and (document.get('config') is None or 'layers' not in document):
        raise Malformed('an image manifest needs config and layers')
    blobs = [parse_descriptor(document['config'])] if document.get('config') is not None else []
    for field in ('layers', 'blobs'):
        blobs += map(parse_descriptor, _list(document, field))
    return blobs, list(map(parse_descriptor, _list(document, 'manifests')))


def _list(document: dict[str, Any], field: str) -> list[Any]:
    value = document.get(field)
    if value is None:
        value = []
    if not isinstance(value, list):
        raise Malformed(f'{field} is a list')
    return value


def _artifact_type(document: dict[str, Any], media_type: str) -> str:
    """distribution-spec 1.1 "Listing Referrers": artifactType, else the config's type for an image manifest."""
    stated = document.get('artifactType')
    if stated is not None and not isinstance(stated, str):
        raise ManifestInvalid('artifactType is a string')
    if not stated and media_type in IMAGES:
        stated = document['config']['mediaType']
    return stated or ''


def _annotations(document: dict[str, Any]) -> dict[str, str] | None:
    annotations = document.get('annotations')
    if annotations is None:
        return None
    if not isinstance(annotations, dict) or not all(isinstance(text, str) for text in annotations.values()):
        raise ManifestInvalid('annotations are strings by name')
    return annotations


def is_elsewhere(layer: Descriptor) -> bool:
    """Whether a layer need not be here: it says from where else it comes (foreign, non-distributable layers)."""
    return bool(layer.urls) and ('foreign' in layer.media_type or 'nondistributable' in layer.media_type)


def child_for(index: Manifest, os: str = 'linux', architecture: str = 'amd64') -> Digest | None:
    """The image of an index that an old client, which knows no indexes, is served."""
    for child in index.manifests:
        platform = child.platform or {}
        if platform.get('os') == os and platform.get('architecture') == architecture:
            return child.digest
    return None


def is_accepted(media_type: str, accepted: str) -> bool:
    """Whether an ``Accept`` header (all of them, joined) takes that type; an absent one takes all."""
    if not accepted or media_type in accepted:
        return True
    return any(
        item.partition(';')[0].strip().lower() in ('*/*', 'application/*', media_type) for item in accepted.split(',')
    )


