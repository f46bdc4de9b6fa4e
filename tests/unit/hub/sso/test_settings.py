"""The file of providers: what is in it, and what is wrong with it, in one line."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from objreg.check import check
from objreg.config import ConfigError
from objreg.hub.sso import ldap_settings
from objreg.hub.sso.ldap_settings import Ldap
from objreg.hub.sso.settings import Oidc, read_logins
from objreg.middleware.hub import Hub
from objreg.testing.fakes import FakeApp
from tests.openid import OpenId

OIDC: dict[str, Any] = {
    'kind': 'oidc', 'issuer': 'https://id.example', 'client_id': 'objreg', 'url': 'https://hub.example',
}


def read(folder: Path, **given: Any) -> Any:
    path = folder / 'logins.yml'
    path.write_text(yaml.safe_dump({'company': {**OIDC, **given}}))
    return read_logins(str(path))['company']


def test_what_is_not_said_is_as_it_is_usual(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert isinstance(found, Oidc) and found.scopes == ('openid', 'profile', 'email')
    assert (found.create, found.teams, found.client_secret, found.algorithms) == (
        False, {}, '', ('RS256', 'ES256', 'EdDSA'))
    assert found.claims.name == 'preferred_username'


def test_secrets_come_from_a_file_or_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'secret').write_text('from a file\n')
    monkeypatch.setenv('LOGIN_SECRET', 'from the environment')
    assert read(tmp_path, client_secret_file='secret').client_secret == 'from a file', 'beside the file of providers'
    assert read(tmp_path, client_secret_file=str(tmp_path / 'secret')).client_secret == 'from a file'
    assert read(tmp_path, client_secret='${LOGIN_SECRET}').client_secret == 'from the environment'


def test_a_group_means_an_organisation_or_a_team_or_several(tmp_path: Path) -> None:
    teams = {'a': 'acme', 'b': 'acme/core', 'c': ['acme/core', 'other']}
    assert read(tmp_path, teams=teams).targets() == {'a': ('acme',), 'b': ('acme/core',), 'c': ('acme/core', 'other')}


@pytest.mark.parametrize(('given', 'told'), [
    ({'kind': 'saml'}, "Invalid value 'saml'"), ({'issuer': 'http://id.example'}, 'issuer: .* https is needed'),
    ({'issuer': 'https://u:p@id.example'}, 'issuer: '), ({'issuer': 'https://id.example?x'}, 'issuer: '),
    ({'issuer': ''}, 'issuer'), ({'url': 'hub.example'}, 'url: '), ({'url': 'https://hub.example/#x'}, 'url: '),
    ({'url': 'https://hub.example\n'}, 'url: '), ({'client_id': None}, 'client_id'), ({'clientid': 'x'}, 'clientid'),
    ({'algorithms': ['HS256']}, 'algorithms: HS256 is not accepted'), ({'algorithms': ['none']}, 'algorithms: none'),
    ({'algorithms': []}, 'algorithms: needs one'), ({'scopes': ['profile']}, 'scopes: openid is needed'),
    ({'networks': ['x']}, "networks: 'x' is no network"), ({'teams': {'a': 'acme/'}}, "teams: a: 'acme/' is not like"),
    ({'teams': {'a': 'Acme'}}, 'teams: a: '), ({'teams': {'a': 'acme/core/x'}}, 'teams: a: '),
    ({'teams': {'': 'acme'}}, 'teams: '), ({'teams': ['a']}, 'teams'), ({'claims': {'nick': 'x'}}, 'nick'),
    ({'client_secret': 'x', 'client_secret_file': 'y'}, 'one of them'),
    ({'client_secret_file': 'nowhere'}, 'client_secret_file: nowhere: No such file'), ({'create': 'maybe'}, 'create'),
    ({'client_secret': '${NOT_SET_ANYWHERE}'}, 'NOT_SET_ANYWHERE is not set'),
])
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        read(tmp_path, **given)
    assert str(caught.value).startswith(f'logins: {tmp_path}/logins.yml: company: ')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('text', 'told'), [
    ('', 'needs sections'), ('[]', 'needs sections'), ('a: 1', 'a: needs options'), ('a: {}', 'a: kind: needed'),
    ('A: {kind: oidc}', 'A: a name has'), ('7: {kind: oidc}', '7: the name'), ('{', 'expected'),
    ('a: !!python/x y', 'could not'), ('x' * 300_000, 'more than'), ('"\\ud800": {}', 'logins'),
])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / 'logins.yml'
    path.write_text(text)
    with pytest.raises(ConfigError, match=told):
        read_logins(str(path))
    with pytest.raises(ConfigError, match='No such file'):
        read_logins(str(tmp_path / 'nowhere'))


@pytest.mark.parametrize('days', ['-1', 'x', '4000', '1.5', ''])
def test_days_that_are_none_stop_the_start(tmp_path: Path, days: str) -> None:
    (tmp_path / 'stores.yml').write_text('default: {driver: memory}\n')
    with pytest.raises(ConfigError, match='^stale_days: '):
        Hub(FakeApp(), {'stores': str(tmp_path / 'stores.yml'), 'here': str(tmp_path)}, stale_days=days)


def configured(folder: Path, **given: Any) -> str:
    """A ``paste.ini`` with a hub and this provider."""
    (folder / 'stores.yml').write_text('default: {driver: memory}\n')
    (folder / 'logins.yml').write_text(yaml.safe_dump({'company': {**OIDC, **given}}))
    (folder / 'paste.ini').write_text(
        '[DEFAULT]\nstores = stores.yml\n[pipeline:main]\npipeline = hub nothing\n'
        '[app:nothing]\nuse = egg:objreg#nothing\n'
        f'[filter:hub]\nuse = egg:objreg#hub\nlogins = {folder}/logins.yml\n[server:main]\nuse = egg:objreg#server\n'
    )
    return str(folder / 'paste.ini')


def test_check_config_names_file_section_and_option(tmp_path: Path) -> None:
    (line,) = check(configured(tmp_path, algorithms=['HS256']), offline=True).problems
    assert line == (
        f'{tmp_path}/paste.ini: [filter:hub] logins: {tmp_path}/logins.yml: company: algorithms: HS256 is not accepted')


def test_check_config_asks_the_provider(tmp_path: Path, provider: OpenId) -> None:
    path = configured(tmp_path)
    assert check(path).problems == []
    provider.metadata['issuer'] = 'https://other.example'
    (line,) = check(path).problems
    assert line.startswith(f'{tmp_path}/paste.ini: [hub] logins: {tmp_path}/logins.yml: company: https://id.example/')
    assert "it is of 'https://other.example'" in line
    assert check(path, offline=True).problems == []


def test_the_examples_of_the_manual_are_read_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ldap_settings, 'find_spec', lambda _: True)
    text = (Path(__file__).parents[4] / 'docs/hub.md').read_text()
    chapter = text.partition('## Single sign-on')[2].partition('\n## ')[0]
    examples = [textwrap.dedent(one) for one in re.findall(r'(?m)(?:^ +\w+:\n(?:^ +.*\n)+)', chapter)]
    for file in ('oidc-secret', 'ldap-password', 'ca.pem'):
        (tmp_path / file).write_text('a secret\n')
    path = tmp_path / 'logins.yml'
    path.write_text(''.join(examples).replace('/etc/ssl/example-net.pem', 'ca.pem'))
    found = read_logins(str(path))
    assert {name: type(one) for name, one in found.items()} == {'company': Oidc, 'office': Ldap}
    for kind in (Oidc, Ldap):  # each option is told of
        for option in kind.__struct_fields__:
            assert re.search(rf'\b{option}\b', chapter) or option.endswith(('_secret', '_password')), option
