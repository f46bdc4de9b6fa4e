"""The manifest of the second version that images of the first one are.  Pure, and always the same bytes.

Docker does the same when it pulls from a registry of the first version: the topmost image's JSON becomes the
configuration, and each image a step of its history.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from objreg import manifest as manifests
from objreg.names import Digest
from objreg.v1.compression import Compression
from objreg.v1.from_v2 import IDS
from objreg.v1.image import Image, dump

CONFIG = 'application/vnd.docker.container.image.v1+json'
_LAYER = 'application/vnd.docker.image.rootfs.diff.tar'
_MEDIA_TYPES: dict[Compression, str] = {'gzip': f'{_LAYER}.gzip', 'zstd': f'{_LAYER}.zstd'}
_ONLY_V1 = ('id', 'parent', 'parent_id', 'layer_id', 'Size', 'checksum', 'throwaway')


def media_type(compression: Compression) -> str:
    """Of a layer.  There is none for bzip2 and xz: Docker unpacks these as what it finds in an unnamed one."""
    return _MEDIA_TYPES.get(compression, _LAYER)


def config_of(images: Sequence[Image], architecture: str = 'amd64') -> bytes:
    """The configuration of the first of these, which come with all their ancestors, topmost first.

    It is for that `architecture` if it says none.
    """
    top = images[0].document()
    config = {key: value for key, value in top.items() if key not in _ONLY_V1}
    config.setdefault('architecture', architecture)
    config.setdefault('os', 'linux')
    rising = list(reversed(images))
    config['history'] = [_step(image) for image in rising]
    config['rootfs'] = {
        'type': 'layers', 'diff_ids': [image.layer.diff_id for image in rising if not image.is_empty],
    }
    config[IDS] = [image.id for image in rising]
    return dump(config, sort=True)


def manifest_of(images: Sequence[Image], config: bytes) -> bytes:
    """The manifest with that configuration."""
    layers = [image.layer for image in reversed(images) if not image.is_empty]
    document = {
        'schemaVersion': 2,
        'mediaType': manifests.DOCKER_MANIFEST,
        'config': {'mediaType': CONFIG, 'size': len(config), 'digest': str(Digest.of(config))},
        'layers': [
            {'mediaType': layer.media_type, 'size': layer.size, 'digest': layer.digest} for layer in layers
        ],
    }
    return json.dumps(document, indent=3).encode()


def _step(image: Image) -> dict[str, Any]:
    document = image.document()
    step: dict[str, Any] = {}
    for field in ('created', 'author', 'comment'):
        if isinstance(document.get(field), str) and document[field]:
            step[field] = document[field]
    created_by = _command(document)
    if created_by:
        step['created_by'] = created_by
    if image.is_empty:
        step['empty_layer'] = True
    return step


def _command(document: dict[str, Any]) -> str:
    """What made the layer: the command of the container that it was taken from."""
    container = document.get('container_config')
    command = container.get('Cmd') if isinstance(container, dict) else None
    if isinstance(command, str):
        return command
    return ' '.join(map(str, command)) if isinstance(command, list) else ''
