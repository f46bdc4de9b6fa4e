"""Manifests for tests, as the JSON that clients send."""

from __future__ import annotations

import json
from typing import Any

from objreg.manifest import OCI_INDEX, OCI_MANIFEST
from objreg.names import Digest

CONFIG = b'{"architecture":"amd64","os":"linux"}'
CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar'


def named(data: bytes, media_type: str = 'application/octet-stream', **more: Any) -> dict[str, Any]:
    """The descriptor of these bytes."""
    return {'mediaType': media_type, 'digest': str(Digest.of(data)), 'size': len(data), **more}


def dump(document: Any) -> bytes:
    """As bytes, the same each time."""
    return json.dumps(document, separators=(',', ':')).encode()


def image(*layers: bytes, config: bytes = CONFIG, **more: Any) -> bytes:
    """An OCI image manifest."""
    return dump({
        'schemaVersion': 2, 'mediaType': OCI_MANIFEST, 'config': named(config, CONFIG_TYPE),
        'layers': [named(layer, LAYER_TYPE) for layer in layers], **more,
    })


def index(*manifests: bytes, **more: Any) -> bytes:
    """An OCI index of image manifests."""
    return dump({
        'schemaVersion': 2, 'mediaType': OCI_INDEX,
        'manifests': [named(manifest, OCI_MANIFEST) for manifest in manifests], **more,
    })
