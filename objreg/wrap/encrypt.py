"""``encrypt``: whatever is in another store is sealed before it leaves this node, and opened when it comes back.

AES-256-GCM in chunks of 64 KiB, each of which is authenticated at its place, so that a range costs one call and reads
no more than the chunks that it touches.  The store learns names, sizes and times, nothing else.  What was altered, cut,
moved or put together otherwise there is never served: the answer is a 503, or is cut where it has begun, and a line in
the log names the object.

- Names, tags, manifests and all other small objects are bound to their keys too: one cannot pass for another.  Content
  is bound to its digest, by which clients verify it.  That an *older* object lies under the same key cannot be told.
- Sizes grow by 0.1 %.  Copies within the store stay copies.  Clients are never sent to the store by a URL, and bodies
  that wait on this node for their end wait in plain text, in files without names.
- A registry that is there already is not sealed by this: copy it, as below.

Options:

``store``
    The store that is to learn nothing, by its name in ``stores.yml``.  Needed.
``key``
    Master keys, 32 random bytes each in base64 or hexadecimal (``openssl rand -base64 32``), separated by spaces or
    lines: the first one seals, all of them open.  Best in a file (``key_file``).  Whoever loses it loses the registry.
    Needed.

Example::

    bucket:
      driver: s3
      preset: ceph
      endpoint: https://rgw.example.net
      bucket: registry
    default:
      driver: encrypt
      store: bucket
      key_file: /run/secrets/objreg-keys

Another key: put it behind the old one on all nodes, restart them, then before it, and restart them again.  From then
on it seals all that is new.  To be rid of an old key, or to begin or end with encryption, everything has to be written
again, into another bucket, and can be while the registry is in use: as ``mirror-read`` tells.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from objreg import keys as layout
from objreg.store import CHUNK, Body, Content, NotFound, Origin, Page, Part, Refused, Stat, Store, Upload, check_key
from objreg.wrap.base import WrappedStore, WrappedUpload
from objreg.wrap.encrypt_bodies import Opening, sealed_body, window
from objreg.wrap.encrypt_format import CHUNK_SIZE, SEALED, Keyring, Opener, Sealer, chunks_in, plain_size, sealed_size

_MOVED = ('blobs/', 'uploads/')
"""What lies there is written before its key is known, and is found by its digest; all else is bound to its key."""


class EncryptStore(WrappedStore):
    """Seals what goes in, opens what comes out."""

    def __init__(self, *, store: Store, key: str) -> None:
        super().__init__(store)
        self.keyring = Keyring(key)
        inner = store.capabilities
        if inner.part_step > 1:
            raise ValueError(f'store: {store.name!r} is sealed already, or wants parts that sealed ones cannot be')
        self.capabilities = replace(
            inner, min_part=max(CHUNK, chunks_in(inner.min_part) * CHUNK_SIZE), part_step=CHUNK_SIZE,
            max_parts=inner.max_parts - 1, max_put=inner.max_put // SEALED * CHUNK_SIZE, presign=False,
        )

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        number = start // CHUNK_SIZE
        # a byte more than what is needed, unless that is all: it tells whether the object ends there
        until = None if end is None else chunks_in(max(end, start + 1)) * SEALED + 1
        content = self.inner.get(key, number * SEALED, until)
        try:
            goes_on = until is not None and content.size == until - number * SEALED
            chunks = iter(Opening(self._opener(key), content, number, goes_on=goes_on))
            first = next(chunks)
            if not goes_on:
                length = plain_size(number * SEALED + content.size)
                if start and start >= length:
                    raise Refused(f'encrypt: {key}: byte {start} is beyond the end')
                end = length if end is None else min(end, length)
        except BaseException:
            content.close()
            raise
        size = max(0, (end or 0) - start)
        return Content(window(chain((first,), chunks), start - number * CHUNK_SIZE, size), size, close=content)

    def read(self, key: str) -> bytes:
        return b''.join(self._opened(key, memoryview(self.inner.read(key))))

    def newest(self, key: str) -> bytes:
        return b''.join(self._opened(key, memoryview(self.inner.newest(key))))

    def _opened(self, key: str, sealed: memoryview) -> Iterator[bytes]:
        opener = self._opener(key)
        for at in range(0, len(sealed) or 1, SEALED):
            yield opener.open(at // SEALED, sealed[at:at + SEALED], is_last=at + SEALED >= len(sealed))

    def _opener(self, key: str) -> Opener:
        return Opener(self.keyring, key, _bound_to(key))

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        check_key(key)
        size = _size(body, size)
        sealer = Sealer(self.keyring, _bound_to(key))
        if isinstance(body, bytes) and size <= CHUNK_SIZE:
            self.inner.put(key, sealer.seal(0, body[:size], is_last=True), if_absent=if_absent)
            return
        self.inner.put(key, sealed_body(sealer, body, size, is_end=True), sealed_size(size), if_absent=if_absent)

    def stat(self, key: str) -> Stat:
        found = self.inner.stat(key)
        return found._replace(size=plain_size(found.size))

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        found = self.inner.page(prefix, after, delimiter=delimiter, limit=limit, detail=detail)
        return found._replace(entries=[
            entry if entry.size is None else entry._replace(size=plain_size(entry.size)) for entry in found.entries
        ])

    def copy(self, source: str, target: str) -> None:
        if source.startswith(_MOVED) and target.startswith(_MOVED):
            self.inner.copy(source, target)
        else:
            Store.copy(self, source, target)

    def origin(self, key: str) -> Origin | None:
        return None

    def take(self, origin: Origin, target: str) -> bool:
        return Store.take(self, origin, target)

    def upload(self, key: str) -> Upload:
        check_key(key)
        object = os.urandom(16)
        # what is bound to its key is put together elsewhere: an inner upload that ended elsewhere could touch the key
        place = key if key.startswith(_MOVED) else _between(object)
        return _EncryptUpload(self, self.inner.upload(place), object)

    def resume(self, id: str) -> Upload:
        try:
            chunks, object, inner = id.split('.', 2)
            return _EncryptUpload(self, self.inner.resume(inner), bytes.fromhex(object), int(chunks, 16))
        except ValueError as error:
            raise Refused(f'encrypt: not an upload: {id[:80]!r}') from error

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        return None

    @property
    def spool(self) -> str:
        return ''

    def check(self) -> None:
        """Also whether the key opens what is there."""
        self.inner.check()
        try:
            self.read(layout.FORMAT)
        except NotFound:
            return

    def setup(self, *, rotate: bool = False) -> list[str]:
        said = self.inner.setup(rotate=rotate)
        self.check()
        return said

    def remember(self, key: str, data: bytes) -> None:
        """The inner store holds something else."""

    def known(self, key: str) -> bytes | None:
        return None


def _bound_to(key: str) -> str:
    return '' if key.startswith(_MOVED) else key


def _between(object: bytes) -> str:
    """Where the parts of an object are put together that is then bound to its key."""
    return layout.upload_data(object.hex(), 'between')


def _size(body: Body, size: int | None) -> int:
    if not isinstance(body, bytes):
        if size is None:
            raise Refused('encrypt: the size of the body is needed')
        return size
    if size is not None and size > len(body):
        raise Refused(f'the body ended {size - len(body)} bytes before its size')
    return len(body) if size is None else size


class _EncryptUpload(WrappedUpload):
    """Parts that are sealed each by itself, as chunks of one object.

    `chunks` is how many the first part has, and so each but the last; 0 until it was written.  The last part is known
    by being smaller; one that is not is followed by an empty chunk, which says that there is the end.
    """

    def __init__(self, store: EncryptStore, inner: Upload, object: bytes, chunks: int = 0) -> None:
        super().__init__(inner)
        self._store = store
        self._object = object
        self._chunks = chunks

    @property
    def id(self) -> str:
        return f'{self._chunks:x}.{self._object.hex()}.{self.inner.id}'

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        size = _size(body, size)
        is_end = size < self._store.capabilities.min_part or size % CHUNK_SIZE > 0
        if not 1 <= number <= self._store.capabilities.max_parts:
            raise Refused(f'encrypt: part {number}: there may be {self._store.capabilities.max_parts} parts')
        if number > 1:
            if not self._chunks:
                raise Refused(f'encrypt: part {number}: the first part is written before the others')
            is_end = is_end or size < self._chunks * CHUNK_SIZE
        first = (number - 1) * self._chunks
        written = self.inner.part(
            number, sealed_body(self._sealer(first), body, size, is_end=is_end), sealed_size(size)
        )
        if number == 1 and not self._chunks and not is_end:
            self._chunks = chunks_in(size)
        return Part(number, size, f'{written.etag}~{_mark(first, is_end)}')

    def _sealer(self, first: int) -> Sealer:
        return Sealer(self._store.keyring, '', object=self._object, first=first)

    def finish(self, parts: Sequence[Part], key: str) -> None:
        check_key(key)
        if key.startswith(_MOVED):
            self.inner.finish(self._sealed(parts, key), key)
            return
        between = _between(self._object)
        try:
            self.inner.finish(self._sealed(parts, key), between)
        except (NotFound, Refused):
            if not self._store.has(between):  # where an earlier call broke off behind this
                raise
        with self._store.get(between) as content:
            self._store.put(key, content, content.size)
        self._store.delete([between])

    def _sealed(self, parts: Sequence[Part], key: str) -> list[Part]:
        """The parts as the inner store knows them; `Refused` unless they are one object from its first to its last."""
        sealed, first, is_end = [], 0, False
        for number, part in enumerate(parts, 1):
            etag, _, mark = part.etag.rpartition('~')
            is_end = number == len(parts) and mark == _mark(first, True)
            if part.number != number or not (is_end or mark == _mark(first, False)):
                raise Refused(f'encrypt: {key}: part {number} is none of this upload, or not of the size of the first')
            sealed.append(Part(number, sealed_size(part.size), etag))
            first += chunks_in(part.size)
        if sealed and not is_end:
            number = len(sealed) + 1
            sealed.append(self.inner.part(number, self._sealer(first).seal(0, b'', is_last=True)))
        return sealed


def _mark(first: int, is_end: bool) -> str:
    """Where a part begins, in chunks, and whether it is the end."""
    return f'{first:x}{"." if is_end else ""}'
