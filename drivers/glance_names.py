"""What an administrator sees of the images of the `glance` driver: their names and properties."""

from __future__ import annotations

import re
from urllib.parse import quote

BUCKET = 'objreg_bucket'
"""The property that tells whose image it is."""
KEY = 'objreg_key'
"""The property that tells the key of an object, percent-encoded."""
_CONTENT = re.compile('blobs/([^/]+)/[^/]+/([0-9a-f]+)')
_LONGEST = 255
_PROPERTY = re.compile('[a-z][a-z0-9_]*')


def named(key: str) -> str:
    """What the image of an object is called: by the digest, or else by the key."""
    found = _CONTENT.fullmatch(key)
    return f'{found[1]}:{found[2]}' if found else quote(key, safe='/ :+=')[:_LONGEST]


def property_of(text: str) -> tuple[str, str]:
    """The name and the value of one that was written as an option."""
    name, colon, value = (part.strip() for part in text.partition(':'))
    if not colon or not _PROPERTY.fullmatch(name) or name.startswith('objreg_'):
        raise ValueError(f'properties: {text.strip()!r} is not a name, a colon and a value')
    return name, value
