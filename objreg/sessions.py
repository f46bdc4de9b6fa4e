"""Upload sessions: the signed state that a ``Location`` carries, and the record of what arrived in pieces.

A session that has only begun, or whose bytes already lie under their own digest, is all in the URL and costs no call.
One that came in several pieces has a record ``uploads/<id>/<offset>`` after each: a line of JSON that names the parts,
then the bytes that fill no part yet.  So any node can go on with it, or tell how far it got.
"""

from __future__ import annotations

import json
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

from objreg import keys
from objreg.errors import BlobUploadUnknown
from objreg.names import HEX_LENGTH
from objreg.state import Secrets, Tampered, seal, unseal
from objreg.store import Part

Value = TypeVar('Value')


class Session(NamedTuple):
    """What the URL of an upload says; signed, so it can be believed."""

    id: str
    name: str
    subject: str
    algorithm: str
    started: int
    """Seconds since the epoch."""
    offset: int = 0
    digest: str = ''
    """Hexadecimal: all `offset` bytes so far are content under this digest of `algorithm`; '': see the record."""

    @classmethod
    def new(cls, name: str, subject: str, algorithm: str) -> Session:
        """A session that has only begun."""
        return cls(secrets.token_hex(16), name, subject, algorithm, int(time.time()))

    def sealed(self, known: Secrets) -> str:
        """As text for the URL."""
        return seal(known, self._asdict())


def open_session(known: Secrets, sealed: str, *, id: str, name: str, subject: str, max_seconds: float) -> Session:
    """The session of a URL; BLOB_UPLOAD_UNKNOWN if it is not of this id, repository and user, altered, or too old."""
    try:
        session = Session(**unseal(known, sealed))
    except (Tampered, TypeError) as error:
        raise BlobUploadUnknown(id[:64]) from error
    if (session.id, session.name, session.subject) != (id, name, subject) or session.algorithm not in HEX_LENGTH:
        raise BlobUploadUnknown(id[:64])
    if time.time() - session.started > max_seconds:
        raise BlobUploadUnknown(f'{id}: the upload is too old')
    return session


@dataclass
class Record:
    """The parts of an upload that came in several pieces."""

    key: str
    """Where the upload would be put together, see `keys.upload_data`."""
    upload: str = ''
    """What `Store.resume` takes; '' before the first part."""
    part_size: int = 0
    parts: list[Part] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    """Of the records that were written before, to be deleted at the end."""

    @classmethod
    def new(cls, id: str, part_size: int) -> Record:
        """The record of an upload of which nothing is written."""
        return cls(keys.upload_data(id, secrets.token_hex(8)), part_size=part_size)

    def header(self) -> bytes:
        """The line of JSON."""
        fields = {
            'key': self.key, 'upload': self.upload, 'part_size': self.part_size, 'parts': self.parts,
            'offsets': self.offsets,
        }
        return json.dumps(fields, separators=(',', ':')).encode() + b'\n'

    @classmethod
    def load(cls, data: bytes) -> tuple[Record, bytes]:
        """The record, and the bytes behind it that fill no part."""
        header, _, tail = data.partition(b'\n')
        fields: dict[str, Any] = json.loads(header)
        fields['parts'] = [Part(*part) for part in fields['parts']]
        return cls(**fields), tail

    def fingerprint(self) -> tuple[str, ...]:
        """What identifies the very bytes of all parts."""
        return (self.key, *(part.etag for part in self.parts))


class Recent(Generic[Value]):
    """The last `limit` things that this node knows of uploads; nothing depends on their being there."""

    def __init__(self, limit: int = 4096) -> None:
        self._values: OrderedDict[Any, Value] = OrderedDict()
        self._limit = limit
        self._lock = Lock()

    def __setitem__(self, key: Any, value: Value) -> None:
        with self._lock:
            self._values[key] = value
            if len(self._values) > self._limit:
                self._values.popitem(last=False)

    def get(self, key: Any) -> Value | None:
        """The value, or None."""
        return self._values.get(key)
