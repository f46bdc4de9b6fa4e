"""What a client of the first version pulls: ``GET`` of images and tags.  HEAD is the same without the bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from objreg import keys
from objreg.errors import ManifestUnknown
from objreg.http import Response
from objreg.names import Digest
from objreg.store import Content
from objreg.v1.answers import answer, immutable, is_known
from objreg.v1.call import Call
from objreg.v1.compression import gzipped, unpacked
from objreg.v1.errors import V1Error
from objreg.v1.from_v2 import NoImages
from objreg.v1.image import EMPTY_LAYER, Image
from objreg.v1.layer_scan import MOST_UNPACKED
from objreg.v1.tag_facts import facts_of

_TAGS_AT_ONCE = 1000


def image_json(call: Call) -> Response:
    """``GET /v1/images/<id>/json``: the very bytes that were pushed."""
    image, _ = call.find(call.route.reference)
    headers = [('X-Docker-Size', str(image.layer.size))]
    if image.payload:
        headers += [('X-Docker-Checksum-Payload', image.payload), ('X-Docker-Payload-Checksum', image.payload)]
    if image.tarsum:
        headers.append(('X-Docker-Checksum', image.tarsum))
    return _kept(call, image.json, headers)


def image_ancestry(call: Call) -> Response:
    """``GET /v1/images/<id>/ancestry``: it and its ancestors, itself first."""
    image, name = call.find(call.route.reference)
    call.view.expand(image, call.view.registry.repository(name))
    return _kept(call, answer(list(image.ancestry)).body)


def image_layer(call: Call) -> Response:
    """``GET /v1/images/<id>/layer``: the bytes as they were pushed, but what old clients cannot unpack as gzip."""
    image, name = call.find(call.route.reference)
    if is_known(call.req, image.id):
        return immutable(call.req, image.id, 304)
    if image.is_empty:
        return _bytes(call, image, [EMPTY_LAYER], len(EMPTY_LAYER))
    if 'zstd' in image.layer.media_type:
        return _bytes(call, image, _as_gzip(call, image), None)
    asked = {'HTTP_RANGE': call.req.environ['HTTP_RANGE']} if 'HTTP_RANGE' in call.req.environ else {}
    method = call.req.environ['REQUEST_METHOD']
    found = call.inner.get_blob(name, image.layer.digest, method, asked)
    if found.status_int >= 400 and found.status_int != 416:
        raise call.inner.error(found)
    kept = [
        (header, value) for header, value in found.headerlist
        if header in ('Content-Length', 'Content-Range', 'Accept-Ranges', 'Location')
    ]
    body = found.app_iter if found.status_int in (200, 206) else ()
    return immutable(call.req, image.id, found.status_int, kept, kind='application/octet-stream', body=body)


def image_files(call: Call) -> Response:
    """``GET /v1/images/<id>/files``: what its layer holds."""
    image, _ = call.find(call.route.reference)
    return _listed(call, image, lambda: call.view.file_lists.files(image))


def image_diff(call: Call) -> Response:
    """``GET /v1/images/<id>/diff``: what its layer changes of its ancestors."""
    image, name = call.find(call.route.reference)
    call.view.expand(image, call.view.registry.repository(name))
    found = [call.view.images.find(id, name) for id in image.ancestry[1:]]
    ancestors = [one for one in found if one is not None]
    if len(ancestors) < len(found):
        raise V1Error(404, 'Image not found')
    return _listed(call, image, lambda: call.view.file_lists.diff(image, ancestors))


def tags(call: Call) -> Response:
    """``GET /v1/repositories/<name>/tags``: each tag with the id of its image; what is no image is left out."""
    repository = call.view.registry.repository(call.route.name)
    found: dict[str, str] = {}
    after, more = '', True
    while more:
        page = repository.tags(after, _TAGS_AT_ONCE)
        ids = call.view.registry.each(lambda tag: _id_of(call, tag), page.names)
        found |= {tag: id for tag, id in zip(page.names, ids, strict=True) if id}
        after, more = page.names[-1] if page.names else '', page.more and bool(page.names)
    if not found and not repository.exists():
        raise V1Error(404, 'Repository not found')
    return answer(found)


def tag(call: Call) -> Response:
    """``GET /v1/repositories/<name>/tags/<tag>``: the id of its image."""
    id = _id_of(call, call.route.reference)
    if not id:
        raise V1Error(404, 'Tag not found')
    return answer(id)


def tag_json(call: Call) -> Response:
    """``GET …/tags/<tag>/json``, and of the repository that of ``latest``: who pushed it, as far as it is known."""
    return answer(facts_of(call, call.route.reference or 'latest'))


def _id_of(call: Call, tag: str) -> str:
    try:
        return call.view.of_tag(call.view.registry.repository(call.route.name), tag).id
    except (ManifestUnknown, NoImages):
        return ''


def _kept(call: Call, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """An answer that will never be another one."""
    id = call.route.reference
    if is_known(call.req, id):
        return immutable(call.req, id, 304)
    return immutable(call.req, id, 200, [*headers, ('Content-Length', str(len(body)))], body=[body])


def _listed(call: Call, image: Image, make: Callable[[], Content]) -> Response:
    if is_known(call.req, image.id):
        return immutable(call.req, image.id, 304)
    content = make()
    headers = [('Content-Length', str(content.size))]
    if call.req.environ['REQUEST_METHOD'] == 'HEAD':
        content.close()
        return immutable(call.req, image.id, 200, headers)
    return immutable(call.req, image.id, 200, headers, body=content)


def _bytes(call: Call, image: Image, body: Iterable[bytes], size: int | None) -> Response:
    headers = [] if size is None else [('Content-Length', str(size))]
    sent = () if call.req.environ['REQUEST_METHOD'] == 'HEAD' else body
    return immutable(call.req, image.id, 200, headers, kind='application/octet-stream', body=sent)


def _as_gzip(call: Call, image: Image) -> Iterator[bytes]:
    """What old clients cannot unpack, unpacked and packed again on the way."""
    with call.view.registry.store.get(keys.content(Digest.parse(image.layer.digest))) as content:
        yield from gzipped(unpacked(content, MOST_UNPACKED))
