"""The interface between objreg and an object store, and its promises.

A store is a flat map from keys to immutable byte strings: no directories, no append, no rename.  A driver is one
class that derives from `Store`, takes keyword options only, and imports nothing from objreg but this module.
What is said here is what `objreg.testing.contract` checks on every driver.

Keys are non-empty UTF-8 strings of at most `MAX_KEY` bytes, without NUL, whose components (split at ``/``) are never
empty, ``.`` or ``..``.  A key may be a prefix of another one, at a ``/`` too (``catalog/a`` and ``catalog/a/b``).
Every store holds components of up to `MAX_COMPONENT` bytes (without ``%``), and may refuse longer ones.

Errors: `NotFound`, `Exists`, `Refused` and `Unavailable`, each raised ``from`` the library's own exception.
A driver never retries, times, caches or logs: that is what the wrapping stores in `objreg.wrap` are for.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, NamedTuple, Self

MAX_KEY = 1024
MAX_COMPONENT = 250
CHUNK = 256 * 1024
"""How many bytes a body is read or handed over at a time."""

Body = bytes | BinaryIO | Iterable[bytes]
"""What can be written: bytes, an open binary file (read from where it stands), or an iterable of bytes.

With a file or an iterable the caller says how many bytes will be written (`size`); the driver reads that many and no
more.  A seekable file lets a driver (or the retrying store around it) start over without a copy in memory.
"""


class StoreError(Exception):
    """The base of all that a store raises; the message names the key and never a secret."""


class NotFound(StoreError):
    """There is no object under that key."""


class Exists(StoreError):
    """``if_absent`` was asked for and the key is taken."""


class Refused(StoreError):
    """The store will not do it, and would not when asked again: bad key, no permission, too large, full."""


class Unavailable(StoreError):
    """It did not work this time (timeout, reset, 5xx, throttling, cut answer); worth another try."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Damaged(Unavailable):
    """What is there is not what was written, as a store found that verifies it; it may lie whole elsewhere."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store can do, declared by its driver and checked by the contract suite; never probed while serving."""

    conditional_put: bool = False
    """``put(if_absent=True)`` is atomic: of many racing writers exactly one wins."""
    min_part: int = 0
    """Smallest size in bytes of every part of an upload but its last.  0: any size, and parts may differ in size."""
    part_step: int = 1
    """Where `min_part` is not 0, the size of all parts but the last is a multiple of this, as is `min_part`."""
    max_parts: int = 10_000
    """How many parts an upload may have."""
    max_put: int = 5 * 1024**3
    """Largest object that one `Store.put` can write, in bytes; beyond it, use `Store.upload`."""
    consistent_list: bool = True
    """A listing shows what was written before it began."""
    local: bool = False
    """It is of this machine and answers in microseconds: few threads wait for it, and caches of it are worth little."""
    presign: bool = False
    """`Store.url` can give a URL that a client may fetch by itself."""


class Stat(NamedTuple):
    """What a store knows of an object without reading it."""

    size: int
    modified: float
    """Seconds since the epoch, by the store's clock."""
    etag: str
    """Opaque; another one when the object was replaced by other bytes."""


class Entry(NamedTuple):
    """A line of a listing: an object, or (when `key` ends with the delimiter) everything that begins with `key`."""

    key: str
    size: int | None = None
    modified: float | None = None


class Page(NamedTuple):
    """One answer to a listing: entries in UTF-8 byte order, and whether there may be more after the last."""

    entries: list[Entry]
    more: bool

    @classmethod
    def of(cls, entries: Iterable[Entry], limit: int) -> Page:
        """The first `limit` of them; takes one more."""
        found = list(islice(entries, limit + 1))
        return cls(found[:limit], len(found) > limit)


class Part(NamedTuple):
    """A written part of an upload: its number (from 1), size in bytes, and what identifies these very bytes."""

    number: int
    size: int
    etag: str


class Origin(NamedTuple):
    """Where the bytes of an object lie as they are: a driver, and the key there; for `Store.take` of another store."""

    store: Store
    key: str


class Content:
    """The bytes of an object, or of a range of it: an iterator to be closed, best by ``with``.

    `size` is the number of bytes that will come.  `file` is an open file that stands at the first byte, where the
    driver has one (so that a server can use sendfile); iterating reads from it.
    """

    __slots__ = ('_chunks', '_close', 'file', 'size')

    def __init__(
        self, chunks: Iterable[bytes], size: int, *, close: contextlib.AbstractContextManager[object] | None = None,
        file: BinaryIO | None = None,
    ) -> None:
        self._chunks = iter(chunks)
        self._close = close
        self.size = size
        self.file = file

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the file or the connection; calling it twice is no error."""
        closing, self._close = self._close, None
        if closing is not None:
            closing.__exit__(None, None, None)

    def read(self) -> bytes:
        """All that is left, and close."""
        with self:
            return b''.join(self)


class Upload(ABC):
    """A part-wise writer of one object, which nobody sees before `finish`.

    Another process goes on with it through `Store.resume` and `id`.  Parts are numbered from 1 without gaps.  Where
    `Capabilities.min_part` is not 0, all parts but the last have the same size, at least that many bytes and a multiple
    of `part_step`, and the first part is written before the others.
    Two writers of the same part number do not mix: each gets a `Part` of its own, and `finish` uses exactly those
    bytes that its `parts` identify, or raises `Refused`; it may when numbers that were written are left out.
    """

    @property
    @abstractmethod
    def id(self) -> str:
        """What `Store.resume` takes: printable ASCII, at most 512 characters, known once the first part is written."""

    @abstractmethod
    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        """Write a part.  `size` may be None where `min_part` is 0: then it ends where the body ends."""

    @abstractmethod
    def finish(self, parts: Sequence[Part], key: str) -> None:
        """Make the object `key` of these parts (at least one), atomically, without moving the bytes where possible."""

    @abstractmethod
    def abort(self) -> None:
        """Drop what was written.  Unknown or finished uploads are no error."""


class Store(ABC):
    """An object store, or a wrapping of one.  Safe to be used by many threads."""

    capabilities: Capabilities = Capabilities()
    name: str = ''
    """What `stores.yml` calls it; for messages and metrics."""
    has_server: bool = False
    """Of a store around others: it also asks a server of its own, and so is timed and tried again as a driver is."""

    @abstractmethod
    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        """The bytes from `start` up to, not including, `end` (or the object's end, if that comes first).

        Raises `NotFound` at the call, not at the first chunk; `Refused` when `start` is beyond the last byte
        (`start` 0 of an empty object is fine).  Whoever calls must close what is returned.
        """

    @abstractmethod
    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        """Write an object, replacing what was there.  Atomic: readers see the old object or the new one, whole.

        `size` is needed unless `body` is bytes; a body that turns out shorter raises `Refused` and writes nothing.
        Nor does a body that raises; what an iterable raises passes through.
        With `if_absent`, raises `Exists` when the key is taken (atomically so, if `conditional_put` is declared).
        """

    @abstractmethod
    def stat(self, key: str) -> Stat:
        """Size, time and etag of an object; raises `NotFound`."""

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Delete these objects, in as few calls as the store allows.  A missing key is no error."""

    @abstractmethod
    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        """One page of the objects whose key begins with `prefix` (any printable string), those after the key `after`.

        In UTF-8 byte order; at most `limit` entries, and one call to the store for `limit` up to 1,000.  With
        `delimiter` (one character), keys that have it after `prefix` are rolled up into one entry that ends with
        it; a rolled-up entry comes unless it is `after` itself or before it.  `detail`: sizes and times are filled
        in, for objects; without it they may be None.  `more` false is certain; true may be followed by an empty page.
        """

    @abstractmethod
    def upload(self, key: str) -> Upload:
        """Begin an upload.  Costs nothing before its first part.

        `key` is where the object will most likely be.  `finish` may say another one, if nobody else uses `key`.
        """

    @abstractmethod
    def resume(self, id: str) -> Upload:
        """Go on with the upload that another process began.  Costs nothing; an unknown one fails at `finish`."""

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        """A URL by which anyone may GET (or HEAD) the object for that long; None: serve it yourself.

        `content_type` is what the answer is to say of its type, where the store can be told so.
        """
        return None

    def check(self) -> None:
        """Ask the store whether it can be used at all: reached, allowed, bucket there.  Raises what is wrong."""
        self.page('system/', limit=1)

    def setup(self, *, rotate: bool = False) -> list[str]:
        """Make what must be there before the first use: container, key of signed URLs, rules of expiry.

        Says what was made or changed, a line each, none of them secret.  Doing it again is no error; `rotate`
        also replaces what signs URLs, so that those of before the last time end.  A driver with nothing to make
        only checks.
        """
        self.check()
        return []

    def sweep(self, seconds: float) -> int:
        """Delete what no listing shows and nobody can use any more: parts of uploads, left by processes that died.

        Only what is older than `seconds`, which is to be more than an upload may take.  Returns how many pieces it was;
        0 in a driver that leaves nothing, or whose store clears it away by itself.
        """
        return 0

    @property
    def spool(self) -> str:
        """A folder in which bytes can wait: a file there without a name (``O_TMPFILE``) is put without being copied."""
        return ''

    def close(self) -> None:  # noqa: B027 - most drivers have nothing to close
        """Give back connections and files.  The store is not used afterwards."""

    # What follows is made of the calls above; overridden where a driver can do better, and by wrapping stores.

    def read(self, key: str) -> bytes:
        """A small object, whole; raises `NotFound`."""
        return self.get(key).read()

    def newest(self, key: str) -> bytes:
        """What `read` gives, and never an older copy than the last whose write was acknowledged; raises `NotFound`.

        For what nodes agree by.  A store that asks one of several copies for a read asks all of them for this.
        """
        return self.read(key)

    def has(self, key: str) -> bool:
        """Whether there is an object under that key: one `stat`."""
        try:
            self.stat(key)
        except NotFound:
            return False
        return True

    def remember(self, key: str, data: bytes) -> None:  # noqa: B027 - a hint; only a caching store listens
        """A hint that `key` holds `data`, from someone who knows it without having read it."""

    def known(self, key: str) -> bytes | None:
        """What `read` would answer without a call to the store, if this store knows; only a caching store does."""
        return None

    def copy(self, source: str, target: str) -> None:
        """Make `target` an object with the bytes of `source`; a driver that can do so without moving them overrides."""
        with self.get(source) as content:
            self.put(target, content, content.size)

    def origin(self, key: str) -> Origin | None:
        """Where the bytes of an object lie, below all wrapping; None where they lie in another form (``encrypt``).

        A wrapping store that gives other bytes than the inner one has overrides it.  Whether there is such an object is
        not asked, unless that has to be known to tell where it is (then raises `NotFound`).
        """
        return Origin(self, key)

    def take(self, origin: Origin, target: str) -> bool:
        """Make `target` an object with the bytes of another store's, if they need not pass here; False if they must.

        Atomic, as `put` is.  Raises `NotFound` when there is nothing at the origin.  A driver overrides it whose server
        copies from another bucket, or path, that the credentials of both open.  False writes nothing; then read and
        write (`objreg.transfer.bring`).
        """
        check_key(target)
        return False

    def list(
        self, prefix: str, after: str = '', *, delimiter: str = '', detail: bool = False
    ) -> Iterator[Entry]:
        """Every entry that `page` would give, page after page."""
        more = True
        while more:
            entries, more = self.page(prefix, after, delimiter=delimiter, detail=detail)
            yield from entries
            if entries:
                after = entries[-1].key
            elif more:
                raise Unavailable(f'{self.name}: an empty page of {prefix!r} that is said to have a next one')


def check_key(key: str) -> None:
    """Raise `Refused` unless `key` is one that every store can hold."""
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise Refused(f'not a key: {key[:80]!r}') from error
    if not 0 < length <= MAX_KEY or '\0' in key:
        raise Refused(f'not a key: {key[:80]!r}')
    if any(part in ('', '.', '..') for part in key.split('/')):
        raise Refused(f'not a key: {key[:80]!r}')


def check_parts(parts: Sequence[Part], doing: str) -> None:
    """Raise `Refused`, with a message that begins with `doing`, unless the parts are numbered as `Upload` says."""
    if not parts or [part.number for part in parts] != list(range(1, len(parts) + 1)):
        raise Refused(f'{doing}: the parts of an upload are numbered from 1, without gaps')


def chunks_of(body: Body, size: int | None) -> Iterator[bytes]:
    """The body as chunks, exactly `size` bytes of it (all of it for None); `Refused` when it ends too early."""
    if isinstance(body, bytes):
        body = (body,)
    left = size
    source: Iterator[bytes]
    if hasattr(body, 'read') and not isinstance(body, Content):
        source = iter(lambda: body.read(CHUNK if left is None else min(CHUNK, left)), b'')
    else:
        source = filter(None, body)  # an empty chunk is not the end of an iterable
    while left is None or left > 0:
        chunk = next(source, b'')
        if not chunk:
            break
        if left is not None:
            chunk = chunk[:left]
            left -= len(chunk)
        yield chunk
    if left:
        raise Refused(f'the body ended {left} bytes before its size')


def roll_up(entries: Iterable[Entry], prefix: str, after: str, delimiter: str) -> Iterator[Entry]:
    """What a listing shows of these objects, for a store that does not roll up by itself.

    They come in order, from the first on that begins with `prefix` and is behind `after`.
    """
    for entry in entries:
        if not entry.key.startswith(prefix):
            return
        cut = entry.key.find(delimiter, len(prefix)) if delimiter else -1
        shown = entry if cut < 0 else Entry(entry.key[:cut + 1])
        if shown.key > after:
            yield shown
            after = shown.key
