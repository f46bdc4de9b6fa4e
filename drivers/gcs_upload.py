"""Uploads of the `gcs` driver: parts are objects of their own, which the server puts together.

Cloud Storage has three ways to write an object in pieces, and this is why it is `compose`:

- A *resumable upload* is one stream: its pieces cannot be written at once, nor in any order.
- A *multipart upload* of the XML API has its key from the start, and objreg knows the digest of a stream, hence the
  key, at the end only: a copy and a deletion more.  No emulator speaks it.
- *compose* makes the object under any key, moves no bytes and looks at its sources by name, so any process can go on.
  It takes 32 sources; more are put together by 32 first, in parallel: an upload of n parts is about n / 31 calls to
  put together, 1 for up to 32, and 1 for each hundred parts to delete them.

A part is ``/parts/<upload>/<number>-<random>``, which is no key: two writers of one number write two parts, and
`finish` names one of them.  No listing shows parts; they go with `finish` and `abort`, and what is left behind by
those that are not called goes by a rule of the bucket, or by `sweep`.

The object carries, as metadata, the name of its upload and a digest of its parts.  By it a `finish` that is tried
again, because the answer to the first was lost, tells its own success from an upload that never was.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from objreg.drivers.bodies import prepared
from objreg.store import Body, NotFound, Part, Refused, StoreError, Upload, check_key, check_parts

if TYPE_CHECKING:
    from objreg.drivers.gcs import GcsStore

PARTS = '/parts/'
"""What the names of parts begin with: no key does."""
SOURCES = 32
"""How many objects a compose takes."""
_AT_ONCE = 8
"""Requests that put parts together at the same time."""
_ID = re.compile('[0-9a-f]{32}')
_ETAG = re.compile('[0-9a-f]{16}')
_MADE_OF = 'objreg-upload'


class GcsUpload(Upload):
    """The parts of one object to come."""

    def __init__(self, store: GcsStore, token: str, *, new: bool) -> None:
        self._store = store
        self._token = token
        self._is_empty = new

    @classmethod
    def new(cls, store: GcsStore) -> GcsUpload:
        """One of which nothing is written."""
        return cls(store, secrets.token_hex(16), new=True)

    @classmethod
    def of(cls, store: GcsStore, id: str) -> GcsUpload:
        """What another process began."""
        if not _ID.fullmatch(id):
            raise Refused(f'{store.name}: resume {id[:80]!r}: not the id of an upload')
        return cls(store, id, new=False)

    @property
    def id(self) -> str:
        return self._token

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        if not 1 <= number <= self._store.capabilities.max_parts:
            raise Refused(f'{self._store.name}: write part {number}: there are too many')
        part = Part(number, 0, secrets.token_hex(8))
        with prepared(body, size) as (data, length):
            self._is_empty = False
            self._store.write(self._name(part), data, {})
        return part._replace(size=length)

    def finish(self, parts: Sequence[Part], key: str) -> None:
        check_key(key)
        check_parts(parts, f'{self._store.name}: finish {key!r}')
        sources = [self._name(part) for part in parts if part.size]
        made_of = {_MADE_OF: f'{self._token}.{_digest(parts)}'}
        written = [self._name(part) for part in parts]
        try:
            written += self._put_together(sources, key, made_of)
        except StoreError as error:
            # Google answers 404 where a source is missing; emulators answer 500
            if getattr(error.__cause__, 'code', 0) not in (404, 500) or not self._is_over(sources, key, made_of, error):
                raise
        self._store.delete_names(written)

    def abort(self) -> None:
        if not self._is_empty and _ID.fullmatch(self._token):
            self._store.delete_names(self._names())

    @property
    def _folder(self) -> str:
        return f'{PARTS}{self._token}/'

    def _name(self, part: Part) -> str:
        if not _ETAG.fullmatch(part.etag):
            raise Refused(f'{self._store.name}: finish: part {part.number} is not of this store')
        return f'{self._folder}{part.number:05d}-{part.etag}'

    def _names(self) -> list[str]:
        return [name for page in self._store.pages_under(self._folder) for name, _ in page]

    def _put_together(self, names: list[str], key: str, made_of: dict[str, str]) -> list[str]:
        """Make the object of these parts, which may be none; the names of what was made on the way."""
        between: list[str] = []
        if not names:
            self._store.write(key, b'', made_of)
            return between
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while len(names) > SOURCES:
                groups = [names[at:at + SOURCES] for at in range(0, len(names), SOURCES)]
                names = [
                    group[0] if len(group) == 1 else f'{self._folder}joined-{secrets.token_hex(8)}' for group in groups
                ]
                made = [(name, group) for name, group in zip(names, groups, strict=True) if len(group) > 1]
                between += [name for name, _ in made]
                for done in [pool.submit(self._store.compose, group, name, {}) for name, group in made]:
                    done.result()
        self._store.compose(names, key, made_of)
        return between

    def _is_over(self, sources: list[str], key: str, made_of: dict[str, str], error: StoreError) -> bool:
        """After a failed `finish`: whether `key` came of these parts before; `Refused` if they are gone otherwise."""
        try:
            if self._store.metadata(key).get(_MADE_OF) == made_of[_MADE_OF]:
                return True
        except NotFound:
            pass
        if not set(sources) <= set(self._names()):
            raise Refused(f'{self._store.name}: finish {key!r}: the store knows no such upload') from error
        return False


def _digest(parts: Sequence[Part]) -> str:
    return hashlib.sha256(''.join(part.etag for part in parts).encode()).hexdigest()[:16]
