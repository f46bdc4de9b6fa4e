"""The `swift` driver on a real OpenStack Swift with a real Keystone v3."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from objreg.drivers.swift import SwiftStore
from objreg.store import Refused, Unavailable
from tests.functional.drivers.again import Again
from tests.functional.drivers.swift_promises import SwiftContract, SwiftPromises
from tests.servers.containers import Container
from tests.servers.keystone import ELSEWHERE, KEYSTONE, Admin

Opening = Callable[..., SwiftStore]


class TestContract(Again, SwiftContract):
    """What every store promises."""

    @pytest.fixture(scope='class')
    @classmethod
    def container(cls, shared_keystone_container: Container) -> Container:
        return shared_keystone_container


class TestSwiftDriver(SwiftPromises):
    """What the driver promises beyond the contract."""

    @pytest.fixture
    def container(self, keystone_container: Container) -> Container:
        return keystone_container


@pytest.fixture
def admin(keystone_container: Container) -> Admin:
    """Keystone's administrator."""
    return KEYSTONE.admin(keystone_container.server.settings)


@pytest.fixture
def opened(keystone_container: Container) -> Iterator[Opening]:
    """Makes store objects with other options, and closes them."""
    made: list[SwiftStore] = []

    def make(**options: Any) -> SwiftStore:
        made.append(keystone_container.store(**options))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of Keystone for a token, as it goes."""
    from keystoneauth1.identity.v3 import Auth

    asked: list[str] = []
    get_auth_ref = Auth.get_auth_ref

    def noting(plugin: Any, *rest: Any, **more: Any) -> Any:
        asked.append(plugin.auth_url)
        return get_auth_ref(plugin, *rest, **more)

    monkeypatch.setattr(Auth, 'get_auth_ref', noting)
    return asked


def test_an_application_credential_opens_the_project(admin: Admin, opened: Opening) -> None:
    identifier, secret = admin.application_credential(f'test-{secrets.token_hex(6)}')
    store = opened(
        application_credential=identifier, application_secret=secret, username='', password='', project=''
    )
    store.put('k', b'written with it')
    assert opened().read('k') == b'written with it'
    wrong = opened(application_credential=identifier, application_secret='wrong', username='', password='')
    with pytest.raises(Refused, match='application_secret'):
        wrong.read('k')


def test_domains_may_be_named(opened: Opening) -> None:
    opened(user_domain='Default', project_domain='Default').check()
    with pytest.raises(Refused, match='mend username'):
        opened(user_domain='Elsewhere').check()


def test_region_and_interface_choose_from_the_catalogue(opened: Opening) -> None:
    for options in ({}, {'region': ''}, {'interface': 'internal'}):
        opened(**options).check()
    for elsewhere in ({'region': ELSEWHERE}, {'interface': 'admin'}):
        with pytest.raises(Unavailable, match='mend storage_url, region or interface'):
            opened(**elsewhere).check()
    for nowhere in ({'region': 'RegionThree'}, {'region': ELSEWHERE, 'interface': 'internal'}):
        with pytest.raises(Refused, match='mend region or interface'):
            opened(**nowhere).check()


@pytest.mark.parametrize(('wrong', 'message'), [
    ({'password': 'wrong'}, 'mend username and password'),
    ({'username': 'nobody'}, 'mend username and password'),
    ({'project': 'no-such-project'}, 'mend'),
])
def test_wrong_credentials_are_one_line_that_names_the_option(
    wrong: dict[str, str], message: str, opened: Opening, keystone_container: Container
) -> None:
    with pytest.raises(Refused, match=message) as raised:
        opened(**wrong).read('k')
    assert '\n' not in str(raised.value)
    assert keystone_container.options['password'] not in str(raised.value)


def test_a_token_that_expires_in_the_middle_of_work_is_replaced_once(
    opened: Opening, logins: list[str], monkeypatch: pytest.MonkeyPatch, keystone_container: Container
) -> None:
    store = opened(auth_url=keystone_container.server.settings['SHORT_AUTH_URL'])
    # as a client whose clock is behind: it does not know, and Swift refuses the token
    monkeypatch.setattr('keystoneauth1.access.AccessInfo.will_expire_soon', lambda *_, **__: False)
    store.put('k', b'with the first token')
    expired = store.account._token()
    time.sleep(5)
    with open(__file__, 'rb') as file:
        size = len(file.read())
        file.seek(0)
        store.put('file', file, size)
    assert len(logins) == 2
    assert store.account._token() != expired
    assert store.stat('file').size == size
    assert store.read('k') == b'with the first token'


def test_a_token_is_replaced_before_it_expires(
    opened: Opening, logins: list[str], keystone_container: Container
) -> None:
    store = opened(auth_url=keystone_container.server.settings['SHORT_AUTH_URL'])
    store.put('k', b'1')
    assert store.read('k') == b'1'
    assert len(logins) >= 2


def test_one_token_does_for_many_requests(opened: Opening, logins: list[str]) -> None:
    store = opened()
    for number in range(5):
        store.put('k', bytes(number))
    assert len(logins) == 1


def test_a_revoked_token_is_replaced_once(opened: Opening, logins: list[str], admin: Admin) -> None:
    store = opened()
    store.put('k', b'1')
    admin.revoke(store.account._token())
    del logins[:]
    time.sleep(2)  # longer than Swift believes a token without asking
    store.put('k', b'2')
    assert (store.read('k'), len(logins)) == (b'2', 1)


def test_a_user_without_a_role_is_told_so(opened: Opening, admin: Admin) -> None:
    name = f'stranger-{secrets.token_hex(6)}'
    admin.user(name, 'password', admin.project('strangers'), 'reader')
    store = opened(username=name, password='password', project='strangers')
    with pytest.raises(Refused, match='give it a role'):
        store.read('k')
