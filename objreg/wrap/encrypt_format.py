"""The objects that ``encrypt`` writes: a row of sealed chunks and nothing else, so that each can be opened by itself.

All chunks but the last hold `CHUNK_SIZE` bytes, and each lies in the bucket as::

    mark       4   b'oge1': the version of this format
    key id     8   which master key, told by the key itself
    object    16   random; the same in all chunks of an object
    salt      16   random; the same in all chunks that one call wrote (an object, or a part of an upload)
    first      4   how many chunks of the object lie before those of that call
    content        as many bytes as are held
    tag       16

The first five are the header.  AES-256-GCM seals a chunk under the key HKDF-SHA256(master key, salt), which nothing
else is ever sealed under; its nonce is its number among the chunks of the call (11 bytes) and whether the object ends
with it (1 byte): the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár (2015), as `age` has it too.  The
header and the object's name are authenticated with it.  Numbers are unsigned, the first byte the most significant one.

So a chunk opens only where it was written: at its place, in its object, at the end only if it is the end.
"""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from objreg.store import Damaged

CHUNK_SIZE = 64 * 1024
"""How many bytes a chunk holds."""
MARK = b'oge1'
KEY = 32
"""Bytes of a master key."""
HEADER = 48
OVERHEAD = HEADER + 16
"""How many bytes a chunk has beyond what it holds."""
SEALED = CHUNK_SIZE + OVERHEAD
"""Bytes of a chunk in the bucket."""
_ID, _OBJECT, _SALT = slice(4, 12), slice(12, 28), slice(28, 44)
_FIRST = slice(44, 48)


def chunks_in(size: int) -> int:
    """How many chunks hold that many bytes; an empty object has one, too."""
    return max(1, -(-size // CHUNK_SIZE))


def sealed_size(size: int) -> int:
    """Bytes in the bucket of an object of that size."""
    return size + chunks_in(size) * OVERHEAD


def plain_size(sealed: int) -> int:
    """Bytes that an object holds that has so many in the bucket."""
    full, rest = divmod(sealed, SEALED)
    return full * CHUNK_SIZE + max(0, rest - OVERHEAD)


class Keyring:
    """Master keys, of which the first seals and all open.  `ValueError` for a text that is no list of keys."""

    def __init__(self, text: str) -> None:
        keys = [_parse(word, number) for number, word in enumerate(text.split(), 1)]
        if not keys:
            raise ValueError('key: needed')
        self._keys = {_derived(key, b'', b'objreg encrypt 1: id', 8): key for key in keys}
        self.newest = next(iter(self._keys))

    def cipher(self, id: bytes, salt: bytes) -> AESGCM | None:
        """What opens and seals the chunks of one call; None for a key that is not here."""
        key = self._keys.get(id)
        return None if key is None else AESGCM(_derived(key, salt, b'objreg encrypt 1: data', KEY))


def _parse(word: str, number: int) -> bytes:
    """A key in hexadecimal or base64; the message shows nothing of it."""
    try:
        key = bytes.fromhex(word) if len(word) == 2 * KEY else base64.b64decode(word, altchars=b'-_', validate=True)
    except (ValueError, binascii.Error):
        key = b''
    if len(key) != KEY:
        raise ValueError(f'key: the {number}. is not {KEY} bytes in base64 or hexadecimal')
    return key


def _derived(key: bytes, salt: bytes, use: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=use).derive(key)


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, 'big') + bytes([is_last])


class Sealer:
    """Seals what one call writes, under a key of its own."""

    def __init__(self, keyring: Keyring, name: str, *, object: bytes = b'', first: int = 0) -> None:
        salt = os.urandom(16)
        self._header = MARK + keyring.newest + (object or os.urandom(16)) + salt + first.to_bytes(4, 'big')
        self._bound = self._header + name.encode()
        cipher = keyring.cipher(keyring.newest, salt)
        assert cipher is not None  # noqa: S101 - it is the newest
        self._cipher = cipher

    def seal(self, number: int, data: bytes | memoryview, *, is_last: bool) -> bytes:
        """The chunk of that number, from 0; never two different ones of the same number."""
        return self._header + self._cipher.encrypt(_nonce(number, is_last), data, self._bound)


class Opener:
    """Opens chunks of the object `key`, one after another, from any one on; `name` is what they are bound to."""

    def __init__(self, keyring: Keyring, key: str, name: str) -> None:
        self._keyring = keyring
        self._key = key
        self._name = name.encode()
        self._header = b''
        self._cipher: AESGCM | None = None

    def open(self, number: int, sealed: memoryview, *, is_last: bool) -> bytes:
        """What the chunk of that number holds; `Damaged` unless all is as it was written."""
        header = bytes(sealed[:HEADER])
        cipher = self._cipher if header == self._header else None
        if cipher is None:
            cipher = self._begin(number, header)
        first = int.from_bytes(header[_FIRST], 'big')
        try:
            return cipher.decrypt(_nonce(number - first, is_last), sealed[HEADER:], header + self._name)
        except (InvalidTag, OverflowError, ValueError) as error:
            raise self._damaged(number, 'does not pass its authentication') from error

    def _begin(self, number: int, header: bytes) -> AESGCM:
        """Go on with what another call wrote."""
        if len(header) < HEADER or not header.startswith(MARK):
            raise self._damaged(number, 'was not written by this driver, or is cut')
        first = int.from_bytes(header[_FIRST], 'big')
        if self._header and (header[_OBJECT] != self._header[_OBJECT] or number != first):
            raise self._damaged(number, 'belongs elsewhere')
        cipher = self._keyring.cipher(header[_ID], header[_SALT])
        if cipher is None:
            raise self._damaged(number, f'needs the key {header[_ID].hex()}, which the option key does not have')
        self._header, self._cipher = header, cipher
        return cipher

    def _damaged(self, number: int, how: str) -> Damaged:
        return Damaged(f'encrypt: {self._key} is damaged: chunk {number} {how}')
