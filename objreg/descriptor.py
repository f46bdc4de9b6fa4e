"""OCI content descriptors: the small JSON files that the bucket is made of.  Pure, no I/O.

image-spec 1.1 "Content Descriptors".  The standard field ``data`` carries a manifest's bytes in base64.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from objreg.names import Digest

OCTETS = 'application/octet-stream'


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What is said of content: its type, digest and size in bytes; for manifests also what referrers are told."""

    media_type: str
    digest: Digest
    size: int
    artifact_type: str = ''
    annotations: Mapping[str, str] | None = None
    platform: Mapping[str, Any] | None = None
    urls: tuple[str, ...] = ()
    data: bytes | None = None

    def as_json(self) -> dict[str, Any]:
        """The JSON object of the specification, fields that are empty left out."""
        fields: dict[str, Any] = {'mediaType': self.media_type, 'digest': str(self.digest), 'size': self.size}
        if self.artifact_type:
            fields['artifactType'] = self.artifact_type
        if self.annotations:
            fields['annotations'] = dict(self.annotations)
        if self.platform:
            fields['platform'] = dict(self.platform)
        if self.urls:
            fields['urls'] = list(self.urls)
        if self.data is not None:
            fields['data'] = b64encode(self.data).decode()
        return fields

    def dump(self) -> bytes:
        """The bytes of a small file."""
        return json.dumps(self.as_json(), separators=(',', ':')).encode()


def blob(digest: Digest, size: int) -> Descriptor:
    """The membership of a blob: the same bytes whoever writes it."""
    return Descriptor(OCTETS, digest, size)


class Malformed(ValueError):
    """It is not a descriptor; the message says what is wrong with it."""


def load(data: bytes) -> Descriptor:
    """Read a small file that objreg wrote; raises `Malformed`."""
    try:
        return parse(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise Malformed(f'not a descriptor: {error}') from error


def parse(value: Any) -> Descriptor:
    """Read a descriptor out of anyone's JSON; raises `Malformed` or the errors of `Digest.parse`."""
    if not isinstance(value, dict):
        raise Malformed('a descriptor is a JSON object')
    media_type, digest, size = value.get('mediaType'), value.get('digest'), value.get('size')
    if not isinstance(media_type, str) or not isinstance(digest, str):
        raise Malformed('a descriptor needs mediaType and digest')
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 63:
        raise Malformed('a descriptor needs a size in bytes')
    if len(value) == 3:
        return Descriptor(media_type, Digest.parse(digest), size)
    artifact_type, annotations = value.get('artifactType', ''), value.get('annotations')
    platform, urls = value.get('platform'), value.get('urls') or ()
    if not isinstance(artifact_type, str) or not _is_text_map(annotations):
        raise Malformed('artifactType is a string, annotations are strings by name')
    if not _is_platform(platform) or not _is_text_list(urls):
        raise Malformed('platform is an object of strings and lists of strings, urls are strings')
    data = value.get('data')
    return Descriptor(
        media_type, Digest.parse(digest), size, artifact_type, annotations or None, platform or None, tuple(urls),
        None if data is None else _decode(data),
    )


def _is_text_map(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(text, str) for text in value.values()))


def _is_platform(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict) and all(isinstance(field, str) or _is_text_list(field) for field in value.values())
    )


def _is_text_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)


def _decode(data: Any) -> bytes:
    if not isinstance(data, str):
        raise Malformed('data is a string in base64')
    try:
        return b64decode(data, validate=True)
    except (Base64Error, ValueError) as error:
        raise Malformed(f'data is not base64: {error}') from error
