"""Repository names, tags and digests: their grammars and value types.

OCI distribution-spec 1.1 §"Pulling manifests"; image-spec 1.1 "Digests".
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from objreg.errors import DigestInvalid, NameInvalid, TagInvalid, Unsupported

MAX_NAME = 255
MAX_COMPONENT = 250
"""A component becomes a file name in the `file` driver, and file systems end at 255 bytes."""

_COMPONENT = r'[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*'
_NAME = re.compile(rf'{_COMPONENT}(?:/{_COMPONENT})*', re.ASCII)
_TAG = re.compile(r'[A-Za-z0-9_][A-Za-z0-9._-]{0,127}', re.ASCII)
_DIGEST = re.compile(r'[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[A-Za-z0-9=_-]+', re.ASCII)
HEX_LENGTH = {'sha256': 64, 'sha512': 128}
"""The algorithms that objreg can verify, and how long their hexadecimal form is."""
_HEX = re.compile(r'[0-9a-f]+', re.ASCII)


def check_name(name: str) -> str:
    """`name` if it is a repository name; raises NAME_INVALID."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise NameInvalid(name[:MAX_NAME])
    if len(name) > MAX_COMPONENT and max(map(len, name.split('/'))) > MAX_COMPONENT:
        raise NameInvalid(name)
    return name


def is_tag(reference: str) -> bool:
    """Whether it has the form of a tag."""
    return _TAG.fullmatch(reference) is not None


def check_tag(tag: str) -> str:
    """`tag` if it is one; raises TAG_INVALID."""
    if not is_tag(tag):
        raise TagInvalid(tag[:128])
    return tag


class Digest(NamedTuple):
    """An algorithm that objreg knows, and lower-case hexadecimal digits of its length."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        return f'{self.algorithm}:{self.hex}'

    def is_of(self, data: bytes) -> bool:
        """Whether `data` has this digest."""
        return hashlib.new(self.algorithm, data).hexdigest() == self.hex

    @classmethod
    def of(cls, data: bytes, algorithm: str = 'sha256') -> Digest:
        """The digest of `data`."""
        return cls(algorithm, hashlib.new(algorithm, data).hexdigest())

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read ``algorithm:hex``; raises DIGEST_INVALID, or UNSUPPORTED for an algorithm that is not known."""
        algorithm, colon, hexadecimal = text.partition(':')
        length = HEX_LENGTH.get(algorithm)
        if length is None:
            if len(text) <= MAX_NAME and _DIGEST.fullmatch(text):
                raise Unsupported(f'digest algorithm {algorithm[:32]!r}: use sha256 or sha512')
            raise DigestInvalid(text[:MAX_NAME])
        if not colon or len(hexadecimal) != length or not _HEX.fullmatch(hexadecimal):
            raise DigestInvalid(text[:MAX_NAME])
        return cls(algorithm, hexadecimal)
