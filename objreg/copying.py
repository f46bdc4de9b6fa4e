"""Copies a registry from one store to another while it is in use.

A pass lists both stores side by side and copies what the target lacks: content first, tags last, in the order in which
a push writes.  What came meanwhile is for the next pass.  A tag waits for the next pass, too, when the manifest that it
names by now has not been copied yet.  A tag that a client has moved in the target since (`objreg.wrap.mirror`) stays as
it is.  Nothing about a copy is written down: what is there is not copied again, so one
that was killed goes on where it was.

Where both stores are of one server, that copies content from the one to the other, and no byte of it passes here.
What passes is hashed on its way, and with `verify` all of it passes; what does not match its name is not copied, and
told, and so is what the source itself finds damaged (``encrypt``).  What a server copied is what it had: a registry
verified it when it was pushed, and clients do when they pull it.  Unfinished uploads and caches stay behind, and so
does what a check of the store writes.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

from objreg import descriptor, keys
from objreg.descriptor import Malformed
from objreg.names import Digest
from objreg.store import Damaged, Entry, NotFound, Store, Unavailable
from objreg.tag_moves import later_move, naming
from objreg.transfer import transfer, verified

_ATTEMPTS = 4
_BEHIND = ('uploads/', keys.CACHES, keys.SCRATCH)
"""What is not copied."""


@dataclass
class Summary:
    """What was done, in objects and bytes."""

    copied: int = 0
    bytes: int = 0
    on_server: int = 0
    """How many of those bytes the stores copied by themselves."""
    present: int = 0
    """What the target had already."""
    deleted: int = 0
    waiting: int = 0
    """Tags that wait for a next pass."""
    vanished: int = 0
    """What was deleted from the source before it was copied."""
    damaged: list[str] = field(default_factory=list)
    """What does not match its name, or its store says to be damaged: a sentence each."""
    passes: int = 0
    seconds: float = 0.0
    dry_run: bool = False

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {**vars(self), 'seconds': round(self.seconds, 1)}


class _Lacking(NamedTuple):
    """What the target lacks, or has, but maybe otherwise."""

    key: str
    size: int
    is_there: bool


Progress = Callable[[int, int], None]
"""Told of objects and bytes: those found to be copied as positive numbers, those done as negative ones."""


class Copying:
    """A copy of all of `source` to `target`."""

    def __init__(
        self, source: Store, target: Store, *, jobs: int = 8, delete: bool = False, dry_run: bool = False,
        verify: bool = False, progress: Progress = lambda objects, size: None,
    ) -> None:
        self.source, self.target = source, target
        self.summary = Summary(dry_run=dry_run)
        self._jobs, self._delete, self._verify, self._progress = jobs, delete, verify, progress
        self._lock = Lock()

    def run(self, passes: int) -> Summary:
        """At most that many passes, fewer when one finds nothing more to do."""
        started = time.monotonic()
        try:
            for _ in range(1 if self.summary.dry_run else passes):
                before = self.summary.copied + self.summary.deleted
                self.summary.present = self.summary.waiting = self.summary.vanished = 0
                self.summary.damaged = []
                self._pass()
                self.summary.passes += 1
                if self.summary.copied + self.summary.deleted == before and not self.summary.waiting:
                    break
        finally:
            self.summary.seconds = time.monotonic() - started
        return self.summary

    def _pass(self) -> None:
        # names are listed before content: what they name was written before them, and is listed after them
        with tempfile.TemporaryFile('w+', encoding='utf-8') as names:
            for lacking in self._lacking('', skip=('blobs/', *_BEHIND)):
                names.write(json.dumps([order(lacking.key), *lacking]) + '\n')
            self._each(self._lacking('blobs/', skip=_BEHIND))
            for rank in range(len(_ORDER) + 1):
                names.seek(0)
                lines = (json.loads(line) for line in names)
                self._each(_Lacking(*line[1:]) for line in lines if line[0] == rank)

    def _lacking(self, prefix: str, *, skip: tuple[str, ...]) -> Iterator[_Lacking]:
        """What the target lacks, or may have otherwise; deletes what the source lacks, if that was asked for."""
        both = (self._listed(store, prefix, skip) for store in (self.source, self.target))
        for mine, other in side_by_side(*both):
            if mine is None:
                if other is not None and self._delete and not prefix:
                    self._delete_from_target(other.key)
            elif other is None or other.size != mine.size or not is_fixed(mine.key):
                yield _Lacking(mine.key, mine.size or 0, other is not None)
            else:
                self.summary.present += 1

    @staticmethod
    def _listed(store: Store, prefix: str, skip: tuple[str, ...]) -> Iterator[Entry]:
        after = ''
        while True:
            for entry in store.list(prefix, after, detail=True):
                jump = next((one for one in skip if entry.key.startswith(one)), '')
                if jump:
                    after = jump + '\U0010ffff'
                    break
                yield entry
            else:
                return

    def _delete_from_target(self, key: str) -> None:
        if self.source.has(key):
            return  # the listing was late
        if not self.summary.dry_run:
            self.target.delete([key])
        self.summary.deleted += 1

    def _each(self, lacking: Iterable[_Lacking]) -> None:
        """Copy these, several at a time; none is begun long before its turn."""
        with ThreadPoolExecutor(self._jobs) as pool:
            running: set[Future[None]] = set()
            for one in lacking:
                self._progress(1, one.size)
                running.add(pool.submit(self._one, one))
                if len(running) >= 2 * self._jobs:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for ended in done:
                        ended.result()
            for ended in running:
                ended.result()

    def _one(self, lacking: _Lacking) -> None:
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    size = self._copied(lacking)
                    break
                except Damaged:
                    raise  # it would be next time, too
                except Unavailable:
                    # what streams cannot be sent again by the store that retries
                    if attempt == _ATTEMPTS:
                        raise
                    time.sleep(0.2 * 2**attempt)
            with self._lock:
                self.summary.copied += size is not None
                self.summary.present += size is None
                self.summary.bytes += size or 0
        except _Waiting:
            with self._lock:
                self.summary.waiting += 1
        except NotFound:
            with self._lock:
                self.summary.vanished += 1
        except Damaged as error:
            with self._lock:
                self.summary.damaged.append(str(error))
        finally:
            self._progress(-1, -lacking.size)

    def _copied(self, lacking: _Lacking) -> int | None:
        """Copy an object; its size, or None when the target has it just so."""
        key = lacking.key
        if keys.is_content(key):
            if self.summary.dry_run:
                return self.source.stat(key).size
            return self._copied_content(lacking)
        data = self.source.read(key)
        there = _read(self.target, key) if lacking.is_there else None
        if there == data:
            return None
        if self.summary.dry_run:
            return len(data)
        if keys.is_tag(key):
            return self._copied_tag(key, data, there)
        self.target.put(key, data)
        return len(data)

    def _copied_content(self, lacking: _Lacking) -> int:
        key = lacking.key
        origin = None if self._verify else self.source.origin(key)
        if origin is not None and self.target.take(origin, key):
            with self._lock:
                self.summary.on_server += lacking.size
            return lacking.size
        content = self.source.get(key)
        transfer(verified(content, _digest_of(key), key), self.target, key)
        return content.size

    def _copied_tag(self, key: str, data: bytes, there: bytes | None) -> int | None:
        """Have the tag name what it names in the source, unless a client has moved it in the target since."""
        name, tag = keys.parse_tag(key)
        try:
            digest = descriptor.load(data).digest
        except Malformed as error:
            raise Damaged(f'{key}: no descriptor') from error
        if not self.target.has(keys.manifest(name, digest)):
            raise _Waiting  # it was moved since the manifests were listed
        before = there
        while True:  # again, since a client may have moved it just before this wrote
            later = later_move(self.source, self.target, name, tag, digest)
            wanted = naming(self.target, name, later) if later else data
            if there == wanted:
                return None if there == before else len(there)
            self.target.put(key, wanted)
            there = wanted


class _Waiting(Exception):
    """It is for the next pass."""


_ORDER: tuple[Callable[[str], bool], ...] = (
    lambda key: key.startswith('system/'),
    lambda key: '/_blobs/' in key,
    lambda key: '/_manifests/' in key,
    lambda key: '/_referrers/' in key,
    lambda key: key.startswith(keys.CATALOG),
    lambda key: not keys.is_tag(key),
)
"""In this order; tags come at the end."""


def order(key: str) -> int:
    """The rank of a key in the order in which a push writes."""
    return next((rank for rank, is_of in enumerate(_ORDER) if is_of(key)), len(_ORDER))


def is_fixed(key: str) -> bool:
    """Whether an object of that key and size is always the same."""
    return keys.is_content(key) or keys.is_immutable(key) or '/_history/' in key


def side_by_side(
    one: Iterator[Entry], other: Iterator[Entry]
) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Two listings in order, with what has the same key together."""
    mine, theirs = next(one, None), next(other, None)
    while mine is not None or theirs is not None:
        if theirs is None or (mine is not None and mine.key < theirs.key):
            yield mine, None
            mine = next(one, None)
        elif mine is None or theirs.key < mine.key:
            yield None, theirs
            theirs = next(other, None)
        else:
            yield mine, theirs
            mine, theirs = next(one, None), next(other, None)


def _digest_of(key: str) -> Digest:
    algorithm, _, hexadecimal = key.removeprefix('blobs/').split('/')
    return Digest(algorithm, hexadecimal)


def _read(store: Store, key: str) -> bytes | None:
    """The object; None for one that is not there, or is damaged and so to be written again."""
    try:
        return store.read(key)
    except (NotFound, Damaged):
        return None
