"""Every key of the bucket is built here and nowhere else.

::

    blobs/<alg>/<hh>/<hex>                            content, stored once for all repositories, immutable
    repositories/<name>/_blobs/<alg>/<hex>            membership: a descriptor (this repository may serve that blob)
    repositories/<name>/_manifests/<alg>/<hex>        descriptor of the manifest, with its content in `data`
    repositories/<name>/_tags/<tag>                   descriptor of what the tag names, with its content in `data`
    repositories/<name>/_history/<tag>/<time>-<alg>-<hex>   what the tag was made to name, and when (append only)
    repositories/<name>/_referrers/<alg>/<subject hex>/<alg>-<hex>   descriptor of a referrer
    repositories/<name>/_v1/<tag>                     what a client of the first version said when it pushed a tag
    catalog/<name>                                    one marker a repository: a catalog page is one list call
    uploads/<id>/<offset>                             record of an unfinished upload: its parts, and the bytes since
    uploads/<id>/data-<random>                        parts of an unfinished upload (not visible on every store)
    uploads/<id>/cancelled                            that its client gave it up
    uploads/<hash>/image, uploads/<hash>/layer        an image of the first version whose push is under way
    uploads/<hash>/announced-<hash>                   which images somebody is about to push to which repository
    images/<image id>/<name>                          an image of the first version, in a repository
    caches/files/<alg>/<hh>/<hex>, caches/diffs/<hh>/<hash>   lists of files; made again where they are missing
    hub/…                                             accounts and tokens, see `objreg.hub.keys`
    system/format                                     the version of this layout
    system/secrets/<id>                               a key that signs upload sessions; any of them verifies
    system/scratch/<id>/…                             what a check of the store writes, and deletes at its end
    system/usage/<namespace>                          how much lay in a namespace when it was counted last

A component of a repository name never begins with ``_``, so no name can collide with a key.  See docs/layout.md.
"""

from __future__ import annotations

import re
from hashlib import sha256

from objreg.names import HEX_LENGTH, Digest

CACHES = 'caches/'
CATALOG = 'catalog/'
FORMAT = 'system/format'
SCRATCH = 'system/scratch/'
SECRETS = 'system/secrets/'
_REPOSITORIES = 'repositories/'
IMAGES = 'images/'
_CONTENT = re.compile('(.*/)?blobs/[a-z0-9]+/[0-9a-f]{2}/[0-9a-f]+', re.DOTALL)


def content(digest: Digest) -> str:
    """Where the bytes lie."""
    return f'blobs/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}'


def parse_content(key: str) -> Digest | None:
    """The digest of a key that `content` makes; None for any other key."""
    parts = key.split('/')
    if len(parts) != 4 or len(parts[3]) != HEX_LENGTH.get(parts[1]) or not set(parts[3]) <= set('0123456789abcdef'):
        return None
    digest = Digest(parts[1], parts[3])
    return digest if content(digest) == key else None


def membership(name: str, digest: Digest) -> str:
    """That a repository may serve a blob."""
    return f'{memberships(name)}{digest.algorithm}/{digest.hex}'


def memberships(name: str) -> str:
    """The prefix of all blobs that a repository may serve."""
    return f'repositories/{name}/_blobs/'


def parse_membership(key: str) -> Digest | None:
    """The digest of a key that `membership` makes; None for any other key."""
    _, found, rest = key.rpartition('/_blobs/')
    return Digest(*rest.split('/')) if found else None


def is_manifest(key: str) -> bool:
    """Whether it is one that `manifest` makes."""
    return key.startswith(_REPOSITORIES) and '/_manifests/' in key


def repository(name: str) -> str:
    """The prefix of all that begins with a name."""
    return f'{_REPOSITORIES}{name}'


def manifest(name: str, digest: Digest) -> str:
    """A manifest of a repository."""
    return f'{manifests(name)}{digest.algorithm}/{digest.hex}'


def manifests(name: str) -> str:
    """The prefix of all manifests of a repository."""
    return f'repositories/{name}/_manifests/'


def tag(name: str, tag: str) -> str:
    """What a tag names."""
    return f'repositories/{name}/_tags/{tag}'


def tags(name: str) -> str:
    """The prefix of all tags of a repository."""
    return f'repositories/{name}/_tags/'


def history(name: str, tag: str, nanoseconds: int, digest: Digest) -> str:
    """That a tag was made to name a digest, at that time since the epoch."""
    return f'repositories/{name}/_history/{tag}/{nanoseconds:020d}-{digest.algorithm}-{digest.hex}'


def histories(name: str) -> str:
    """The prefix of all history of a repository."""
    return f'repositories/{name}/_history/'


def history_of(name: str, tag: str) -> str:
    """The prefix of the history of a tag."""
    return f'{histories(name)}{tag}/'


def history_time(key: str) -> int:
    """The nanoseconds since the epoch that a key made by `history` carries."""
    return int(key.rpartition('/')[2].partition('-')[0])


def parse_tag(key: str) -> tuple[str, str]:
    """The repository and the tag of a key made by `tag`."""
    name, _, tag = key.removeprefix(_REPOSITORIES).rpartition('/_tags/')
    return name, tag


def parse_history(key: str) -> tuple[str, Digest]:
    """The tag and the digest that a key made by `history` carries."""
    _, _, rest = key.rpartition('/_history/')
    tag, _, last = rest.partition('/')
    _, algorithm, hexadecimal = last.split('-')
    return tag, Digest(algorithm, hexadecimal)


def referrer(name: str, subject: Digest, digest: Digest) -> str:
    """That a manifest has a subject."""
    return f'{referrers(name, subject)}{digest.algorithm}-{digest.hex}'


def referrers(name: str, subject: Digest) -> str:
    """The prefix of all referrers of a subject."""
    return f'repositories/{name}/_referrers/{subject.algorithm}/{subject.hex}/'


def catalog(name: str) -> str:
    """The marker that a repository exists."""
    return CATALOG + name


def upload(id: str) -> str:
    """The prefix of all that an unfinished upload has written."""
    return f'uploads/{id}/'


def upload_record(id: str, offset: int) -> str:
    """What is needed to go on with an upload at that offset."""
    return f'uploads/{id}/{offset:020d}'


def upload_data(id: str, random: str) -> str:
    """Where an upload of unknown digest is put together; never used twice."""
    return f'uploads/{id}/data-{random}'


def upload_cancelled(id: str) -> str:
    """That an upload was given up by its client."""
    return f'uploads/{id}/cancelled'


def image(id: str, name: str) -> str:
    """An image of the first version of the API, in a repository."""
    return images(id) + name


def images(id: str) -> str:
    """The prefix of that image in all repositories."""
    return f'{IMAGES}{id}/'


def parse_image(key: str) -> tuple[str, str] | None:
    """The id and the repository of a key that `image` makes; None for any other key."""
    if not key.startswith(IMAGES):
        return None
    id, _, name = key.removeprefix(IMAGES).partition('/')
    return id, name


def image_begun(id: str, name: str) -> str:
    """That somebody pushes such an image to a repository: its JSON."""
    return f'{upload(_hash(f"{id} {name}"))}image'


def image_received(id: str, name: str) -> str:
    """The same, and that its layer has come."""
    return f'{upload(_hash(f"{id} {name}"))}layer'


def announcements(subject: str) -> str:
    """The prefix of what somebody is about to push."""
    return f'{upload(_hash(subject))}announced-'


def announcement(subject: str, name: str) -> str:
    """Which images he is about to push to a repository."""
    return announcements(subject) + _hash(name)


def tag_facts(name: str, tag: str) -> str:
    """What a client of the first version said of itself when it pushed a tag."""
    return f'repositories/{name}/_v1/{tag}'


def _hash(text: str) -> str:
    """In the form of an upload's id: whatever lies there goes when it is old."""
    return sha256(text.encode()).hexdigest()[:32]


def file_list(layer: Digest) -> str:
    """The files of a layer, as a list that can be made again."""
    return f'{CACHES}files/{layer.algorithm}/{layer.hex[:2]}/{layer.hex}'


def file_diff(lineage: str) -> str:
    """What an image of the first version changes of its ancestors, made of such lists."""
    return f'{CACHES}diffs/{lineage[:2]}/{lineage}'


def secret(id: str) -> str:
    """A key that signs upload sessions."""
    return SECRETS + id


def scratch(id: str) -> str:
    """The prefix of the small objects with which a store is tried; its content has the key of an upload's data."""
    return f'{SCRATCH}{id}/'


def usage(namespace: str) -> str:
    """How much lay in a namespace when it was counted last."""
    return f'system/usage/{namespace}'


def is_immutable(key: str) -> bool:
    """Whether whatever is written under that key is always the same small object (it may be deleted)."""
    if key.startswith((CATALOG, IMAGES)):
        return True
    return key.startswith(_REPOSITORIES) and ('/_blobs/' in key or '/_manifests/' in key or '/_referrers/' in key)


def is_tag(key: str) -> bool:
    """Whether it is what a tag names."""
    return key.startswith(_REPOSITORIES) and '/_tags/' in key


def may_be_content(key: str) -> bool:
    """Whether it is content, maybe of a registry that lies below a path of a shared store.

    The only other key of that shape is a marker in the catalog, whose bytes are always the same too.
    """
    return _CONTENT.fullmatch(key) is not None


def is_content(key: str) -> bool:
    """Whether it is content, whose bytes are the same as long as it is there."""
    return key.startswith('blobs/')
