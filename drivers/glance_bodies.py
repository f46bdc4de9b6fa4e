"""What the `glance` driver sends: a body as it comes, of which nothing is kept."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from objreg.drivers.bodies import is_seekable
from objreg.store import Body, chunks_of


class Source:
    """Chunks on their way to the server; with a length where it is known, which requests finds as `len`."""

    def __init__(self, body: Body, size: int | None) -> None:
        self._size = len(body) if size is None and isinstance(body, bytes) else size
        if isinstance(body, bytes):
            body = io.BytesIO(body)
        self._body = body
        file: Any = body
        self._start: int | None = file.tell() if is_seekable(body) else None
        if self._size is not None:
            self.len = self._size
        self.sent = 0
        """How many bytes went."""
        self.failed: BaseException | None = None
        """What the body raised, which is not for the libraries below to put into other words."""

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in chunks_of(self._body, self._size):
                self.sent += len(chunk)
                yield chunk
        except GeneratorExit:
            raise
        except BaseException as error:
            self.failed = error
            raise

    def rewind(self) -> bool:
        """Begin again; false where that cannot be."""
        if self._start is None:
            return False
        file: Any = self._body
        file.seek(self._start)
        self.sent = 0
        return True
