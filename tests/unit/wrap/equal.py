"""A store that is as strict with parts as the strictest of the remote ones."""

from __future__ import annotations

from collections.abc import Sequence

from objreg.drivers.memory import MemoryStore
from objreg.store import CHUNK, Capabilities, Part, Refused, Upload
from objreg.wrap.base import WrappedUpload


class EqualParts(MemoryStore):
    """Wants parts of equal size, as remote stores do, the strictest of them."""

    capabilities = Capabilities(conditional_put=True, min_part=CHUNK)

    def resume(self, id: str) -> Upload:
        return _EqualUpload(super().resume(id))


class _EqualUpload(WrappedUpload):
    def finish(self, parts: Sequence[Part], key: str) -> None:
        sizes = [part.size for part in parts]
        if len(parts) > 1 and (len({*sizes[:-1]}) > 1 or sizes[0] < CHUNK or sizes[-1] > sizes[0]):
            raise Refused(f'{key}: parts of unequal size')
        self.inner.finish(parts, key)
