"""The images of a first registry's tree: each read once, compared with its checksums, and known with its ancestors."""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

import msgspec
from cachetools import LRUCache

from objreg.imports.once import Once
from objreg.imports.report import NotTaken, reason
from objreg.imports.tree_v1 import TreeV1
from objreg.store import NotFound, Unavailable
from objreg.v1.compression import Unreadable
from objreg.v1.image import MOST_ANCESTORS, Image, ImageInvalid, Layer, lineage_of, load, parent_of
from objreg.v1.images import Images
from objreg.v1.layer_scan import LayerScan, Scanned
from objreg.v1.to_v2 import media_type

_ATTEMPTS = 3
_REMEMBERED = 20_000
"""JSONs of images that are kept in memory."""


class _Bytes(NamedTuple):
    """What was found out of an image by reading its layer."""

    layer: Layer
    payload: str
    tarsum: str


class ImagesV1:
    """Those of one tree.  `noted` are those of the registry that takes them: what is known there is not read again."""

    def __init__(self, tree: TreeV1, noted: Images) -> None:
        self._tree = tree
        self._noted = noted
        self._lock = Lock()
        self._found: Once[str, _Bytes] = Once()
        self._json: LRUCache[str, bytes] = LRUCache(_REMEMBERED)
        self._is_again = False
        self.reached: set[str] = set()
        """What was asked for, with its ancestors."""

    def begin(self) -> None:
        """See whether there was an import before."""
        self._is_again = self._noted.some()

    def chain(self, id: str) -> list[Image]:
        """An image and its ancestors, itself first; raises `NotTaken`."""
        ids = self._ids(id)
        made: list[Image] = []
        for count, one in enumerate(reversed(ids), 1):
            try:
                found = self._bytes(one)
                ancestry = tuple(ids[len(ids) - count:])
                self._check_ancestry(one, ancestry)
            except NotTaken as error:
                raise error if one == id else NotTaken(f'its ancestor {one}: {reason(error)}') from error
            lineage = lineage_of(found.layer.digest, made[-1].lineage if made else '')
            made.append(Image(
                self._json_of(one), found.layer, ancestry, lineage, payload=found.payload, tarsum=found.tarsum
            ))
        return made[::-1]

    def _ids(self, id: str) -> list[str]:
        """As the JSONs tell it."""
        found: list[str] = []
        while id:
            if id in found:
                raise NotTaken(f'its ancestry is a loop: {id} comes twice')
            if len(found) >= MOST_ANCESTORS:
                raise NotTaken(f'it has {MOST_ANCESTORS} ancestors or more')
            found.append(id)
            self.reached.add(id)
            try:
                id = self._parent(id)
            except NotTaken as error:
                raise error if len(found) == 1 else NotTaken(f'its ancestor {found[-1]}: {reason(error)}') from error
        return found

    def _parent(self, id: str) -> str:
        problem = self.problem(id)
        if problem:
            raise NotTaken(problem)
        try:
            return parent_of(load(self._json_of(id)), id)
        except ImageInvalid as error:
            raise NotTaken(f'its JSON: {error}') from error

    def problem(self, id: str) -> str:
        """What is wrong with an image, as far as the listing tells; '' where nothing is."""
        there = self._tree.images.get(id)
        if there is None:
            return f'there is no image {id}'
        if '_inprogress' in there:
            return 'its push is in progress, or was never ended'
        return next((f'it has no {name}' for name in ('json', 'layer') if name not in there), '')

    def _json_of(self, id: str) -> bytes:
        with self._lock:
            known = self._json.get(id)
        if known is None:
            known = self._tree.json(id)
            with self._lock:
                self._json[id] = known
        return known

    def _check_ancestry(self, id: str, ancestry: tuple[str, ...]) -> None:
        said = self._tree.ancestry(id)
        if said is not None and said != list(ancestry):
            raise NotTaken('its ancestry contradicts the parents that the JSONs name')

    # Layers

    def _bytes(self, id: str) -> _Bytes:
        return self._found.get(id, lambda: self._known(id) or self._scanned(id))

    def _known(self, id: str) -> _Bytes | None:
        """What was found out by an earlier import: the checksum covers JSON and layer, so it is the same layer."""
        payloads = {one for one in self._tree.checksums(id) if one.startswith('sha256:')}
        if not payloads or not self._is_again:
            return None
        json = self._json_of(id)
        for repository in self._noted.repositories(id):
            image = self._noted.find(id, repository)
            if image is not None and image.json == json and image.payload in payloads and image.layer.diff_id:
                return _Bytes(image.layer, image.payload, image.tarsum)
        return None

    def _scanned(self, id: str) -> _Bytes:
        for _ in range(_ATTEMPTS - 1):
            try:
                found = self._read(id)
                break
            except Unavailable:
                continue
        else:
            found = self._read(id)
        said = self._tree.checksums(id)
        payloads = [one for one in said if one.startswith('sha256:')]
        tarsums = [one for one in said if one.startswith('tarsum+sha256:')]
        # the payload is of all bytes; a tarsum is what the oldest clients had instead
        if (payloads and found.payload not in payloads) or (not payloads and tarsums and found.tarsum not in tarsums):
            raise NotTaken(f'its layer has another checksum: {found.payload}, and {(payloads or tarsums)[0]} is kept')
        layer = Layer(str(found.digest), found.size, media_type(found.compression), str(found.diff_id))
        return _Bytes(
            layer, found.payload if payloads else '', found.tarsum if found.tarsum in tarsums else ''
        )

    def _read(self, id: str) -> Scanned:
        scan = LayerScan(self._json_of(id))
        try:
            with self._tree.layer(id) as content:
                for chunk in content:
                    scan.feed(chunk)
            return scan.finish()
        except NotFound as error:
            raise NotTaken('it has no layer') from error
        except Unreadable as error:
            raise NotTaken(f'its layer: {error}') from error


def is_same(one: Image, other: Image) -> bool:
    """Whether two images of one id are the same: JSON, layer, and all ancestors."""
    return msgspec.structs.astuple(one)[:4] == msgspec.structs.astuple(other)[:4]
