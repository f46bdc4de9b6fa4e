"""The secrets that people and robots hold: their form, and what is kept of them.

A token is ``objreg_<kind>_<id><secret><checksum>``, in letters and digits only: a double click selects all of it, and
whoever scans files for secrets knows it by its beginning and its checksum without asking anybody.  The secret has 160
bits, so that its SHA-256 is enough to keep: there is nothing to guess, hence nothing to slow down.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from typing import NamedTuple

_DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
_ID, _SECRET, _CHECKSUM = 16, 27, 6
KINDS = ('pat', 'robot', 'refresh', 'code')
_FORM = re.compile(
    rf'objreg_({"|".join(KINDS)})_([{_DIGITS}]{{{_ID}}})([{_DIGITS}]{{{_SECRET}}})([{_DIGITS}]{{{_CHECKSUM}}})'
)


class Credential(NamedTuple):
    """A token in its parts."""

    kind: str
    id: str
    secret: str

    def __str__(self) -> str:
        body = f'objreg_{self.kind}_{self.id}{self.secret}'
        return body + _checksum(body)

    @property
    def hash(self) -> str:
        """What is kept of it."""
        return hashlib.sha256(str(self).encode()).hexdigest()

    def is_of(self, hash: str) -> bool:
        """Whether that was kept of this one; in constant time."""
        return hmac.compare_digest(self.hash, hash)


def make(kind: str) -> Credential:
    """A new one."""
    return Credential(kind, _random(_ID), _random(_SECRET))


def parse(text: str) -> Credential | None:
    """The token in that text; None for anything else, such as a password."""
    found = _FORM.fullmatch(text)
    if found is None or not hmac.compare_digest(_checksum(text[:-_CHECKSUM]), found[4]):
        return None
    return Credential(found[1], found[2], found[3])


def _random(length: int) -> str:
    return ''.join(secrets.choice(_DIGITS) for _ in range(length))


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ''
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
