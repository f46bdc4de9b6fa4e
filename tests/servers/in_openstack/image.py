"""Set up a Glance v2 on files and serve it: ``image.py FOLDER PORT KEYSTONE``.

Run by `tests.servers.glance` with the Python that has Glance.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from background import apart, serve, wait

_CONF = """\
[DEFAULT]
use_stderr = true
log_file =
enabled_backends = disk:file
enabled_import_methods = []
transport_url = fake://
[database]
connection = sqlite:///{folder}/glance.db?timeout=60
sqlite_synchronous = false
[glance_store]
default_backend = disk
[disk]
filesystem_store_datadir = {folder}/images
[os_glance_staging_store]
filesystem_store_datadir = {folder}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {folder}/tasks
[paste_deploy]
flavor = keystone
config_file = {programs}/etc/glance/glance-api-paste.ini
[keystone_authtoken]
auth_type = password
auth_url = {keystone}
www_authenticate_uri = {keystone}
username = glance
password = servicepassword
project_name = service
user_domain_id = default
project_domain_id = default
# without memcached each process keeps what it knows of tokens, and believes a revoked one for so many seconds
token_cache_time = 1
"""


def main(folder: Path, port: int, keystone: str) -> None:
    """Write what it reads, make its tables, serve."""
    for name in ('etc', 'images', 'staging', 'tasks'):
        (folder / name).mkdir()
    conf = folder / 'etc' / 'glance-api.conf'
    conf.write_text(_CONF.format(folder=folder, keystone=keystone, programs=sys.prefix))
    os.environ['OS_GLANCE_CONFIG_DIR'] = str(folder / 'etc')

    def make_tables() -> None:
        from glance.cmd import manage

        sys.argv = ['glance-manage', '--config-file', str(conf), 'db_sync']
        sys.exit(manage.main())

    def application() -> object:
        from glance.common import trust_auth, wsgi_app

        # for uploads of hours Glance makes a trust in Keystone, a dozen calls there; without, it uses the user's token
        trust_auth.TokenRefresher = None
        return wsgi_app.init_app()

    apart(make_tables, folder / 'setup.log')
    serve('glance', folder, port, application)
    wait(folder, glance=port)


if __name__ == '__main__':
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
