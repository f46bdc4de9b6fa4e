"""OpenStack Keystone v3 on one machine: SQLite, Fernet tokens; up in about 5 s.

It comes from PyPI into a virtual environment of its own, which it shares with Glance.  There is a project with an
ordinary member, and service users for Swift and Glance.  A second server beside it, on the same data, gives tokens
that expire after a few seconds.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.servers.environments import python_with
from tests.servers.ondemand import OnDemand
from tests.servers.process import free_ports, run

VERSION = '30.0.0'
GLANCE = '33.0.0'
PROJECT = USER = 'registry'
PASSWORD = 'open sesame, says the registry'
REGION, ELSEWHERE = 'RegionOne', 'RegionTwo'
SERVICE_PASSWORD = 'servicepassword'
_ADMIN_PASSWORD = 'adminpassword'
_NOWHERE = 'http://127.0.0.1:9'
INSIDE = Path(__file__).resolve().parent / 'in_openstack'
QUIET = {'PYTHONWARNINGS': 'ignore'}


def environment() -> Path:
    """The Python that has Keystone and Glance."""
    return python_with(
        f'openstack-{VERSION}-{GLANCE}', f'keystone=={VERSION}', f'glance=={GLANCE}', 'keystonemiddleware', 'waitress'
    )


class Keystone(OnDemand):
    """The server."""

    processes = 2

    def prepare(self) -> None:
        self._python = environment()

    def build(self, folder: Path) -> dict[str, str]:
        folder.mkdir(parents=True)
        port = free_ports(self.processes)
        run(self._python, INSIDE / 'identity.py', folder, str(port), _ADMIN_PASSWORD,
            log=folder / 'start.log', env={**os.environ, **QUIET})
        settings = {
            'AUTH_URL': f'http://127.0.0.1:{port}/v3', 'SHORT_AUTH_URL': f'http://127.0.0.1:{port + 1}/v3',
            'ADMIN_PASSWORD': _ADMIN_PASSWORD,
        }
        admin = self.admin(settings)
        admin.user(USER, PASSWORD, admin.project(PROJECT), 'member')
        for name in ('swift', 'glance'):
            admin.user(name, SERVICE_PASSWORD, admin.project('service'), 'service')
        return settings

    def admin(self, settings: dict[str, str]) -> Admin:
        """Its administrator."""
        return Admin(settings['AUTH_URL'], settings['ADMIN_PASSWORD'])


KEYSTONE = Keystone()


class Admin:
    """What an administrator does with Keystone."""

    def __init__(self, url: str, password: str) -> None:
        self._url = url
        self._password = password

    @cached_property
    def identity(self) -> Any:
        """A client of the administrator."""
        return client(self._url, 'admin', self._password, 'admin')

    def project(self, name: str) -> str:
        """The id of a project, which is made if it is not there."""
        return self._made('projects', {'name': name, 'domain_id': 'default'})

    def user(self, name: str, password: str, project: str, role: str) -> str:
        """The id of a user that has that role in that project."""
        user = self._made('users', {'name': name, 'domain_id': 'default'}, password=password)
        [found] = self.identity.get('/roles', params={'name': role}).json()['roles']
        self.identity.put(f'/projects/{project}/users/{user}/roles/{found["id"]}')
        return user

    def offer(self, kind: str, url: str) -> None:
        """Enter a service into the catalogue: in one region, for all but administrators, and in another, broken."""
        service = self._made('services', {'type': kind, 'name': kind})
        for region in (REGION, ELSEWHERE):
            self._made('regions', {'id': region})
        for region, interface, there in (
            (REGION, 'public', url), (REGION, 'internal', url), (REGION, 'admin', _NOWHERE),
            (ELSEWHERE, 'public', _NOWHERE),
        ):
            endpoint = {'service_id': service, 'region_id': region, 'interface': interface, 'url': there}
            self.identity.post('/endpoints', json={'endpoint': endpoint})

    def application_credential(self, name: str) -> tuple[str, str]:
        """The id and secret of a new one of the project's member, who makes it himself."""
        own = client(self._url, USER, PASSWORD, PROJECT)
        place = f'/users/{own.get_user_id()}/application_credentials'
        made = own.post(place, json={'application_credential': {'name': name}}).json()['application_credential']
        return made['id'], made['secret']

    def revoke(self, token: str) -> None:
        """End a token before its time."""
        self.identity.delete('/auth/tokens', headers={'X-Subject-Token': token})

    def _made(self, kind: str, wanted: dict[str, str], **more: str) -> str:
        found = [
            one for one in self.identity.get(f'/{kind}').json()[kind]
            if all(one[name] == value for name, value in wanted.items())
        ]
        if not found:
            found = [self.identity.post(f'/{kind}', json={kind[:-1]: {**wanted, **more}}).json()[kind[:-1]]]
        identifier: str = found[0]['id']
        return identifier


def client(url: str, user: str, password: str, project: str) -> Any:
    """A client of Keystone for that user."""
    from keystoneauth1 import adapter, session  # here: unit tests, which load this module too, start sooner
    from keystoneauth1.identity import v3

    plugin = v3.Password(
        url, username=user, password=password, project_name=project, user_domain_id='default',
        project_domain_id='default',
    )
    return adapter.Adapter(session.Session(plugin), service_type='identity', interface='public')
