"""The images of the first version that a manifest of the second one is, as Docker itself once derived them.  Pure.

The id of a layer follows from its digest and its parent's id, that of the topmost also from the configuration, so it
is the same for ever and in every repository.  Docker image manifest version 2, schema 1, "Backward compatibility".

A configuration that was made here from images with ids of their own names these (`IDS`), and they are given back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import msgspec

from objreg import manifest as manifests
from objreg.descriptor import Descriptor
from objreg.manifest import Manifest
from objreg.v1.image import (
    EMPTY_DIFF_ID,
    EMPTY_DIGEST,
    EMPTY_LAYER,
    MOST_ANCESTORS,
    Image,
    ImageInvalid,
    Layer,
    compact,
    dump,
    is_id,
    lineage_of,
    load,
)

IDS = 'objreg.v1.ids'
"""Field of a configuration: the ids of its images, the root's first."""
_CONFIGS = frozenset({'application/vnd.docker.container.image.v1+json', 'application/vnd.oci.image.config.v1+json'})
_TIME = re.compile(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)', re.ASCII)
_ONLY_V2 = ('rootfs', 'history', IDS)
EMPTY = Layer(
    str(EMPTY_DIGEST), len(EMPTY_LAYER), 'application/vnd.docker.image.rootfs.diff.tar.gzip', str(EMPTY_DIFF_ID)
)


class NoImages(Exception):
    """What it is has no such form: an artifact, layers that are elsewhere; the text says which."""


def config_descriptor(manifest: Manifest) -> Descriptor:
    """The configuration of an image; raises `NoImages` for what is none."""
    if manifest.media_type not in manifests.IMAGES or not manifest.blobs:
        raise NoImages(f'{manifest.media_type} is no image')
    config = manifest.blobs[0]
    if config.media_type not in _CONFIGS:
        raise NoImages(f'its configuration is {config.media_type}')
    if any(manifests.is_elsewhere(layer) for layer in manifest.blobs[1:]):
        raise NoImages('it has layers that are elsewhere')
    return config


def images_of(manifest: Manifest, digest: str, config: bytes, *, named: bool = True) -> list[Image]:
    """The images of a manifest of that digest, the topmost first.

    `named` false: derive all ids, whatever the configuration says.  Raises `NoImages`.
    """
    images = plain_images_of(manifest, digest, config, named=named)
    return [msgspec.structs.replace(image, json=_completed(image)) for image in images]


def plain_images_of(manifest: Manifest, digest: str, config: bytes, *, named: bool = True) -> list[Image]:
    """The same with no more JSON than Docker's registry derived."""
    config_descriptor(manifest)
    try:
        document = load(config)
        layers = _layers(document, manifest.blobs[1:])
    except ImageInvalid as error:
        raise NoImages(f'its configuration: {error}') from error
    ids = (_named(document, len(layers)) if named else None) or _derived(document, layers, config)
    chains = [tuple(reversed(ids[:count])) for count in range(1, len(ids) + 1)]
    digests = [layer.digest for _, layer in layers]
    lineages = list(accumulate(digests, lambda below, layer: lineage_of(layer, below), initial=''))
    images = [
        Image(_json(entry, chain), layer, chain, lineage)
        for (entry, layer), chain, lineage in zip(layers[:-1], chains[:-1], lineages[1:-1], strict=True)
    ]
    entry, layer = layers[-1]
    images.append(Image(
        _top_json(config, entry, chains[-1]), layer, chains[-1], lineages[-1], manifest=digest,
        is_expanded=len(ids) == 1,
    ))
    return images[::-1]


def _layers(document: dict[str, Any], layers: Sequence[Descriptor]) -> list[tuple[dict[str, Any], Layer]]:
    """Each entry of the history with its layer, the root's first."""
    rootfs = document.get('rootfs')
    diff_ids = rootfs.get('diff_ids') if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != len(layers):
        raise NoImages('it has not as many layers as its configuration says')
    if isinstance(rootfs, dict) and rootfs.get('base_layer'):
        raise NoImages('its base layer is elsewhere')
    history = document.get('history') or [{} for _ in layers]
    if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
        raise NoImages('its history is no list of objects')
    if not 0 < len(history) <= MOST_ANCESTORS:
        raise NoImages(f'it has {len(history)} steps')
    left = [
        Layer(str(layer.digest), layer.size, layer.media_type, str(diff_id))
        for layer, diff_id in zip(layers, diff_ids, strict=True)
    ][::-1]
    if sum(entry.get('empty_layer') is not True for entry in history) != len(left):
        raise NoImages('its history has not as many layers as its manifest')
    return [(entry, EMPTY if entry.get('empty_layer') is True else left.pop()) for entry in history]


def _named(document: dict[str, Any], count: int) -> list[str] | None:
    """The ids that the configuration names, if these can be ids of that many images."""
    ids = document.get(IDS)
    if not isinstance(ids, list) or len(ids) != count or len(set(map(str, ids))) != count:
        return None
    return ids if all(isinstance(id, str) and is_id(id) for id in ids) else None


def _derived(document: dict[str, Any], layers: Sequence[tuple[dict[str, Any], Layer]], config: bytes) -> list[str]:
    """The ids, the root's first."""
    blobs = [layer.digest.partition(':')[2] for _, layer in layers]
    below = list(accumulate(blobs[:-1], lambda parent, blob: _sha256(f'{blob} {parent}'.encode()), initial=''))
    return [*below[1:], _sha256(f'{blobs[-1]} {below[-1]} '.encode() + config)]


def _json(entry: dict[str, Any], chain: tuple[str, ...]) -> bytes:
    """Of an image below the topmost, in the order of fields that Docker's registry gave them."""
    document: dict[str, Any] = {'id': chain[0]}
    if len(chain) > 1:
        document['parent'] = chain[1]
    if entry.get('comment'):
        document['comment'] = entry['comment']
    document['created'] = _time(entry.get('created') or '0001-01-01T00:00:00Z')
    document['container_config'] = {'Cmd': [entry.get('created_by') or '']}
    if entry.get('author'):
        document['author'] = entry['author']
    if entry.get('empty_layer') is True:
        document['throwaway'] = True
    return dump(document)


def _top_json(config: bytes, entry: dict[str, Any], chain: tuple[str, ...]) -> bytes:
    """Of the topmost image: the configuration without what only the second version knows.

    Docker's registry sorts its fields and leaves what they hold as it stands there.
    """
    try:
        document = msgspec.json.decode(config, type=dict[str, msgspec.Raw])
        top = {key: compact(bytes(value)) for key, value in document.items() if key not in _ONLY_V2}
    except (msgspec.DecodeError, UnicodeDecodeError, ImageInvalid) as error:
        raise NoImages('its configuration: Invalid JSON') from error
    top['id'] = dump(chain[0])
    if len(chain) > 1:
        top['parent'] = dump(chain[1])
    if entry.get('empty_layer') is True:
        top['throwaway'] = b'true'
    return b'{%s}' % b','.join(dump(key) + b':' + top[key] for key in sorted(top))


def _time(text: Any) -> Any:
    """A time as Go writes it: no zeros at the end of its fraction, and UTC as Z.  What is none stays as it is."""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return text
    seconds, fraction, zone = found.groups()
    fraction = (fraction or '')[:9].rstrip('0')
    zone = 'Z' if zone in ('+00:00', '-00:00') else zone
    return f'{seconds}.{fraction}{zone}' if fraction else f'{seconds}{zone}'


def _completed(image: Image) -> bytes:
    """With what old clients show: the size, and what made the layer."""
    document = image.document()
    document['Size'] = image.layer.size
    document['layer_id'] = image.layer.digest
    document.setdefault('container_config', document.get('config') or {})
    return dump(document)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
