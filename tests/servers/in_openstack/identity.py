"""Set up a Keystone v3 and serve it: ``identity.py FOLDER PORT PASSWORD``; an administrator ``admin`` can log in.

A second server on the same data, at ``PORT + 1``, gives tokens that live for `SHORT` seconds only.
Run by `tests.servers.keystone` with the Python that has Keystone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from background import apart, serve, wait
from keystone.cmd import cli
from keystone.server.wsgi import initialize_public_application

SHORT = 3
_CONF = """\
[DEFAULT]
use_stderr = true
[database]
connection = sqlite:///{folder}/keystone.db?timeout=60
sqlite_synchronous = false
[identity]
# the fewest that bcrypt takes
password_hash_rounds = 4
[fernet_tokens]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
[token]
expiration = {seconds}
[cache]
# without it the check of a token is dozens of queries
enabled = true
backend = dogpile.cache.memory
"""


def main(folder: Path, port: int, password: str) -> None:
    """Write what it reads, make its tables and its administrator, serve."""
    for name, seconds in (('keystone', 3600), ('short', SHORT)):
        (folder / name).mkdir()
        (folder / name / 'keystone.conf').write_text(_CONF.format(folder=folder, seconds=seconds))
    for name in ('fernet', 'credential'):
        (folder / name).mkdir(mode=0o700)
    _manage(folder, 'db_sync')
    user = ('--keystone-user', str(os.geteuid()), '--keystone-group', str(os.getegid()))
    _manage(folder, 'fernet_setup', *user)
    _manage(folder, 'credential_setup', *user)
    url = f'http://127.0.0.1:{port}/v3'
    _manage(
        folder, 'bootstrap', '--bootstrap-password', password, '--bootstrap-region-id', 'RegionOne',
        '--bootstrap-public-url', url, '--bootstrap-internal-url', url, '--bootstrap-admin-url', url,
    )
    for offset, name in enumerate(('keystone', 'short')):
        os.environ['OS_KEYSTONE_CONFIG_DIR'] = str(folder / name)
        serve(name, folder, port + offset, initialize_public_application)
    wait(folder, keystone=port, short=port + 1)


def _manage(folder: Path, *arguments: str) -> None:
    command = ['keystone-manage', '--config-file', str(folder / 'keystone' / 'keystone.conf'), *arguments]

    def work() -> None:
        sys.argv = command  # some of its commands look there
        cli.main(argv=command)

    apart(work, folder / 'setup.log')


if __name__ == '__main__':
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
