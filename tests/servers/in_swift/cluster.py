"""Make rings and configuration of a Swift on one machine and fork its servers.

``cluster.py FOLDER FIRST_PORT DEVICES KEYSTONE``: all is kept on each device; without a Keystone it has tempauth.

Run by `tests.servers.swift` with the Python that has Swift.  Swift is imported once and the servers are forked from
here, so that the slow import is paid once and its pages are shared.
"""

from __future__ import annotations

import importlib
import os
import pwd
import sys
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path
from typing import NoReturn

import conf
from swift.common.ring import RingBuilder
from swift.common.utils import set_swift_dir

MODULES = {'account': 'account', 'container': 'container', 'object': 'obj', 'proxy': 'proxy'}
TIMEOUT = 60


def configure(folder: Path, ports: dict[str, int], devices: int, keystone: str) -> None:
    """Write all that the servers read."""
    etc = folder / 'etc'
    (etc / 'swift.conf').write_text(conf.SWIFT)
    user = pwd.getpwuid(os.geteuid()).pw_name
    proxy = conf.PROXY + (conf.KEYSTONE if keystone else conf.TEMPAUTH)
    auth = 'authtoken s3api s3token keystoneauth' if keystone else 's3api tempauth'
    for name, port in ports.items():
        text = proxy if name == 'proxy' else conf.STORAGE
        (etc / f'{name}-server.conf').write_text(
            text.format(folder=folder, name=name, port=port, user=user, auth=auth, keystone=keystone)
        )
        if name != 'proxy':
            make_ring(etc / f'{name}.ring.gz', port, devices)


def make_ring(path: Path, port: int, devices: int) -> None:
    """A replica on each device."""
    builder = RingBuilder(6, devices, 0)
    for number in range(1, devices + 1):
        builder.add_dev({
            'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': port, 'device': f'd{number}', 'weight': 100.0,
            'replication_ip': '127.0.0.1', 'replication_port': port, 'meta': '',
        })
    builder.rebalance(seed='fixed')
    builder.get_ring().save(str(path))


def serve(name: str, folder: Path) -> NoReturn:
    """In a forked child: become one server."""
    os.setsid()
    log = os.open(folder / 'log' / f'{name}.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, 64)
    sys.argv = [f'swift-{name}', str(folder / 'etc' / f'{name}-server.conf'), '-v']
    try:
        importlib.import_module(f'swift.{MODULES[name]}.server').main()
    except BaseException:
        # whatever it was, this child must not go on as its parent
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def is_up(port: int) -> bool:
    """Whether a server answers, were it with an error."""
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/healthcheck', timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def main(folder: Path, port: int, devices: int, keystone: str) -> None:
    """Configure, fork, wait until all answer."""
    ports = {name: port + offset for offset, name in enumerate(('proxy', 'object', 'container', 'account'))}
    for name in ('etc', 'log', *(f'srv/d{number}' for number in range(1, devices + 1))):
        (folder / name).mkdir(parents=True)
    configure(folder, ports, devices, keystone)
    set_swift_dir(str(folder / 'etc'))
    for module in MODULES.values():
        importlib.import_module(f'swift.{module}.server')
    pids = {}
    for name in MODULES:
        pids[name] = os.fork()
        if pids[name] == 0:
            serve(name, folder)
        (folder / f'{name}.pid').write_text(str(pids[name]))
    wait(pids, ports)


def wait(pids: dict[str, int], ports: dict[str, int]) -> None:
    """Until all answer; the end of one before that is the end of the attempt."""
    deadline = time.monotonic() + TIMEOUT
    while not all(map(is_up, ports.values())):
        for name, pid in pids.items():
            if os.waitpid(pid, os.WNOHANG)[0]:
                sys.exit(f'{name} died, see its log')
        if time.monotonic() > deadline:
            sys.exit(f'not up after {TIMEOUT} s')
        time.sleep(0.02)


if __name__ == '__main__':
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
