"""What a tag names by now, when clients move it in two stores: history tells, since it says when each move was made.

While a registry moves from one store to another, clients may push to the first of them (a plain copy) or to the second
(`objreg.wrap.mirror`).  What a copy finds in the first must not undo what a client wrote to the second since.
"""

from __future__ import annotations

from typing import NamedTuple

from objreg import descriptor, keys
from objreg.descriptor import Descriptor
from objreg.names import Digest
from objreg.store import Store


class Move(NamedTuple):
    """That a tag was made to name a digest."""

    nanoseconds: int
    """Since the epoch, by the clock of the node that did it."""
    digest: Digest


def moves(store: Store, name: str, tag: str) -> set[Move]:
    """All of a tag, as far as the store's listing shows them."""
    found = (entry.key for entry in store.list(keys.history_of(name, tag)))
    return {Move(keys.history_time(key), keys.parse_history(key)[1]) for key in found}


def later_move(source: Store, target: Store, name: str, tag: str, digest: Digest) -> Digest | None:
    """What the tag was made to name in the target alone, after it was made to name `digest` in the source."""
    made = moves(source, name, tag)
    own = moves(target, name, tag) - made
    since = max((move.nanoseconds for move in made if move.digest == digest), default=0)
    latest = max(own, default=None, key=lambda move: move.nanoseconds)
    return latest.digest if latest and latest.nanoseconds > since else None


def naming(store: Store, name: str, digest: Digest) -> bytes:
    """What is written under a tag that names a manifest of this store; raises `NotFound`."""
    stored = descriptor.load(store.read(keys.manifest(name, digest)))
    return Descriptor(stored.media_type, digest, stored.size, data=stored.data).dump()
