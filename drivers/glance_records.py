"""What the `glance` driver writes into the store of names for each object: which image has its bytes, or the bytes."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

from objreg.store import Refused


@dataclass(frozen=True)
class Record:
    """The one truth of what an object is: an image that no record names belongs to no object."""

    id: str
    """Of the image; and another one for each time that the object is written, so that it is the etag."""
    size: int
    data: bytes | None = None
    """The bytes, where there is no image."""

    @classmethod
    def here(cls, data: bytes) -> Record:
        """Of an object that is so small that the record holds it."""
        return cls(str(uuid.uuid4()), len(data), data)

    def dump(self) -> bytes:
        """A line of JSON, and behind it the bytes."""
        head = {'id': self.id, 'size': self.size, 'in': 'image' if self.data is None else 'record'}
        return json.dumps(head).encode() + b'\n' + (self.data or b'')

    @classmethod
    def load(cls, text: bytes, key: str) -> Record:
        """The other way round; `Refused` where something else lies there."""
        head, _, data = text.partition(b'\n')
        try:
            told = json.loads(head)
            here = {'image': False, 'record': True}[told['in']]
            record = cls(str(uuid.UUID(told['id'])), int(told['size']), data if here else None)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Refused(f'{key}: not a record of this driver; mend names or large') from error
        if here and len(data) != record.size:
            raise Refused(f'{key}: its record is damaged')
        return record
