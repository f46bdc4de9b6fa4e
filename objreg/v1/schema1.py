"""Docker image manifest version 2, schema 1: images of the first version in one document, the topmost first.  Pure."""

from __future__ import annotations

from collections.abc import Sequence

from objreg.v1.from_v2 import NoImages
from objreg.v1.image import Image, dump

SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
UNSIGNED = 'application/vnd.docker.distribution.manifest.v1+json'


def payload_of(images: Sequence[Image], name: str, tag: str) -> bytes:
    """The document without signatures, of images that come with all their ancestors, the topmost first.

    Byte for byte what Docker's registry up to 2.8 makes of the same manifest.  Raises `NoImages` for what clients of
    this schema cannot unpack.
    """
    if any('zstd' in image.layer.media_type for image in images):
        raise NoImages('it has layers that are packed by zstd')
    architecture = images[0].document().get('architecture', '')
    if not isinstance(architecture, str):
        raise NoImages('its architecture is no text')
    try:
        history = [{'v1Compatibility': image.json.decode()} for image in images]
    except UnicodeDecodeError as error:
        raise NoImages('its configuration is no text') from error
    return dump({
        'schemaVersion': 1, 'name': name, 'tag': tag, 'architecture': architecture,
        'fsLayers': [{'blobSum': image.layer.digest} for image in images],
        'history': history,
    }, indent=3)
