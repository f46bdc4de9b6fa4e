"""A Docker Engine and a containerd of one's own: everything they write is below one folder, which must be short."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.process import StartFailed, need, tail


class Engine:
    """A daemon on a socket in a folder of its own; started and stopped by ``with``.  Needs root."""

    programs: tuple[str, ...] = ()

    def __init__(self) -> None:
        need(*self.programs)
        self.folder = Path(tempfile.mkdtemp(prefix='oe-', dir='/tmp'))  # sockets have short names
        self.socket = self.folder / 'sock'

    def command(self) -> list[str]:
        """What to run."""
        raise NotImplementedError

    def is_up(self) -> bool:
        """Whether it answers."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        log = self.folder / 'log'
        with log.open('wb') as file:
            self._process = subprocess.Popen(
                self.command(), stdout=file, stderr=file, stdin=subprocess.DEVNULL, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while not self.is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise StartFailed(f'{self.programs[0]}: {tail(log)}')
            time.sleep(0.1)
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._unmount()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _unmount(self) -> None:
        """What containers left mounted, the innermost first."""
        mounted = [line.split()[4] for line in Path('/proc/self/mountinfo').read_text().splitlines()]
        for path in sorted((path for path in mounted if path.startswith(f'{self.folder}/')), reverse=True):
            subprocess.run(['umount', '-l', path], check=False, capture_output=True)


class Dockerd(Engine):
    """A Docker Engine.  Registries on 127.0.0.0/8 may speak plain HTTP to it without being told."""

    programs = ('dockerd', 'docker')

    @property
    def env(self) -> dict[str, str]:
        """For the program ``docker``."""
        return os.environ | {
            'DOCKER_HOST': f'unix://{self.socket}', 'DOCKER_CONFIG': str(self.folder / 'config'),
            'DOCKER_BUILDKIT': '0',
        }

    def command(self) -> list[str]:
        (self.folder / 'config').mkdir()
        for path in (self.folder / 'config/config.json', self.folder / 'daemon.json'):
            path.write_text('{}')
        return [
            'dockerd', '--config-file', f'{self.folder}/daemon.json', '--data-root', f'{self.folder}/data',
            '--exec-root', f'{self.folder}/exec', '--pidfile', f'{self.folder}/pid', '--iptables=false',
            '--ip6tables=false', '--bridge=none', '--storage-driver=vfs', '-H', f'unix://{self.socket}',
        ]

    def is_up(self) -> bool:
        return subprocess.run(['docker', 'version'], env=self.env, capture_output=True, check=False).returncode == 0


class Containerd(Engine):
    """A containerd."""

    programs = ('containerd', 'ctr')

    def command(self) -> list[str]:
        config = self.folder / 'config.toml'
        config.write_text(
            f'version = 2\nroot = "{self.folder}/root"\nstate = "{self.folder}/state"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\naddress = "{self.socket}"\n[ttrpc]\naddress = "{self.socket}.ttrpc"\n'
        )
        return ['containerd', '--config', str(config)]

    def is_up(self) -> bool:
        with contextlib.suppress(OSError):
            asked = ['ctr', '--address', str(self.socket), 'version']
            return subprocess.run(asked, capture_output=True, check=False).returncode == 0
        return False


class Buildkitd(Engine):
    """BuildKit's daemon, as it comes through the Go module proxy into the folder `programs`; it runs by runc."""

    programs = ('runc',)

    def __init__(self, programs: Path) -> None:
        super().__init__()
        need(str(programs / 'buildkitd'))
        self._programs = programs

    def command(self) -> list[str]:
        return [
            str(self._programs / 'buildkitd'), '--addr', f'unix://{self.socket}', '--root', f'{self.folder}/root',
            '--oci-worker=true', '--oci-worker-snapshotter=native', '--containerd-worker=false',
        ]

    def is_up(self) -> bool:
        asked = [str(self._programs / 'buildctl'), '--addr', f'unix://{self.socket}', 'debug', 'workers']
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0
