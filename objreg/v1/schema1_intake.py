"""Takes in manifests of schema 1: each becomes one of schema 2 of the same images, as a push of the first version does.

What their layers are without compression nobody has told, so each is read once.  It is kept where images keep it.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from threading import Lock

from objreg import keys
from objreg import manifest as manifests
from objreg.errors import BlobUnknown, ManifestBlobUnknown, ManifestInvalid, StoreUnavailable
from objreg.http import Request, Response
from objreg.names import Digest
from objreg.repository import Repository
from objreg.store import NotFound, Unavailable
from objreg.v1.compression import Unreadable
from objreg.v1.image import EMPTY_DIGEST, EMPTY_LAYER, Image, Layer, lineage_of
from objreg.v1.inner import Inner
from objreg.v1.layer_scan import LayerScan
from objreg.v1.schema1 import Schema1, Step
from objreg.v1.to_v2 import config_of, manifest_of, media_type
from objreg.v1.view import View

MOST_UNPACKED = 64 * 1024**3
"""Bytes that the layers of one manifest may have together when they are unpacked."""
_PATIENCE = 60.0
"""Seconds that a push waits until another one has read its layers."""
_CONDITIONS = ('HTTP_IF_MATCH', 'HTTP_IF_NONE_MATCH')


class Intake:
    """Of one registry, as one process does it: one at a time reads layers."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._turn = Lock()

    def put(self, req: Request, name: str, tag: str, pushed: Schema1, inner: Inner) -> Response:
        """Store it under the tag; what the layers behind refuse is answered as they do."""
        repository = self._view.registry.repository(name)
        images, new = self._images(repository, pushed.steps)
        config = config_of(images, pushed.architecture or 'amd64')
        digest = {'digest': str(Digest.of(config))}
        answer = inner.send('POST', f'/v2/{name}/blobs/uploads/', digest, body=io.BytesIO(config), size=len(config))
        if answer.status_int >= 400:
            return answer
        self._view.registry.each(lambda image: self._view.images.put(image, name), new)
        data = manifest_of(images, config)
        answer = inner.send(
            'PUT', f'/v2/{name}/manifests/{tag}?{req.environ.get("QUERY_STRING", "")}', {}, body=io.BytesIO(data),
            size=len(data), content_type=manifests.DOCKER_MANIFEST,
            headers={key: req.environ[key] for key in _CONDITIONS if key in req.environ},
        )
        if answer.status_int < 400:
            answer.headers['Docker-Content-Digest'] = str(pushed.digest)
        return answer

    def _images(self, repository: Repository, steps: list[Step]) -> tuple[list[Image], list[Image]]:
        """The images, the topmost first, and those of them that are not noted yet."""
        self._check_members(repository, {step.layer for step in steps} - {EMPTY_DIGEST})
        noted = self._view.registry.each(lambda step: self._view.images.find(step.id, repository.name), steps)
        # there is a payload where the layer was read; what a manifest of schema 2 says of its layers nobody verified
        known = {image.layer.digest: image.layer for image in noted if image is not None and image.payload}
        images: list[Image] = []
        left = MOST_UNPACKED
        for step in reversed(steps):
            below = images[-1] if images else None
            layer, payload, tarsum = known.get(str(step.layer)), '', ''
            if layer is None:
                scan = LayerScan(step.json, left)
                layer, payload, tarsum = self._read(step, scan)
                left -= scan.unpacked
                known[layer.digest] = layer
            images.append(Image(
                step.json, layer, (step.id, *(below.ancestry if below else ())),
                lineage_of(layer.digest, below.lineage if below else ''), payload=payload, tarsum=tarsum,
            ))
        images.reverse()
        return images, [image for image, one in zip(images, noted, strict=True) if one is None]

    def _check_members(self, repository: Repository, layers: Iterable[Digest]) -> None:
        def missing(digest: Digest) -> Digest | None:
            try:
                repository.member(digest)
            except BlobUnknown:
                return digest
            return None

        found = [digest for digest in self._view.registry.each(missing, layers) if digest is not None]
        if found:
            raise ManifestBlobUnknown({'digests': sorted(map(str, found))[:100]})

    def _read(self, step: Step, scan: LayerScan) -> tuple[Layer, str, str]:
        """The layer of a step, and the checksums of both."""
        try:
            with closing(self._pieces(step.layer)) as pieces:
                for piece in pieces:
                    scan.feed(piece)
            found = scan.finish()
        except Unreadable as error:
            raise ManifestInvalid(f'{step.layer} is no layer: {error}') from error
        if found.digest != step.layer:
            raise Unavailable(f'{keys.content(step.layer)} is damaged')
        layer = Layer(str(step.layer), found.size, media_type(found.compression), str(found.diff_id))
        return layer, found.payload, found.tarsum

    def _pieces(self, digest: Digest) -> Generator[bytes]:
        if digest == EMPTY_DIGEST:
            yield EMPTY_LAYER
            return
        try:
            with self._alone(), self._view.registry.store.get(keys.content(digest)) as content:
                yield from content
        except NotFound as error:
            raise ManifestBlobUnknown({'digests': [str(digest)]}) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=_PATIENCE):
            raise StoreUnavailable('other layers are being read', headers={'Retry-After': '30'})
        try:
            yield
        finally:
            self._turn.release()
