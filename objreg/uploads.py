"""Uploads: bytes come in, are hashed on the way, and end under their digest, moved as little as can be.

- All bytes at once, digest known (``POST?digest=``, ``PUT?digest=``): straight to the content's key.
- All bytes at once, digest not named yet (one ``PATCH``, as docker, podman and skopeo do): content under its own
  digest is harmless before anyone names it, so they go to the content's key too, and the closing ``PUT`` writes the
  membership only.
- Several pieces (``Content-Range``, a second ``PATCH``, a broken connection): parts, and a record after each piece.

Nothing is a member of a repository whose digest was not verified over exactly the bytes that were stored: a hash that
this node remembers from earlier pieces counts only together with the parts that it was computed over; without one the
bytes are read back.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from contextlib import ExitStack

from objreg import keys
from objreg.body import Hash, RequestBody
from objreg.errors import BlobUploadInvalid, BlobUploadUnknown, DigestInvalid, RangeInvalid
from objreg.names import Digest
from objreg.parts import Buffers, Gathered, Read, write_parts
from objreg.registry import Registry
from objreg.sessions import Recent, Record, Session
from objreg.store import Content, NotFound, Store, Upload

PART = 10 * 1024**2
"""Bytes of a part, on stores that want equal ones: 10,000 of them make 97 GiB."""
SINGLE = 512 * 1024**2
"""A body up to this size whose digest is known is written by one call."""
LOOK = 1024**2
"""From this size on it is worth a call to see whether the content is there already."""
DAYS = 7


class Uploads:
    """The uploads of one node: all that is remembered here can be lost."""

    def __init__(self, registry: Registry, *, part_size: int = PART) -> None:
        self.registry = registry
        self.store: Store = registry.store
        self.buffers = Buffers()
        capabilities = self.store.capabilities
        self._step = capabilities.part_step
        self.part_size = _up(max(part_size, capabilities.min_part), self._step) if capabilities.min_part else 0
        self._hashes: Recent[Hash] = Recent()
        self._ended: Recent[bool] = Recent()

    # All bytes at once

    def store_known(self, digest: Digest, body: RequestBody) -> int:
        """Store a body of which the digest is known; returns its size.  DIGEST_INVALID stores nothing."""
        if body.is_whole:
            measured, size = body.measure(digest.algorithm)
            _check(digest, measured)
            self._put(digest, size, body)
            return size
        record = Record(keys.content(digest), part_size=self._part_size(body.length))
        hasher = hashlib.new(digest.algorithm)
        upload = self.store.upload(record.key)
        try:
            with write_parts(
                upload, self.buffers, body.read, record.part_size, parts=record.parts, hasher=hasher
            ) as rest:
                rest.feed(hasher)
                _check_end(body)
                _check(digest, hasher.hexdigest())
                self._complete(upload, record, rest, digest)
        except BaseException:
            if record.parts:
                upload.abort()
            raise
        return body.received

    def _put(self, digest: Digest, size: int, body: RequestBody) -> None:
        """Write a whole body to its content's key, unless it is there."""
        if size >= LOOK and self._is_there(digest, size):
            return
        file, key = body.whole(), keys.content(digest)
        capabilities = self.store.capabilities
        if not capabilities.min_part or size <= min(SINGLE, capabilities.max_put):
            self.store.put(key, file, size)
            return
        upload, parts, part_size = self.store.upload(key), [], self._part_size(size)
        try:
            start = file.tell()
            for number, offset in enumerate(range(0, size, part_size), 1):
                file.seek(start + offset)
                parts.append(upload.part(number, file, min(part_size, size - offset)))
            upload.finish(parts, key)
        except BaseException:
            upload.abort()
            raise

    def _is_there(self, digest: Digest, size: int) -> bool:
        try:
            return self.store.stat(keys.content(digest)).size == size
        except NotFound:
            return False

    def _part_size(self, length: int | None) -> int:
        """Bytes of a part, larger than usual where so many would not do."""
        if not self.part_size or length is None:
            return self.part_size
        least = -(-length // self.store.capabilities.max_parts)
        return max(self.part_size, _up(least, math.lcm(1024**2, self._step)))

    # Pieces

    def append(self, session: Session, body: RequestBody, start: int | None) -> Session:
        """Take in a piece; `start` is where the client says that it begins (None: he does not say).

        Raises the 416 of the specification when it does not follow what is there.
        """
        self._check_alive(session)
        if start is not None and start != session.offset:
            raise RangeInvalid(f'the upload is at {session.offset}')
        if body.length == 0:
            return session
        if session.offset == 0 and start is None:
            return self._append_whole(session, body)
        with ExitStack() as stack:
            record, hasher, rest = self._extend(stack, session, body)
            return self._write_record(session, record, hasher, rest, body)

    def _append_whole(self, session: Session, body: RequestBody) -> Session:
        """The first piece, most likely the only one: content under its own digest."""
        if body.is_whole:
            hexadecimal, size = body.measure(session.algorithm)
            if size:
                self._put(Digest(session.algorithm, hexadecimal), size, body)
            return session._replace(offset=size, digest=hexadecimal if size else '')
        hasher = hashlib.new(session.algorithm)
        record = Record.new(session.id, self._part_size(body.length))
        upload = self.store.upload(record.key)
        rest = write_parts(upload, self.buffers, body.read, record.part_size, parts=record.parts, hasher=hasher)
        with rest:
            if body.is_cut:
                record.upload = upload.id if record.parts else ''
                self._write_record(session, record, hasher, rest, body)
            if not body.received:
                return session
            rest.feed(hasher)
            digest = Digest(session.algorithm, hasher.hexdigest())
            self._complete(upload, record, rest, digest)
        return session._replace(offset=body.received, digest=digest.hex)

    def _extend(
        self, stack: ExitStack, session: Session, body: RequestBody
    ) -> tuple[Record, Hash | None, Gathered]:
        """Write what is there of a session and the body behind it as parts; what is left over is on the stack."""
        record, tail, read = self._resume(stack, session, body)
        hasher = self._hashes.get((session.algorithm, record.fingerprint())) if record.parts else None
        if hasher is not None:
            hasher = hasher.copy()
        elif not record.parts:
            hasher = hashlib.new(session.algorithm)
        upload = self.store.resume(record.upload) if record.upload else self.store.upload(record.key)
        rest = stack.enter_context(
            write_parts(
                upload, self.buffers, read, record.part_size, parts=record.parts, hasher=hasher, before=tail
            )
        )
        record.upload = upload.id if record.parts else ''
        return record, hasher, rest

    def _resume(self, stack: ExitStack, session: Session, body: RequestBody) -> tuple[Record, bytes, Read]:
        """The record of a session, the bytes behind it, and a reader of what follows."""
        if session.offset == 0:
            return Record.new(session.id, self._part_size(None)), b'', body.read
        if session.digest:
            digest = Digest(session.algorithm, session.digest)
            content = stack.enter_context(self._content(digest, session))
            return Record.new(session.id, self._part_size(None)), b'', _chained(content, body)
        try:
            record, tail = Record.load(self.store.read(keys.upload_record(session.id, session.offset)))
        except NotFound as error:
            raise BlobUploadUnknown(session.id) from error
        return record, tail, body.read

    def _content(self, digest: Digest, session: Session) -> Content:
        try:
            return self.store.get(keys.content(digest))
        except NotFound as error:
            raise BlobUploadUnknown(session.id) from error

    def _write_record(
        self, session: Session, record: Record, hasher: Hash | None, rest: Gathered, body: RequestBody
    ) -> Session:
        """Note what arrived, so that any node can go on; a cut body is an error all the same."""
        offset = sum(part.size for part in record.parts) + rest.size
        if hasher is not None and record.parts:
            self._hashes[session.algorithm, record.fingerprint()] = hasher
        if offset != session.offset or session.digest:
            header = record.header() if not session.offset or session.digest else _next(record, session.offset)
            # in one file, which can be sent again when the store fails
            with self.buffers.gather(rest.file.read, len(header) + rest.size, header) as whole:
                self.store.put(keys.upload_record(session.id, offset), whole.file, whole.size)
        _check_end(body)
        return session._replace(offset=offset, digest='')

    # The end

    def finish(self, session: Session, digest: Digest, body: RequestBody) -> int:
        """Take in the last piece, if there is one, and verify the whole; returns its size.  DIGEST_INVALID if not."""
        self._check_alive(session)
        if session.offset == 0:
            size = self.store_known(digest, body)
        elif session.digest and (body.length == 0):
            size = self._finish_stored(session, digest)
        else:
            size = self._finish_parts(session, digest, body)
        return size

    def _finish_stored(self, session: Session, digest: Digest) -> int:
        """All lies under the digest that this node or another computed; under another algorithm, look again."""
        stored = Digest(session.algorithm, session.digest)
        if digest.algorithm == session.algorithm:
            _check(digest, session.digest)
        else:
            with self._content(stored, session) as content:
                _check(digest, _hash(content, digest.algorithm))
            self.store.copy(keys.content(stored), keys.content(digest))
        return session.offset

    def _finish_parts(self, session: Session, digest: Digest, body: RequestBody) -> int:
        with ExitStack() as stack:
            record, hasher, rest = self._extend(stack, session, body)
            _check_end(body)
            size = sum(part.size for part in record.parts) + rest.size
            if digest.algorithm != session.algorithm or hasher is None:
                hasher = None if record.parts else hashlib.new(digest.algorithm)
            upload = self.store.resume(record.upload) if record.upload else self.store.upload(record.key)
            if hasher is not None:
                rest.feed(hasher)
                _check(digest, hasher.hexdigest())
                self._complete(upload, record, rest, digest)
            else:
                self._complete_unverified(upload, record, rest, digest)
        offsets = {*record.offsets, session.offset}
        self.store.delete([keys.upload_record(session.id, offset) for offset in offsets if offset])
        return size

    def _complete(self, upload: Upload, record: Record, rest: Gathered, digest: Digest) -> None:
        """Make parts and what is left over the content of a digest that was verified over them."""
        key = keys.content(digest)
        if not record.parts:
            self.store.put(key, rest.file, rest.size)
            return
        self._finish_upload(upload, record, rest, key)

    def _finish_upload(self, upload: Upload, record: Record, rest: Gathered, key: str) -> None:
        if rest.size:
            record.parts.append(upload.part(len(record.parts) + 1, rest.file, rest.size))
        upload.finish(record.parts, key)

    def _complete_unverified(self, upload: Upload, record: Record, rest: Gathered, digest: Digest) -> None:
        """Another node hashed the earlier parts: put together aside, read back, and only then the content."""
        self._finish_upload(upload, record, rest, record.key)
        try:
            with self.store.get(record.key) as content:
                _check(digest, _hash(content, digest.algorithm))
            self.store.copy(record.key, keys.content(digest))
        finally:
            self.store.delete([record.key])

    # What else a client may ask of a session

    def status(self, session: Session) -> Session:
        """The session at the offset that was really reached: by one list call."""
        self._check_alive(session)
        prefix = keys.upload(session.id)
        found = [entry.key.removeprefix(prefix) for entry in self.store.list(prefix)]
        if 'cancelled' in found:
            raise BlobUploadUnknown(session.id)
        offset = max((int(name) for name in found if name.isdigit()), default=0)
        return session if offset <= session.offset else session._replace(offset=offset, digest='')

    def cancel(self, session: Session) -> None:
        """Give a session up, and delete what it wrote."""
        session = self.status(session)
        if session.offset and not session.digest:
            record, _ = Record.load(self.store.read(keys.upload_record(session.id, session.offset)))
            if record.upload:
                self.store.resume(record.upload).abort()
            self.store.delete([keys.upload_record(session.id, offset) for offset in (*record.offsets, session.offset)])
        self.store.put(keys.upload_cancelled(session.id), b'')
        self.end(session)

    def end(self, session: Session) -> None:
        """The blob is a member now, and the session is over."""
        self._ended[session.id] = True

    def has_ended(self, session: Session) -> bool:
        """Whether this node saw its end; others may not have."""
        return self._ended.get(session.id) is not None

    def _check_alive(self, session: Session) -> None:
        if self.has_ended(session):
            raise BlobUploadUnknown(session.id)


def _up(size: int, step: int) -> int:
    return -(-size // step) * step


def _check(digest: Digest, hexadecimal: str) -> None:
    if digest.hex != hexadecimal:
        raise DigestInvalid({'expected': str(digest), 'found': f'{digest.algorithm}:{hexadecimal}'})


def _check_end(body: RequestBody) -> None:
    if body.is_cut:
        raise BlobUploadInvalid('the body ended before its Content-Length; what arrived is kept')


def _hash(content: Content, algorithm: str) -> str:
    hasher = hashlib.new(algorithm)
    for piece in content:
        hasher.update(piece)
    return hasher.hexdigest()


def _next(record: Record, offset: int) -> bytes:
    record.offsets.append(offset)
    return record.header()


def _chained(content: Content, body: RequestBody) -> Callable[[int], bytes]:
    """A reader of the content, then of the body."""
    left = b''

    def read(size: int) -> bytes:
        nonlocal left
        left = left or next(content, b'')
        if not left:
            return body.read(size)
        piece, left = left[:size], left[size:]
        return piece

    return read
