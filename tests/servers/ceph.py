"""A one-node Ceph: a monitor, one OSD on a sparse file and a RADOS gateway that speaks S3 and Swift; up in about 5 s.

No manager, no authentication inside the cluster, one copy of everything.  Everything it writes lies in its folder.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import uuid
from pathlib import Path

from tests.servers.ceph_conf import CONF
from tests.servers.process import StartFailed, free_ports, is_listening, is_running, locked, need, pids_in, run, stop

ACCESS_KEY = 'cephaccesskey0000001'
SECRET_KEY = 'cephsecretkey000000000000000000000000001'
SWIFT_KEY = 'cephswiftkey'
TEMPURL_KEY = 'cephtempurlkey'
READER_ACCESS_KEY = 'cephreaderkey0000001'
READER_SECRET_KEY = 'cephreadersecret000000000000000000000001'
READER_SWIFT_KEY = 'cephreaderswiftkey'
SIZE = 20 * 1024**3
_DAEMONS = ('mon.a', 'osd.0', 'client.rgw')


def start(folder: Path) -> dict[str, str]:
    """Bring it up in that folder, or leave it alone when it is; how to reach it, as names and values."""
    need('ceph', 'ceph-mon', 'ceph-osd', 'monmaptool', 'radosgw', 'radosgw-admin')
    with locked(folder.with_name(f'{folder.name}.lock')):
        settings = running(folder)
        if settings is None:
            halt(folder)
            try:
                settings = _Build(folder).run()
            except BaseException:
                # its logs stay, its processes do not
                stop(pids_in(folder), _marker(folder), grace=0)
                raise
        return settings


def running(folder: Path) -> dict[str, str] | None:
    """How to reach the cluster of that folder; None when it is not up."""
    settings = folder / 'settings.json'
    pids = pids_in(folder)
    if not settings.exists() or len(pids) < len(_DAEMONS) or not all(is_running(pid, _marker(folder)) for pid in pids):
        return None
    found: dict[str, str] = json.loads(settings.read_text())
    return found


def halt(folder: Path) -> None:
    """Stop what runs in that folder, and remove it."""
    if folder.exists():
        stop(list(reversed(pids_in(folder))), _marker(folder), grace=0)
        shutil.rmtree(folder)


def _marker(folder: Path) -> str:
    return str(folder / 'ceph.conf')


class _Build:
    """The making of a cluster, step by step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / 'ceph.conf'
        self.log = folder / 'log' / 'setup.log'
        self.fsid = str(uuid.uuid4())
        self.port = free_ports(10)
        self.endpoint = f'http://127.0.0.1:{self.port}'

    def run(self) -> dict[str, str]:
        for name in ('mon', 'osd', 'log', 'crash', 'rgw'):
            (self.folder / name).mkdir(parents=True)
        self.conf.write_text(CONF.format(
            folder=self.folder, fsid=self.fsid, rgw_port=self.port, mon_port=self.port + 1,
            osd_first_port=self.port + 2, osd_last_port=self.port + 9, size=SIZE,
        ))
        self._monitor()
        self._osd()
        self._users()
        self._gateway()
        settings = self._settings()
        (self.folder / 'settings.json').write_text(json.dumps(settings))
        return settings

    def _tool(self, program: str, *arguments: str | Path) -> str:
        return run(program, '-c', self.conf, *arguments, log=self.log)

    def _monitor(self) -> None:
        monmap = self.folder / 'monmap'
        (self.folder / 'mon' / 'a').mkdir()
        run('monmaptool', '--create', '--fsid', self.fsid, '--addv', 'a', f'[v2:127.0.0.1:{self.port + 1}]', monmap,
            log=self.log)
        self._tool('ceph-mon', '-i', 'a', '--mkfs', '--monmap', monmap)
        self._tool('ceph-mon', '-i', 'a')

    def _osd(self) -> None:
        (self.folder / 'osd' / '0').mkdir()
        number = str(uuid.uuid4())
        make = ['ceph-osd', '-c', str(self.conf), '-i', '0', '--mkfs', '--osd-uuid', number, '--no-mon-config']
        # the store is made while the monitor takes the OSD's number
        with self.log.open('a') as log, subprocess.Popen(make, stdout=log, stderr=log) as making:
            self._tool('ceph', '--connect-timeout', '30', 'osd', 'new', number, '0')
            if making.wait():
                raise StartFailed(f'ceph-osd --mkfs: exit {making.returncode}, see {self.log}')
        self._tool('ceph-osd', '-i', '0')

    def _users(self) -> None:
        # the first call also makes the zone and the gateway's pools
        self._admin('user', 'create', '--uid=tester', '--display-name=Tester', f'--access-key={ACCESS_KEY}',
                    f'--secret-key={SECRET_KEY}')
        self._admin('subuser', 'create', '--uid=tester', '--subuser=tester:swift', '--access=full',
                    '--key-type=swift', f'--secret-key={SWIFT_KEY}')
        self._admin('user', 'modify', '--uid=tester', f'--temp-url-key={TEMPURL_KEY}')
        # who may read, where a bucket's policy or a container's list says so
        self._admin('user', 'create', '--uid=reader', '--display-name=Reader', f'--access-key={READER_ACCESS_KEY}',
                    f'--secret-key={READER_SECRET_KEY}')
        self._admin('subuser', 'create', '--uid=tester', '--subuser=tester:reader', '--access=read',
                    '--key-type=swift', f'--secret-key={READER_SWIFT_KEY}')

    def _admin(self, *arguments: str) -> None:
        self._tool('radosgw-admin', f'--log-file={self.folder / "log" / "admin.log"}', *arguments)

    def _gateway(self) -> None:
        self._tool('radosgw', '-n', 'client.rgw')
        deadline = time.monotonic() + 30
        while len(pids_in(self.folder)) < len(_DAEMONS) or not is_listening(self.port):
            if time.monotonic() > deadline:
                raise StartFailed(f'no answer at {self.endpoint} after 30 s, see {self.folder / "log"}')
            time.sleep(0.05)

    def _settings(self) -> dict[str, str]:
        return {
            'S3_ENDPOINT': self.endpoint, 'S3_ACCESS_KEY': ACCESS_KEY, 'S3_SECRET_KEY': SECRET_KEY,
            'SWIFT_AUTH_URL': f'{self.endpoint}/auth/v1.0', 'SWIFT_USER': 'tester:swift', 'SWIFT_KEY': SWIFT_KEY,
            'SWIFT_TEMPURL_KEY': TEMPURL_KEY, 'CEPH_CONF': str(self.conf), 'S3_READER': 'arn:aws:iam:::user/reader',
            'S3_READER_ACCESS_KEY': READER_ACCESS_KEY, 'S3_READER_SECRET_KEY': READER_SECRET_KEY,
            'SWIFT_READER_USER': 'tester:reader', 'SWIFT_READER_KEY': READER_SWIFT_KEY,
        }
