"""What a client of the first version pushes: an image by its JSON, its layer and its checksum, then the tags."""

from __future__ import annotations

import json

from objreg import manifest as manifests
from objreg.errors import ManifestUnknown, TagInvalid
from objreg.http import Response
from objreg.names import Digest, check_tag
from objreg.v1 import tag_facts
from objreg.v1.answers import answer
from objreg.v1.call import Call
from objreg.v1.errors import V1Error
from objreg.v1.image import MOST_ANCESTORS, MOST_JSON, Image, ImageInvalid, Layer, is_id, load, parent_of
from objreg.v1.images import Begun, Received
from objreg.v1.layer_upload import measure, take_in
from objreg.v1.to_v2 import config_of, manifest_of, media_type

EXISTS = 'Image already exists'
"""Clients know these words: they then go on as if they had pushed it."""
_SHORT = 4096


def put_image_json(call: Call) -> Response:
    """``PUT /v1/images/<id>/json``: begin to push an image."""
    id, images = call.route.reference, call.view.images
    data = call.body(MOST_JSON)
    try:
        parent = parent_of(load(data), id)
    except ImageInvalid as error:
        raise V1Error(400, str(error)) from error
    name = call.pushed_to(id)
    if call.view.find(id, name) is not None:
        raise V1Error(409, EXISTS)
    ancestry, lineage = _parent(call, parent, name) if parent else ((), '')
    if len(ancestry) >= MOST_ANCESTORS:
        raise V1Error(400, f'Image has {MOST_ANCESTORS} ancestors or more')
    expected = call.req.headers.get('X-Docker-Checksum', '')[:_SHORT]
    images.begin(id, name, Begun(data, (id, *ancestry), lineage, expected))
    return answer(True)


def put_image_layer(call: Call) -> Response:
    """``PUT /v1/images/<id>/layer``: the bytes; nobody sees them before the checksum came."""
    id, images = call.route.reference, call.view.images
    name = call.pushed_to(id)
    begun = images.begun(id, name)
    if begun is None:
        return _again(call, id, name)
    found = take_in(call, name, begun.json)
    layer = Layer(str(found.digest), found.size, media_type(found.compression), str(found.diff_id))
    received = Received(begun, layer, found.payload, found.tarsum)
    if not begun.expected:
        images.receive(id, name, received)
        return answer(True)
    if begun.expected not in (found.payload, found.tarsum):  # as clients up to 0.6 told it beforehand
        raise V1Error(400, 'Checksum mismatch, ignoring the layer')
    _complete(call, received.image(), name)
    return answer(True)


def put_image_checksum(call: Call) -> Response:
    """``PUT /v1/images/<id>/checksum``: from now on it is there, if its bytes are those that the client had."""
    id, images = call.route.reference, call.view.images
    payload, tarsum = (
        call.req.headers.get(header, '').strip() for header in ('X-Docker-Checksum-Payload', 'X-Docker-Checksum')
    )
    if not payload and not tarsum:
        raise V1Error(400, "Missing Image's checksum")
    name = call.pushed_to(id)
    received = images.received(id, name)
    if received is None:
        if _is_here(call, id, name, payload, tarsum):
            return answer(True)
        raise _not_received(call, id, name)
    # the payload is of all bytes; a tarsum is what the oldest clients have instead
    if payload != received.payload if payload else tarsum != received.tarsum:
        raise V1Error(400, 'Checksum mismatch')
    _complete(call, received.image(), name)
    return answer(True)


def put_tag(call: Call) -> Response:
    """``PUT /v1/repositories/<name>/tags/<tag>``: name an image, and so make it a manifest."""
    name, tag = call.route.name, _tag(call.route.reference)
    image, source = call.find_for(_id(call.body(_SHORT)), name)
    if not (image.manifest and _tag_again(call, image, source, name, tag)):
        found = [(image, source), *(call.find_for(id, name) for id in image.ancestry[1:])]
        for one, where in found:
            _bring(call, one, where, name)
        images = [one for one, _ in found]
        config = config_of(images)
        call.inner.put_bytes(name, config)
        call.inner.put_manifest(name, tag, manifest_of(images, config), manifests.DOCKER_MANIFEST)
    tag_facts.note(call, tag)
    return answer(True)


def delete_tag(call: Call) -> Response:
    """``DELETE /v1/repositories/<name>/tags/<tag>``: the tag and nothing else."""
    tag = call.route.reference
    try:
        call.view.registry.repository(call.route.name).tagged(check_tag(tag))
    except (ManifestUnknown, TagInvalid) as error:
        raise V1Error(404, f'Tag not found: {tag[:128]}') from error
    call.inner.delete(call.route.name, tag)
    return answer(True)


def delete_tags(call: Call) -> Response:
    """``DELETE …/tags`` and of the repository: all tags; what they named goes when it is collected."""
    repository = call.view.registry.repository(call.route.name)
    if not repository.exists():
        raise V1Error(404, 'Repository not found')
    for tag in repository.all_tags():
        call.inner.delete(repository.name, tag, missing_ok=True)  # a list may lag
    return answer(True)


# Parts of a push


def _parent(call: Call, parent: str, name: str) -> tuple[tuple[str, ...], str]:
    """Ancestry and lineage of a parent, which must be there before its children, and be his to read who pushes them."""
    try:
        image, _ = call.find_for(parent, name)
    except V1Error as error:
        raise V1Error(400, 'Image depends on a non existing parent') from error
    return image.ancestry, image.lineage


def _complete(call: Call, image: Image, name: str) -> None:
    call.view.images.put(image, name)
    call.view.images.end(image.id, name)


def _again(call: Call, id: str, name: str) -> Response:
    """A layer of an image that is there: somebody else ended the same push first, or an answer was lost."""
    image = call.view.find(id, name)
    if image is None:
        raise V1Error(404, 'Image not found')
    if measure(call) != image.layer.digest:
        raise V1Error(409, EXISTS)
    return answer(True)


def _is_here(call: Call, id: str, name: str, payload: str, tarsum: str) -> bool:
    """Whether that image is there with that checksum: again, or ended by somebody else."""
    image = call.view.find(id, name)
    return image is not None and (payload == image.payload if payload else tarsum == image.tarsum)


def _not_received(call: Call, id: str, name: str) -> V1Error:
    """Why there is no layer whose checksum this could be."""
    if call.view.images.begun(id, name) is not None:
        return V1Error(400, 'Checksum mismatch: the layer has not come')
    if call.view.find(id, name) is not None:
        return V1Error(409, 'Cannot set this image checksum')
    return V1Error(404, 'Image not found')


# Parts of tagging


def _tag_again(call: Call, image: Image, source: str, name: str, tag: str) -> bool:
    """Name the manifest that the image was derived from; False where it is gone."""
    held = call.view.registry.repository(source)
    try:
        found = held.manifest(Digest.parse(image.manifest))
    except ManifestUnknown:
        return False
    if source != name:
        for digest in dict.fromkeys(blob.digest for blob in manifests.of_stored(found).blobs):
            call.bring(digest, source, name)
    call.inner.put_manifest(name, tag, found.data or b'', found.media_type)
    return True


def _bring(call: Call, image: Image, source: str, name: str) -> None:
    """Let a repository have an image of another one."""
    if source == name:
        return
    if not image.is_empty:
        call.bring(Digest.parse(image.layer.digest), source, name)
    call.view.images.put(image, name)


def _tag(text: str) -> str:
    try:
        return check_tag(text)
    except TagInvalid as error:
        raise V1Error(400, 'Invalid tag name (must match [A-Za-z0-9_][A-Za-z0-9._-]{0,127})') from error


def _id(data: bytes) -> str:
    """The id in a body that is a JSON string; raises 400."""
    try:
        id = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise V1Error(400, 'Invalid data') from error
    if not isinstance(id, str) or not is_id(id):
        raise V1Error(400, 'Invalid data')
    return id
