"""The layout of the bucket as a grammar: what `objreg.keys` draws, written down a second time, to judge keys by."""

from __future__ import annotations

import re

_COMPONENT = r'[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*'
_NAME = rf'{_COMPONENT}(?:/{_COMPONENT})*'
_TAG = r'[A-Za-z0-9_][A-Za-z0-9._-]{0,127}'


def _digest(joint: str) -> str:
    return rf'(?:sha256{joint}[0-9a-f]{{64}}|sha512{joint}[0-9a-f]{{128}})'


_KEYS = [
    r'blobs/(?:sha256/([0-9a-f]{2})/\1[0-9a-f]{62}|sha512/([0-9a-f]{2})/\2[0-9a-f]{126})',
    rf'repositories/{_NAME}/_(?:blobs|manifests)/{_digest("/")}',
    rf'repositories/{_NAME}/_tags/{_TAG}',
    rf'repositories/{_NAME}/_history/{_TAG}/[0-9]{{20}}-{_digest("-")}',
    rf'repositories/{_NAME}/_referrers/{_digest("/")}/{_digest("-")}',
    rf'repositories/{_NAME}/_v1/{_TAG}',
    rf'catalog/{_NAME}',
    rf'images/(?:[0-9a-f]{{16}}|[0-9a-f]{{64}})/{_NAME}',
    r'uploads/[0-9a-f]{32}/(?:[0-9]{20}|data-[0-9a-f]{16}|cancelled|image|layer|announced-[0-9a-f]{32})',
    rf'caches/files/{_digest("/[0-9a-f]{2}/")}',
    r'caches/diffs/([0-9a-f]{2})/\1[0-9a-f]{62}',
    r'system/format',
    r'system/secrets/[0-9]{20}-[0-9a-f]{8}',
    rf'system/usage/{_COMPONENT}',
    r'system/scratch/[0-9a-f]{32}/.+',
]
_KNOWN = [re.compile(pattern, re.ASCII) for pattern in _KEYS]


def is_of_layout(key: str) -> bool:
    """Whether a key is one that the documented layout has."""
    return any(pattern.fullmatch(key) for pattern in _KNOWN)
