"""A tree as the CNCF registry writes it, from its own description of it; nothing of `objreg.imports` is used here."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from objreg.store import Store

BASE = 'docker/registry/v2'
IMAGE = 'application/vnd.docker.distribution.manifest.v2+json'
CONFIG_TYPE = 'application/vnd.docker.container.image.v1+json'
INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json'
CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'


def hex_of(data: bytes) -> str:
    """The sha256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def described(data: bytes, media_type: str) -> dict[str, Any]:
    """A descriptor."""
    return {'mediaType': media_type, 'size': len(data), 'digest': f'sha256:{hex_of(data)}'}


def image(*layers: bytes, config: bytes = CONFIG, **more: Any) -> bytes:
    """A manifest."""
    return json.dumps({
        'schemaVersion': 2, 'mediaType': IMAGE, 'config': described(config, CONFIG_TYPE),
        'layers': [described(layer, 'application/vnd.docker.image.rootfs.diff.tar.gzip') for layer in layers], **more,
    }, indent=3).encode()


def index(*children: bytes) -> bytes:
    """A manifest list."""
    return json.dumps({
        'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [described(child, IMAGE) for child in children],
    }).encode()


class DistributionTree:
    """Grows as that registry lets it grow."""

    def __init__(self, store: Store, base: str = BASE) -> None:
        self.store = store
        self.base = base

    def key(self, data: bytes) -> str:
        """Where a blob lies."""
        return f'{self.base}/blobs/sha256/{hex_of(data)[:2]}/{hex_of(data)}/data'

    def of(self, name: str, rest: str) -> str:
        """A key of a repository."""
        return f'{self.base}/repositories/{name}/{rest}'

    def link(self, name: str, rest: str, data: bytes) -> None:
        """A link to a blob."""
        self.store.put(self.of(name, f'{rest}/link'), f'sha256:{hex_of(data)}'.encode())

    def blob(self, name: str, data: bytes) -> None:
        """A blob that was uploaded."""
        self.store.put(self.key(data), data)
        self.link(name, f'_layers/sha256/{hex_of(data)}', data)

    def manifest(self, name: str, data: bytes, *tags: str) -> None:
        """A manifest that was put, by digest or by tag."""
        self.store.put(self.key(data), data)
        self.link(name, f'_manifests/revisions/sha256/{hex_of(data)}', data)
        for tag in tags:
            self.link(name, f'_manifests/tags/{tag}/index/sha256/{hex_of(data)}', data)
            self.link(name, f'_manifests/tags/{tag}/current', data)

    def push(self, name: str, tag: str, *layers: bytes, **more: Any) -> bytes:
        """An image with its blobs; its manifest."""
        for data in (CONFIG, *layers):
            self.blob(name, data)
        manifest = image(*layers, **more)
        self.manifest(name, manifest, tag)
        return manifest
