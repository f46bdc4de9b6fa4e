"""Runs clients, and makes what they push."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from objreg.manifest import OCI_INDEX, OCI_MANIFEST
from tests.documents import CONFIG_TYPE, LAYER_TYPE
from tests.servers.fixtures import absent
from tests.servers.registries import ROOT

GO = ROOT / '.cache/go/bin'
BUSYBOX = Path('/bin/busybox')


_LONGEST = 300
"""Seconds that a program may take."""


def run(
    *command: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None, fails: bool | None = False
) -> str:
    """Run a program of this machine to its end; what it printed.  `fails`: it has to; None: it may."""
    program = shutil.which(command[0]) if not Path(command[0]).is_absolute() else command[0]
    if program is None or not Path(program).exists():
        absent(f'{command[0]} is not installed (tests/install.sh and tests/install-go.sh install it)')
    done = subprocess.run(
        [str(program), *map(str, command[1:])], capture_output=True, text=True, check=False, cwd=cwd,
        env=dict(env or os.environ), stdin=subprocess.DEVNULL, timeout=_LONGEST,
    )
    told = f'{done.stdout}{done.stderr}'
    assert fails is None or (done.returncode != 0) == fails, f'{" ".join(map(str, command))}: {done.returncode}\n{told}'
    return done.stdout if fails is False else told


def digest_of(data: bytes) -> str:
    """The sha256 digest."""
    return f'sha256:{hashlib.sha256(data).hexdigest()}'


class Layout:
    """An OCI layout in a folder, that grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / 'blobs/sha256').mkdir(parents=True)
        (path / 'oci-layout').write_text('{"imageLayoutVersion": "1.0.0"}')
        self._manifests: list[dict[str, Any]] = []

    def blob(self, data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        """Add a blob; its descriptor."""
        digest = digest_of(data)
        (self.path / 'blobs/sha256' / digest.partition(':')[2]).write_bytes(data)
        return {'mediaType': media_type, 'digest': digest, 'size': len(data), **more}

    def image(self, architecture: str, *files: tuple[str, bytes]) -> dict[str, Any]:
        """Add an image with a layer for each file; the descriptor of its manifest."""
        layers, diffs = [], []
        for name, data in files:
            layer = _tar(name, data)
            diffs.append(digest_of(layer))
            layers.append(self.blob(gzip.compress(layer, mtime=0), f'{LAYER_TYPE}+gzip'))
        config = self.blob(json.dumps({
            'architecture': architecture, 'os': 'linux', 'config': {}, 'rootfs': {'type': 'layers', 'diff_ids': diffs},
        }).encode(), CONFIG_TYPE)
        return self.blob(json.dumps({
            'schemaVersion': 2, 'mediaType': OCI_MANIFEST, 'config': config, 'layers': layers,
        }).encode(), OCI_MANIFEST, platform={'os': 'linux', 'architecture': architecture})

    def index(self, *manifests: dict[str, Any]) -> dict[str, Any]:
        """Add an index; its descriptor."""
        return self.blob(json.dumps({
            'schemaVersion': 2, 'mediaType': OCI_INDEX, 'manifests': manifests,
        }).encode(), OCI_INDEX)

    def tag(self, name: str, found: dict[str, Any]) -> str:
        """Name a manifest; its digest."""
        self._manifests.append({**found, 'annotations': {'org.opencontainers.image.ref.name': name}})
        (self.path / 'index.json').write_text(json.dumps({'schemaVersion': 2, 'manifests': self._manifests}))
        digest: str = found['digest']
        return digest


def tar_of_busybox(path: Path) -> Path:
    """A file system of one program, for ``docker import``."""
    path.write_bytes(_tar('bin/busybox', BUSYBOX.read_bytes()))
    return path


def _tar(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode='w') as archive:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o755
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def two_platforms(path: Path) -> tuple[Layout, str]:
    """A layout with an image for two platforms, tagged ``multi``; its digest."""
    layout = Layout(path)
    images = [
        layout.image(name, ('bin/busybox', BUSYBOX.read_bytes()), ('etc/platform', name.encode()))
        for name in ('amd64', 'arm64')
    ]
    return layout, layout.tag('multi', layout.index(*images))
