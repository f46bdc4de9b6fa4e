"""The form by which the `qiniu` driver uploads an object: some fields, and a file that is not copied into memory."""

from __future__ import annotations

import io
import secrets
import zlib
from collections.abc import Mapping

from objreg.drivers.bodies import Window
from objreg.store import CHUNK


class Form:
    """A form as a file to be read once; its length is known."""

    def __init__(self, fields: Mapping[str, str], data: bytes | Window) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f'multipart/form-data; boundary={boundary}'
        texts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        texts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="object"\r\n'
            'Content-Type: application/octet-stream\r\n\r\n'
        )
        before, after = ''.join(texts).encode(), f'\r\n--{boundary}--\r\n'.encode()
        self._size = len(before) + len(data) + len(after)
        self._left = [io.BytesIO(before), io.BytesIO(data) if isinstance(data, bytes) else data, io.BytesIO(after)]

    def __len__(self) -> int:
        return self._size

    def read(self, size: int | None = -1) -> bytes:
        """At most that many bytes; fewer do not mean the end."""
        while self._left:
            if piece := self._left[0].read(size):
                return piece
            del self._left[0]
        return b''


def crc32_of(data: bytes | Window) -> int:
    """What Kodo checks a form's file by; a window is left at its start."""
    if isinstance(data, bytes):
        return zlib.crc32(data)
    found = 0
    while piece := data.read(CHUNK):
        found = zlib.crc32(piece, found)
    data.seek(0)
    return found
