"""Images as OCI layouts on disk, made of random bytes that no registry has seen."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from objreg.manifest import OCI_MANIFEST
from objreg.testing.v1_client import V1Image

CONFIG = 'application/vnd.oci.image.config.v1+json'
LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'
_STEP = 1 << 20


def make_image(folder: Path, layers: int, size: int) -> Path:
    """An OCI layout with one image of so many layers of `size` bytes each, tagged ``image``."""
    blobs = folder / 'blobs' / 'sha256'
    blobs.mkdir(parents=True)
    made = [_random_layer(blobs, size) for _ in range(layers)]
    described = [{'mediaType': LAYER} | layer for layer, _ in made]
    config = _blob(blobs, json.dumps({
        'architecture': 'amd64', 'os': 'linux', 'config': {}, 'author': os.urandom(8).hex(),
        'rootfs': {'type': 'layers', 'diff_ids': [diff for _, diff in made]},
    }).encode()) | {'mediaType': CONFIG}
    manifest = _blob(blobs, json.dumps({
        'schemaVersion': 2, 'mediaType': OCI_MANIFEST, 'config': config, 'layers': described,
    }).encode()) | {'mediaType': OCI_MANIFEST, 'annotations': {'org.opencontainers.image.ref.name': 'image'}}
    (folder / 'oci-layout').write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / 'index.json').write_text(json.dumps({'schemaVersion': 2, 'manifests': [manifest]}))
    return folder


def make_v1_images(count: int, size: int) -> list[V1Image]:
    """A chain of images of the first version of the API, the root first, each with a layer of `size` bytes."""
    made: list[V1Image] = []
    for _ in range(count):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode='w:gz') as archive:
            member = tarfile.TarInfo(os.urandom(8).hex())
            member.size = size
            archive.addfile(member, io.BytesIO(os.urandom(size)))
        parent = {'parent': made[-1].id} if made else {}
        document = {'id': os.urandom(32).hex(), **parent, 'created': '2014-05-01T12:00:00Z', 'os': 'linux'}
        made.append(V1Image(json.dumps(document).encode(), file.getvalue()))
    return made


def _blob(blobs: Path, data: bytes) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {'digest': f'sha256:{digest}', 'size': len(data)}


def _random_layer(blobs: Path, size: int) -> tuple[dict[str, object], str]:
    """A tar with one file of random bytes, in a gzip that does not compress; its descriptor and its DiffID."""
    new, diff = blobs / 'new', hashlib.sha256()
    with gzip.GzipFile(new, mode='wb', compresslevel=0, mtime=0) as zipped:
        for piece in _tar(size):
            diff.update(piece)
            zipped.write(piece)
    with new.open('rb') as file:
        digest = hashlib.file_digest(file, 'sha256').hexdigest()
    new.rename(blobs / digest)
    return {'digest': f'sha256:{digest}', 'size': (blobs / digest).stat().st_size}, f'sha256:{diff.hexdigest()}'


def _tar(size: int) -> Iterator[bytes]:
    head = tarfile.TarInfo('random')
    head.size = size
    yield head.tobuf(tarfile.USTAR_FORMAT)
    for start in range(0, size, _STEP):
        yield os.urandom(min(_STEP, size - start))
    yield bytes(-size % 512 + 1024)
