"""Manifests, by tag and by digest: ``/v2/<name>/manifests/<reference>``.

distribution-spec 1.1 "Pulling manifests", "Pushing Manifests", "Deleting tags", "Deleting Manifests".
"""

from __future__ import annotations

import time

from objreg import manifest as manifests
from objreg.body import RequestBody, TooLong
from objreg.descriptor import Descriptor
from objreg.errors import (
    DigestInvalid,
    ManifestInvalid,
    ManifestTooLarge,
    ManifestUnknown,
    PreconditionFailed,
    TagInvalid,
    Unsupported,
)
from objreg.http import Request, Response
from objreg.names import Digest, check_tag
from objreg.repository import Repository
from objreg.resources.base import Resource, Shared, answer, url
from objreg.sessions import Recent

MAX_TAGS = 16
"""Tags that one PUT may set."""


INTRODUCED_SECONDS = 30.0
"""How long the members that a manifest introduces need not be introduced again; less than a cache believes them."""


class Manifests(Resource):
    """One manifest of one repository."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._introduced: Recent[float] = Recent()

    def GET(self, req: Request, name: str, reference: str) -> Response:
        """The bytes as they were pushed: one read, none by a digest that this node saw lately."""
        found = self._find(req, name, reference)
        data = found.data or b''
        headers = said_of(found.media_type, found.digest)
        if is_known(req, found.digest):
            return answer(304, headers[1:])
        return answer(200, headers, data)

    def HEAD(self, req: Request, name: str, reference: str) -> Response:
        """The same without the bytes."""
        return self.GET(req, name, reference)

    def _find(self, req: Request, name: str, reference: str) -> Descriptor:
        repository = self.registry.repository(name)
        if ':' in reference:
            found = repository.manifest(Digest.parse(reference))
        else:
            found = self._acceptable(req, repository, repository.tagged(check_tag(reference)))
        if found.media_type in manifests.IMAGES:
            self._introduce(repository, found)
        return found

    def _introduce(self, repository: Repository, found: Descriptor) -> None:
        """A pull asks for the blobs next.  Not each time: parsing is what would cost most of an answer."""
        now, key = time.monotonic(), (repository.name, found.digest)
        if now - (self._introduced.get(key) or -INTRODUCED_SECONDS) >= INTRODUCED_SECONDS:
            repository.introduce(found, manifests.of_stored(found))
            self._introduced[key] = now

    def _acceptable(self, req: Request, repository: Repository, found: Descriptor) -> Descriptor:
        """What a tag names, in a form that the client takes: of an index, for an old one, the image for linux/amd64."""
        accepted = req.environ.get('HTTP_ACCEPT', '')
        if manifests.is_accepted(found.media_type, accepted):
            return found
        if found.media_type in manifests.INDEXES:
            child = manifests.child_for(manifests.of_stored(found))
            if child is not None:
                image = repository.manifest(child)
                if manifests.is_accepted(image.media_type, accepted):
                    return image
        raise ManifestUnknown(f'it is {found.media_type}, which the Accept header does not take')

    def PUT(self, req: Request, name: str, reference: str) -> Response:
        """Accept a manifest when all that it names is here, and make tags name it."""
        try:
            data = RequestBody(req.environ).small(self.settings.manifest_size)
        except TooLong as error:
            raise ManifestTooLarge(f'at most {self.settings.manifest_size} bytes') from error
        digest, tags = _named(req, reference, data)
        manifest = manifests.parse(
            data, req.environ.get('CONTENT_TYPE', ''), max_children=self.settings.manifest_children
        )
        repository = self.registry.repository(name)
        if 'HTTP_IF_MATCH' in req.environ or 'HTTP_IF_NONE_MATCH' in req.environ:
            for tag in tags:
                _check_conditions(req, repository, tag)
        held = repository.held(digest)
        if held is None:
            if self.settings.sparse != 'all':
                repository.check_children(manifest, sparse=self.settings.sparse == 'indexes')
        elif held.media_type != manifest.media_type:
            raise ManifestInvalid(f'these bytes are here already, as {held.media_type}')
        new_tags = [tag for tag in tags if not _names_already(repository, tag, digest)]
        if held is None or len(new_tags) == len(tags):  # a tag is written last: where there is one, all is there
            repository.put_manifest(digest, manifest, data, is_here=held is not None)
        for tag in new_tags:
            repository.put_tag(tag, digest, manifest.media_type, data)
        headers = [
            ('Location', url(req, f'/v2/{name}/manifests/{digest}')),
            ('Docker-Content-Digest', str(digest)),
            *(('OCI-Tag', tag) for tag in tags),
        ]
        if manifest.subject is not None:
            headers.append(('OCI-Subject', str(manifest.subject.digest)))
        return answer(201, headers)

    def DELETE(self, req: Request, name: str, reference: str) -> Response:
        """Delete a tag and nothing else; or by digest the manifest, with the tags that name it."""
        if not self.settings.delete:
            raise Unsupported('deleting is switched off here')
        repository = self.registry.repository(name)
        if ':' in reference:
            repository.remove_manifest(Digest.parse(reference))
        else:
            repository.remove_tag(check_tag(reference))
        return answer(202)


def said_of(media_type: str, digest: Digest) -> list[tuple[str, str]]:
    """The headers of a manifest."""
    return [('Content-Type', media_type), ('Docker-Content-Digest', str(digest)), ('ETag', f'"{digest}"')]


def is_known(req: Request, digest: Digest) -> bool:
    """Whether the client has that manifest already."""
    return str(digest) in req.environ.get('HTTP_IF_NONE_MATCH', '')


def _named(req: Request, reference: str, data: bytes) -> tuple[Digest, list[str]]:
    """The digest under which a manifest is stored, verified, and the tags that shall name it."""
    tags = [check_tag(tag) for tag in req.GET.getall('tag')]
    if ':' in reference:
        digest = Digest.parse(reference)
    else:
        tags = [check_tag(reference), *tags]
        digest = Digest.of(data)
    if not digest.is_of(data):
        raise DigestInvalid({'expected': str(digest), 'found': str(Digest.of(data, digest.algorithm))})
    tags = list(dict.fromkeys(tags))
    if len(tags) > MAX_TAGS:
        raise TagInvalid(f'at most {MAX_TAGS} tags at once')
    return digest, tags


def _check_conditions(req: Request, repository: Repository, tag: str) -> None:
    """``If-Match`` and ``If-None-Match`` on a tag: checked, then written; two writers at once may both pass."""
    current = _digest_of(repository, tag)
    wanted, unwanted = req.environ.get('HTTP_IF_MATCH'), req.environ.get('HTTP_IF_NONE_MATCH')
    if wanted is not None and (current is None or not _matches(wanted, current)):
        raise PreconditionFailed(f'{tag} names {current or "nothing"}')
    if unwanted is not None and current is not None and _matches(unwanted, current):
        raise PreconditionFailed(f'{tag} names {current}')


def _matches(header: str, digest: Digest) -> bool:
    return any(item.strip().strip('"') in ('*', str(digest)) for item in header.split(','))


def _digest_of(repository: Repository, tag: str) -> Digest | None:
    try:
        return repository.tagged(tag).digest
    except ManifestUnknown:
        return None


def _names_already(repository: Repository, tag: str, digest: Digest) -> bool:
    return _digest_of(repository, tag) == digest
