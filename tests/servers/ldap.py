"""slapd, OpenLDAP's server, as a process with a configuration and a database of its own, by TLS and by StartTLS."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.servers.process import free_ports, need
from tests.servers.registries import Server
from tests.servers.tls import certificate

BASE = 'dc=example,dc=net'
BIND_DN, BIND_PASSWORD = f'cn=hub,{BASE}', 'open sesame'
_CONFIGURATION = '''
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
argsfile {folder}/args
TLSCertificateFile {certificate}
TLSCertificateKeyFile {certificate}
allow bind_anon_cred
database mdb
maxsize 10485760
suffix "{base}"
rootdn "cn=admin,{base}"
rootpw "root of all"
directory {folder}/database
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{bind_dn}" read by * none
'''
_PERSON = '''dn: uid={name},ou=people,{base}
objectClass: inetOrgPerson
uid: {name}
cn: {full_name}
sn: {name}
mail: {name}@example.net
userPassword: {password}
'''
_GROUP = '''dn: cn={name},ou=groups,{base}
objectClass: groupOfNames
cn: {name}
{members}
'''


def password(name: str) -> str:
    """That of somebody in the directory."""
    return f'{name} in the directory'


class Directory(Server):
    """With people, and groups of them by their names; it listens on `port` (ldap) and the next one (ldaps)."""

    name = 'slapd'

    def __init__(self, folder: Path, people: list[str], groups: dict[str, list[str]]) -> None:
        need('/usr/sbin/slapd', '/usr/sbin/slapadd')
        super().__init__(folder, free_ports(2))
        (folder / 'database').mkdir(parents=True)
        self.ca = certificate(folder)
        self._configuration = folder / 'slapd.conf'
        self._configuration.write_text(_CONFIGURATION.format(
            folder=folder, certificate=self.ca, base=BASE, bind_dn=BIND_DN,
        ))
        self._add(people, groups)

    @property
    def settings(self) -> dict[str, Any]:
        """A provider that asks it, as `logins` has it."""
        return {
            'kind': 'ldap', 'url': f'ldaps://127.0.0.1:{self.port + 1}', 'ca': str(self.ca), 'bind_dn': BIND_DN,
            'bind_password': BIND_PASSWORD, 'create': True,
            'users': {'base': f'ou=people,{BASE}', 'filter': '(&(objectClass=inetOrgPerson)(uid={name}))'},
            'groups': {'base': f'ou=groups,{BASE}', 'filter': '(&(objectClass=groupOfNames)(member={dn}))'},
        }

    def command(self) -> list[str]:
        return [
            '/usr/sbin/slapd', '-d', '0', '-f', str(self._configuration), '-h',
            f'ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.port + 1}/',
        ]

    def _add(self, people: list[str], groups: dict[str, list[str]]) -> None:
        entries = [
            f'dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: example\ndc: example\n',
            *(f'dn: ou={one},{BASE}\nobjectClass: organizationalUnit\nou: {one}\n' for one in ('people', 'groups')),
            f'dn: {BIND_DN}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: hub\n'
            f'userPassword: {BIND_PASSWORD}\n',
            *(_PERSON.format(name=one, base=BASE, full_name=one.title(), password=password(one)) for one in people),
            *(self._group(name, members) for name, members in groups.items()),
        ]
        path = self.folder / 'people.ldif'
        path.write_text('\n'.join(entries))
        subprocess.run(
            ['/usr/sbin/slapadd', '-f', str(self._configuration), '-l', str(path)], check=True, capture_output=True,
        )

    def _group(self, name: str, members: list[str]) -> str:
        lines = '\n'.join(f'member: uid={one},ou=people,{BASE}' for one in members)
        return _GROUP.format(name=name, base=BASE, members=lines)
