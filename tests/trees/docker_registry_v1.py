"""A tree as the first registry writes it, from what is known of its keys; nothing of `objreg.v1` is used here."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import random
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

from objreg.store import Store

EMPTY_TAR = bytes(1024)
EMPTY_PACKED = bytes.fromhex('1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000')
"""The same as Docker packed it."""
PACKED: dict[str, Callable[[bytes], bytes]] = {
    'gzip': lambda data: gzip.compress(data, mtime=0), 'plain': lambda data: data,
    'xz': lambda data: lzma.compress(data, preset=0), 'bzip2': lambda data: bz2.compress(data, 1),
}


def tar(name: str, content: bytes) -> bytes:
    """A layer of one file, not packed."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode='w', format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.uname, member.gname = len(content), 1400000000, 'root', 'root'
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def simple_checksum(document: bytes, layer: bytes) -> str:
    """What the registry computed of an image."""
    return 'sha256:' + hashlib.sha256(document + b'\n' + layer).hexdigest()


def tarsum(document: bytes, plain: bytes) -> str:
    """What the oldest clients had: a sum over each member's header and content."""
    sums = []
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        for member in archive:
            name = member.name + ('/' if member.isdir() else '')
            header = (
                f'name{name}mode{member.mode}uid{member.uid}gid{member.gid}size{member.size}mtime{int(member.mtime)}'
                f'typeflag{member.type.decode()}linkname{member.linkname}uname{member.uname}gname{member.gname}'
                f'devmajor{member.devmajor}devminor{member.devminor}'
            ).encode()
            content = archive.extractfile(member)
            sums.append(hashlib.sha256(header + (content.read() if content else b'')).hexdigest())
    return 'tarsum+sha256:' + hashlib.sha256(document + ''.join(sorted(sums)).encode()).hexdigest()


@dataclass
class TreeV1:
    """Grows as that registry lets it grow.  `root` is its ``storage_path``."""

    store: Store
    root: str = ''
    seed: int = 1
    images: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    """JSON and layer of all that are whole, by id."""

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def key(self, *parts: str) -> str:
        """A key below the root."""
        return '/'.join(([self.root] if self.root else []) + [*parts])

    def of_image(self, id: str, name: str) -> str:
        """A key of an image."""
        return self.key('images', id, name)

    def of_repository(self, name: str, rest: str) -> str:
        """A key of a repository: the namespace is quoted once, what follows twice."""
        namespace, slash, repository = name.partition('/')
        if not slash:
            namespace, repository = 'library', name
        return self.key('repositories', quote(namespace, safe=''), quote(quote_plus(repository), safe=''), rest)

    def new_id(self, digits: int = 64) -> str:
        """By chance, the same each time."""
        return f'{self._chance.getrandbits(4 * digits):0{digits}x}'

    def image(
        self, parent: str = '', content: bytes = b'', *, id: str = '', packed: str = 'gzip', sums: str = 'both',
        layer: bytes | None = None, **more: Any,
    ) -> str:
        """Push an image; its id.

        `sums`: which checksums are kept, ``both``, ``simple``, ``tarsum``, ``text`` or none.
        """
        id = id or self.new_id()
        plain = tar(f'file-{id[:8]}', content or id.encode()) if layer is None else layer
        data = PACKED[packed](plain)
        document = {
            'id': id, **({'parent': parent} if parent else {}), 'created': '2014-05-01T12:00:00.5Z',
            'container': id[:12], 'container_config': {'Cmd': ['/bin/sh', '-c', f'#(nop) ADD {id[:6]} <&>']},
            'docker_version': '0.11.1', 'author': 'Ünïcode <a@example.org>', 'config': {'Cmd': ['/hello'], 'Env': None},
            'architecture': 'amd64', 'os': 'linux', 'Size': len(plain), 'unknown': {'kept': [1, 2.5, None]}, **more,
        }
        text = json.dumps(document, indent=self._chance.choice([None, 1]), ensure_ascii=False).encode()
        kept = [tarsum(text, plain)] if sums in ('both', 'tarsum') else []
        kept += [simple_checksum(text, data)] if sums in ('both', 'simple') else []
        self.store.put(self.of_image(id, 'json'), text)
        self.store.put(self.of_image(id, 'layer'), data)
        ancestry = [id, *(json.loads(self.store.read(self.of_image(parent, 'ancestry'))) if parent else [])]
        self.store.put(self.of_image(id, 'ancestry'), json.dumps(ancestry).encode())
        if kept:
            self.store.put(self.of_image(id, '_checksum'), json.dumps(kept).encode())
        elif sums == 'text':
            self.store.put(self.of_image(id, '_checksum'), simple_checksum(text, data).encode())
        self.store.put(self.of_image(id, '_files'), b'[]')
        self.images[id] = text, data
        return id

    def chain(self, length: int, parent: str = '', **more: Any) -> list[str]:
        """Images upon each other, the root first."""
        made: list[str] = []
        for _ in range(length):
            made.append(self.image(made[-1] if made else parent, **more))
        return made

    def tag(self, name: str, tag: str, id: str, at: int = 1400000000) -> None:
        """Name an image."""
        self.store.put(self.of_repository(name, f'tag_{quote(tag, safe="")}'), id.encode())
        told = json.dumps({
            'last_update': at, 'docker_version': '0.11.1', 'docker_go_version': 'go1.2.1', 'arch': 'amd64',
            'os': 'linux', 'kernel': '3.13.0',
        }).encode()
        self.store.put(self.of_repository(name, f'tag{quote(tag, safe="")}_json'), told)
        if tag == 'latest':
            self.store.put(self.of_repository(name, 'json'), told)
        self.store.put(self.of_repository(name, '_index_images'), json.dumps([{'id': id, 'Tag': tag}]).encode())

    def hide(self, name: str) -> None:
        """Make a repository private."""
        self.store.put(self.of_repository(name, '_private'), b'')


@dataclass(frozen=True)
class Filled:
    """A tree of many images: what must come out of it."""

    tree: TreeV1
    tags: dict[str, dict[str, list[str]]]
    """By repository, as that registry calls it, and tag: the chain of ids, the root first."""
    private: set[str]


def filled(store: Store, root: str = '') -> Filled:
    """250 images in 40 repositories over a few shared bases, with every way to pack a layer and to keep checksums."""
    tree = TreeV1(store, root)
    chance = random.Random(7)
    bases = [tree.chain(length, sums=sums) for length, sums in ((1, 'both'), (6, 'simple'), (12, 'tarsum'))]
    tags: dict[str, dict[str, list[str]]] = {}
    private: set[str] = set()
    for number in range(40):
        name = ('app%d', 'team/app%d', 'other_team/app.%d', 'team/a/b%d')[number % 4] % number
        tags[name] = {}
        for version in range(2):
            base = chance.choice(bases)
            more = tree.chain(
                chance.randrange(1, 4), base[-1], packed=chance.choice([*PACKED]),
                sums=chance.choice(['both', 'simple', 'tarsum', 'text', '']),
            )
            empty = tree.image(more[-1], layer=EMPTY_TAR, sums='')
            if version:
                empty = tree.image(empty, layer=EMPTY_PACKED, packed='plain', sums='simple')
                more.append(json.loads(tree.images[empty][0])['parent'])
            for tag in (f'v{version}.{number}', *(['latest'] if version else [])):
                tree.tag(name, tag, empty, 1400000000 + number)
                tags[name][tag] = [*base, *more, empty]
        if number % 5 == 0:
            tree.hide(name)
            private.add(name)
    short = tree.image(id=tree.new_id(16))
    tree.tag('short', 'latest', short)
    tags['short'] = {'latest': [short]}
    return Filled(tree, tags, private)
