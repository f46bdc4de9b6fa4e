"""Who comes in by himself, and by which code; a code is used once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from objreg.config import ConfigError
from objreg.drivers.memory import MemoryStore
from objreg.hub import claims
from objreg.hub.codes import DAY, CodeRefused, Codes
from objreg.store import Capabilities
from tests.unit.hub.api.world import World

ME = {'name': 'carol', 'password': 'correct horse'}


def opened(signup: str) -> World:
    world = World(signup=signup)
    world.user('root-admin', administrator=True)
    return world


def test_nobody_signs_up_unless_it_is_said(world: World) -> None:
    code = world.operator('POST', '/invitations', {}).data['code']
    assert world.ask('', 'POST', '/signup', ME).status == 403
    assert world.ask('', 'POST', '/signup', ME | {'invitation': code}).status == 403
    with pytest.raises(ConfigError, match='signup'):
        World(signup='yes')


def test_anybody_signs_up_where_it_is_open() -> None:
    world = opened('open')
    assert world.ask('', 'POST', '/signup', ME | {'email': 'carol@example.org'}).data['name'] == 'carol'
    assert world.ask('', 'POST', '/signup', ME).status == 409
    assert world.ask('', 'POST', '/signup', {'name': 'dave', 'password': 'dave'}).status == 400
    assert world.ask('', 'POST', '/signup', ME | {'name': 'dave', 'administrator': True}).status == 400
    assert world.hub.accounts.find('dave') is None
    shown = world.basic('carol', 'correct horse', 'GET', '/users/carol').data
    assert (shown['email'], shown['administrator']) == ('carol@example.org', False)


def test_an_invitation_lets_one_in() -> None:
    world = opened('invitation')
    made = world.ask('root-admin', 'POST', '/invitations', {'email': 'carol@example.org'}).data
    listed, = world.ask('root-admin', 'GET', '/invitations').data
    assert (listed['id'], listed['code']) == (made['id'], None)
    assert not any(made['code'].encode() in world.store.read(entry.key) for entry in world.store.list('hub/'))
    assert world.ask('', 'POST', '/signup', ME).status == 403
    invited = ME | {'invitation': made['code']}
    assert world.ask('', 'POST', '/signup', invited | {'password': 'carol'}).status == 400
    assert world.ask('', 'POST', '/signup', invited | {'name': 'root-admin'}).status == 409
    assert world.ask('', 'POST', '/signup', invited).status == 201
    assert world.ask('', 'POST', '/signup', invited | {'name': 'dave'}).status == 403
    assert world.ask('root-admin', 'GET', '/invitations').data == []
    assert world.hub.accounts.profile('carol').email == 'carol@example.org'


def test_an_invitation_that_was_taken_back_lets_nobody_in() -> None:
    world = opened('invitation')
    made = world.ask('root-admin', 'POST', '/invitations', {}).data
    assert world.ask('root-admin', 'DELETE', f'/invitations/{made["id"]}').status == 204
    assert world.ask('root-admin', 'DELETE', f'/invitations/{made["id"]}').status == 404
    assert world.ask('', 'POST', '/signup', ME | {'invitation': made['code']}).status == 403


def test_of_two_who_use_a_code_at_once_one_gets_in() -> None:
    world = opened('invitation')
    code, meet = world.ask('root-admin', 'POST', '/invitations', {}).data['code'], Barrier(4)

    def sign_up(name: str) -> int:
        meet.wait(10)
        return world.ask('', 'POST', '/signup', ME | {'name': name, 'invitation': code}).status

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(sign_up, ['carol', 'dave', 'frank', 'grace'])) == [201, 403, 403, 403]
    assert len(world.operator('GET', '/users').data['items']) == 2


def test_a_code_is_used_once_where_the_store_has_no_atomic_create() -> None:
    class Plain(MemoryStore):
        capabilities = Capabilities()

        def put(self, key: str, body: Any, size: int | None = None, *, if_absent: bool = False) -> None:
            super().put(key, body, size)

    class Clock(claims.Clock):
        def sleep(self, seconds: float) -> None:
            if not met:
                met.append(seconds)
                with pytest.raises(claims.Busy):  # another node, at the same moment
                    Codes(store, clock=self).use(id, by='dave')

    store, met = Plain(), []
    codes = Codes(store, clock=Clock())
    made, _ = codes.issue('invitation', seconds=60)
    id, _ = codes.find(str(made), 'invitation')
    codes.use(id, by='carol')
    assert met
    with pytest.raises(CodeRefused):
        codes.use(id, by='dave')
    with pytest.raises(CodeRefused):
        codes.find(str(made), 'invitation')


def test_a_code_expires_and_goes() -> None:
    class Clock(claims.Clock):
        now = 1e9

        def time(self) -> float:
            return self.now

    clock, store = Clock(), MemoryStore()
    codes = Codes(store, clock=clock)
    used, expires = codes.issue('invitation', seconds=60)
    codes.use(used.id, by='carol')
    made, _ = codes.issue('invitation', seconds=60)
    assert expires == 1e9 + 60
    assert [one.id for one in codes.outstanding('invitation')] == [made.id]
    clock.now += 60
    with pytest.raises(CodeRefused):
        codes.find(str(made), 'invitation')
    assert codes.outstanding('invitation') == []
    assert len(list(store.list('hub/codes/'))) == 3
    clock.now += DAY
    assert codes.outstanding('invitation') == []
    assert list(store.list('hub/codes/')) == []


def test_a_code_that_came_to_nothing_is_good_still() -> None:
    world = opened('invitation')
    code = world.ask('root-admin', 'POST', '/invitations', {}).data['code']
    world.hub.accounts.create('car-ol', 'user')  # the same name, to people
    assert world.ask('', 'POST', '/signup', ME | {'name': 'car.ol', 'invitation': code}).status == 409
    assert world.ask('', 'POST', '/signup', ME | {'invitation': code}).status == 201


def test_a_password_is_reset_by_a_code_once(world: World) -> None:
    world.hub.accounts.set_password('bob', 'what was it')
    made = world.ask('root-admin', 'POST', '/users/bob/reset-code', {}).data
    assert made['user'] == 'bob'
    reset = {'code': made['code'], 'new': 'a better one'}
    assert world.ask('', 'POST', '/password-reset', reset | {'new': 'bob'}).status == 400
    assert world.ask('', 'POST', '/password-reset', reset).status == 204
    assert world.ask('', 'POST', '/password-reset', reset).status == 403
    assert world.basic('bob', 'a better one', 'GET', '/me').data['name'] == 'bob'
    assert world.basic('bob', 'what was it', 'GET', '/me').status == 401
    assert 'subject-bob' in world.hub.denials.current()
    assert world.ask('bob', 'POST', '/users/alice/reset-code', {}).status == 403
    assert world.ask('root-admin', 'POST', '/users/acme/reset-code', {}).status == 404


def test_a_code_is_for_what_it_was_made_for() -> None:
    world = opened('invitation')
    world.user('bob')
    invitation = world.ask('root-admin', 'POST', '/invitations', {}).data['code']
    reset = world.ask('root-admin', 'POST', '/users/bob/reset-code', {}).data['code']
    assert world.ask('', 'POST', '/signup', ME | {'invitation': reset}).status == 403
    assert world.ask('', 'POST', '/password-reset', {'code': invitation, 'new': 'a better one'}).status == 403
    assert world.ask('', 'POST', '/password-reset', {'code': 'guess', 'new': 'a better one'}).status == 403
