"""The form by which the `qiniu` driver uploads an object: some fields, and a file that is not copied into memory."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Mapping

from objreg.drivers.bodies import Joined, Window, pieces_of


class Form(Joined):
    """A form as a file to be read; its length is known."""

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
        super().__init__(''.join(texts).encode(), data, f'\r\n--{boundary}--\r\n'.encode())


def crc32_of(data: bytes | Window) -> int:
    """What Kodo checks a form's file by; a window is left at its start."""
    found = 0
    for piece in pieces_of(data):
        found = zlib.crc32(piece, found)
    return found
