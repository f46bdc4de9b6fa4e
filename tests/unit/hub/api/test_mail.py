"""What people are written, and what they can do by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from objreg.config import ConfigError
from objreg.drivers.memory import MemoryStore
from objreg.hub.smtp import MailFailed
from tests.mail import URL, Post, code_of, mail_file
from tests.unit.hub.api.world import World

SECRET = 'correct horse'
CAROL = 'carol@example.org'
SIGN_UP = {'name': 'carol', 'password': SECRET, 'email': CAROL}


@pytest.fixture
def world(tmp_path: Path, post: Post) -> World:
    """Root administers a hub that sends mail, where carol has an address that she proved, and bob has none."""
    made = World(mail=str(mail_file(tmp_path)), signup='open')
    made.user('root-admin', administrator=True)
    made.user('bob', 'carol')
    made.hub.accounts.set_password('carol', SECRET)
    made.hub.accounts.set_password('bob', SECRET)
    prove(made, post, 'carol', CAROL)
    return made


def prove(world: World, post: Post, user: str, address: str) -> Any:
    """Have an address of somebody proved."""
    assert world.operator('PATCH', f'/users/{user}', {'email': address}).status == 200
    return world.ask('', 'POST', '/address-proof', {'code': code_of(post.of(world.hub)[0])})


def forgot(world: World, login: str) -> None:
    answer = world.ask('', 'POST', '/password-reset-mail', {'login': login})
    assert (answer.status, answer.data) == (204, None)


def proved(world: World, user: str) -> tuple[str, bool]:
    shown = world.operator('GET', f'/users/{user}').data
    return shown['email'], shown['email_proved']


# Forgotten passwords


@pytest.mark.parametrize('login', ['carol', 'Carol', CAROL, 'Carol@Example.org'])
def test_whoever_forgot_his_password_gets_a_link(world: World, post: Post, login: str) -> None:
    forgot(world, login)
    letter = post.one(world.hub)
    assert letter.to == CAROL and f'{URL}/hub/password#objreg_code_' in letter.text and '192.0.2' not in letter.text
    reset = {'code': code_of(letter), 'new': 'a better one'}
    assert world.ask('', 'POST', '/password-reset', reset).status == 204
    assert world.basic('carol', 'a better one', 'GET', '/me').status == 200
    assert world.basic('carol', SECRET, 'GET', '/me').status == 401
    assert world.ask('', 'POST', '/password-reset', reset | {'new': 'one more'}).status == 403
    assert 'subject-carol' in world.hub.denials.current()


@pytest.mark.parametrize('login', [
    'bob', 'nobody', 'nobody@example.org', '@', 'a@b\r\nBcc: c@d', 'bob@example.org', '../x', 'x' * 254, 'carol+robot',
])
def test_whoever_cannot_get_one_is_answered_the_same(world: World, post: Post, login: str) -> None:
    world.operator('PATCH', '/users/bob', {'email': 'bob@example.org'})  # says so, and did not prove it
    post.of(world.hub)
    forgot(world, login)
    assert post.of(world.hub) == []


def test_nothing_is_asked_of_the_store_before_the_answer(world: World) -> None:
    """So that it takes the same time."""
    world.hub.mail.mailer.close(5)  # nobody works on it
    world.registry.store = world.hub.accounts._store = world.hub.mailboxes._store = None
    for login in ('carol', 'nobody', CAROL):
        forgot(world, login)


def test_whoever_is_suspended_gets_none(world: World, post: Post) -> None:
    world.hub.accounts.suspend('carol', by='root-admin')
    forgot(world, 'carol')
    assert post.of(world.hub) == []


@pytest.mark.parametrize('change', ['password', 'address', 'no address', 'logged out everywhere', 'used the other'])
def test_a_link_is_worth_nothing_once_the_account_is_another(world: World, post: Post, change: str) -> None:
    forgot(world, 'carol')
    code = code_of(post.one(world.hub))
    forgot(world, 'carol')
    other = code_of(post.one(world.hub))
    if change == 'password':
        world.operator('PUT', '/users/carol/password', {'new': 'another one'})
    elif change == 'address':
        assert prove(world, post, 'carol', 'new@example.org').status == 200
    elif change == 'no address':
        world.operator('PATCH', '/users/carol', {'email': ''})
    elif change == 'logged out everywhere':
        world.operator('DELETE', '/users/carol/sessions')
    else:
        assert world.ask('', 'POST', '/password-reset', {'code': other, 'new': 'another one'}).status == 204
    assert world.ask('', 'POST', '/password-reset', {'code': code, 'new': 'a better one'}).status == 403
    assert world.basic('carol', 'a better one', 'GET', '/me').status == 401


def test_an_administrators_code_ends_with_the_password_as_well(world: World) -> None:
    code = world.operator('POST', '/users/carol/reset-code', {}).data['code']
    world.operator('PUT', '/users/carol/password', {'new': 'another one'})
    assert world.ask('', 'POST', '/password-reset', {'code': code, 'new': 'a better one'}).status == 403


def test_nobody_is_flooded(world: World, post: Post) -> None:
    """Five an hour to one address, and fifty asked for from one."""
    for _ in range(8):
        forgot(world, 'carol')
    assert len(post.of(world.hub)) == 4  # one was hers already
    statuses = {world.ask('', 'POST', '/password-reset-mail', {'login': 'x'}).status for _ in range(50)}
    assert statuses == {204, 429}


def test_nobody_floods_others_by_saying_that_their_addresses_are_his(world: World, post: Post) -> None:
    for number in range(8):
        world.operator('PATCH', '/users/bob', {'email': f'victim-{number}@example.org'})
        world.hub.mail.mailer.flush(20)
    assert len(post.of(world.hub)) == 5


# Addresses


def test_an_address_counts_once_it_is_proved(world: World, post: Post) -> None:
    change = {'email': 'bob@example.org', 'password': SECRET}
    assert world.ask('bob', 'PATCH', '/users/bob', change | {'password': 'wrong'}).status == 400
    assert world.ask('bob', 'PATCH', '/users/bob', {'email': 'bob@example.org'}).status == 400
    assert proved(world, 'bob') == ('', False)
    assert world.ask('bob', 'PATCH', '/users/bob', change).status == 200
    letter = post.one(world.hub)
    assert letter.to == 'bob@example.org' and f'{URL}/hub/address#' in letter.text
    assert proved(world, 'bob') == ('bob@example.org', False)
    answer = world.ask('', 'POST', '/address-proof', {'code': code_of(letter)})
    assert (answer.status, answer.data) == (200, {'user': 'bob', 'email': 'bob@example.org'})
    assert proved(world, 'bob') == ('bob@example.org', True)
    assert world.ask('', 'POST', '/address-proof', {'code': code_of(letter)}).status == 403
    assert post.of(world.hub) == []
    assert world.basic('bob@example.org', SECRET, 'GET', '/me').status == 401, 'and is no name'


def test_the_old_address_is_told(world: World, post: Post) -> None:
    world.operator('PATCH', '/users/carol', {'email': 'new@example.org'})
    letter = post.one(world.hub)
    assert letter.to == 'new@example.org' and world.hub.mailboxes.of('carol') == CAROL
    world.ask('', 'POST', '/address-proof', {'code': code_of(letter)})
    told = post.one(world.hub)
    assert told.to == CAROL and 'new@example.org' not in told.text
    world.operator('PATCH', '/users/carol', {'email': ''})
    assert post.one(world.hub).to == 'new@example.org'
    assert world.hub.mailboxes.of('carol') == ''


@pytest.mark.parametrize('since', ['another address', 'none', 'another password', 'the account is gone'])
def test_a_proof_is_worth_nothing_once_it_is_not_wanted(world: World, post: Post, since: str) -> None:
    """Whoever had somebody's account for a moment has nothing left."""
    world.operator('PATCH', '/users/carol', {'email': 'eve@example.org'})
    code = code_of(post.one(world.hub))
    if since == 'another password':
        world.operator('PUT', '/users/carol/password', {'new': 'another one'})
    elif since == 'the account is gone':
        world.operator('DELETE', '/users/carol')
    else:
        world.operator('PATCH', '/users/carol', {'email': 'new@example.org' if since == 'another address' else ''})
    assert world.ask('', 'POST', '/address-proof', {'code': code}).status == 403
    assert world.hub.mailboxes.owner('eve@example.org') is None


def test_a_code_is_for_what_it_was_sent_for(world: World, post: Post) -> None:
    forgot(world, 'carol')
    reset = code_of(post.one(world.hub))
    world.operator('PATCH', '/users/bob', {'email': 'bob@example.org'})
    proof = code_of(post.one(world.hub))
    assert world.ask('', 'POST', '/address-proof', {'code': reset}).status == 403
    assert world.ask('', 'POST', '/password-reset', {'code': proof, 'new': 'a better one'}).status == 403
    invited = {'name': 'dave', 'password': SECRET, 'invitation': proof}
    assert world.ask('', 'POST', '/signup', invited).status == 403


def test_an_address_is_one_accounts(world: World, post: Post) -> None:
    assert prove(world, post, 'bob', CAROL).status == 409
    assert world.hub.mailboxes.owner(CAROL).name == 'carol'


def test_the_link_is_sent_again(world: World, post: Post) -> None:
    assert world.ask('bob', 'POST', '/users/bob/address-mail').status == 204
    assert post.of(world.hub) == []  # there is no address to prove
    world.operator('PATCH', '/users/bob', {'email': 'bob@example.org'})
    first = post.one(world.hub)
    assert world.ask('bob', 'POST', '/users/bob/address-mail').status == 204
    second = post.one(world.hub)
    assert (second.to, code_of(second) == code_of(first)) == ('bob@example.org', False)
    assert world.ask('carol', 'POST', '/users/bob/address-mail').status == 403


# Signing up


def test_who_signs_up_logs_in_once_his_address_is_proved(world: World, post: Post) -> None:
    dave = {'name': 'dave', 'password': SECRET, 'email': 'dave@example.org'}
    assert world.ask('', 'POST', '/signup', dave | {'email': ''}).status == 400
    assert world.ask('', 'POST', '/signup', dave | {'email': 'a@b c'}).status == 400
    assert world.hub.accounts.find('dave') is None
    assert world.ask('', 'POST', '/signup', dave).status == 201
    first = post.one(world.hub)
    assert world.basic('dave', SECRET, 'GET', '/me').status == 401
    forgot(world, 'dave')  # is how the link is sent again
    again = post.one(world.hub)
    assert again.to == 'dave@example.org' and '/hub/address#' in again.text
    assert world.ask('', 'POST', '/address-proof', {'code': code_of(first)}).status == 200
    assert world.basic('dave', SECRET, 'GET', '/me').data['name'] == 'dave'
    assert proved(world, 'dave') == ('dave@example.org', True)
    world.operator('PUT', '/users/dave/password', {'new': 'another one'})
    assert world.ask('', 'POST', '/address-proof', {'code': code_of(again)}).status == 403
    assert world.basic('dave', 'another one', 'GET', '/me').status == 200


def test_a_password_that_an_administrator_set_is_not_undone_by_a_late_proof(world: World, post: Post) -> None:
    world.ask('', 'POST', '/signup', {'name': 'dave', 'password': SECRET, 'email': 'dave@example.org'})
    post.one(world.hub)
    world.operator('PUT', '/users/dave/password', {'new': 'another one'})
    assert prove(world, post, 'dave', 'd@example.org').status == 200
    assert world.basic('dave', 'another one', 'GET', '/me').status == 200
    assert world.basic('dave', SECRET, 'GET', '/me').status == 401


def test_an_address_that_is_anothers_lets_nobody_in(world: World, post: Post) -> None:
    world.ask('', 'POST', '/signup', {'name': 'dave', 'password': SECRET, 'email': CAROL})
    assert world.ask('', 'POST', '/address-proof', {'code': code_of(post.one(world.hub))}).status == 409
    assert world.basic('dave', SECRET, 'GET', '/me').status == 401


# Invitations


def test_an_invitation_goes_by_mail(world: World, post: Post) -> None:
    made = world.ask('root-admin', 'POST', '/invitations', {'email': 'dave@example.org', 'mail': True}).data
    assert (made['mailed'], made['code']) == (True, None)
    letter = post.one(world.hub)
    assert letter.to == 'dave@example.org' and f'{URL}/hub/join#' in letter.text
    invited = {'name': 'dave', 'password': SECRET, 'invitation': code_of(letter)}
    assert world.ask('', 'POST', '/signup', invited).status == 201
    assert world.basic('dave', SECRET, 'GET', '/me').status == 200
    assert proved(world, 'dave') == ('dave@example.org', True), 'by having the code'
    assert post.of(world.hub) == []


def test_an_invitation_to_one_address_proves_no_other(world: World, post: Post) -> None:
    world.ask('root-admin', 'POST', '/invitations', {'email': 'dave@example.org', 'mail': True})
    invited = {'name': 'dave', 'password': SECRET, 'invitation': code_of(post.one(world.hub)), 'email': 'd@example.org'}
    assert world.ask('', 'POST', '/signup', invited).status == 201
    assert proved(world, 'dave') == ('d@example.org', False)
    assert post.one(world.hub).to == 'd@example.org'


def test_a_code_that_was_shown_proves_no_address(world: World, post: Post) -> None:
    post.failure = MailFailed('the server said 451 later')
    made = world.ask('root-admin', 'POST', '/invitations', {'email': 'dave@example.org', 'mail': True}).data
    assert made['mailed'] is False and made['code']
    post.failure = None
    invited = {'name': 'dave', 'password': SECRET, 'invitation': made['code']}
    assert world.ask('', 'POST', '/signup', invited).status == 201
    assert proved(world, 'dave') == ('dave@example.org', False)
    assert post.one(world.hub).to == 'dave@example.org'


# Without mail


def test_without_mail_all_is_as_it_was() -> None:
    plain = World(signup='open')
    assert plain.ask('', 'POST', '/password-reset-mail', {'login': 'carol'}).kind == 'no-mail'
    assert plain.ask('', 'POST', '/signup', SIGN_UP | {'email': ''}).status == 201
    shown = plain.basic('carol', SECRET, 'PATCH', '/users/carol', {'email': 'what ever@x'})
    assert shown.status == 400
    shown = plain.basic('carol', SECRET, 'PATCH', '/users/carol', {'email': 'ä@example.org'})
    assert (shown.status, shown.data['email'], shown.data['email_proved']) == (200, 'ä@example.org', None)
    made = plain.operator('POST', '/invitations', {'email': 'dave@example.org', 'mail': True}).data
    assert made['code'] and not made['mailed']


def test_what_is_wrong_with_the_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='^mail: .*mail.yml: url: needed'):
        World(mail=str(mail_file(tmp_path, url="''")))
    with pytest.raises(ConfigError, match="^mails: 'many' is not like"):
        World(MemoryStore(), mails='many')


def test_the_first_administrator_is_made_over_the_api() -> None:
    world = World()
    code = world.hub.first.code()
    first = {'code': code, 'name': 'alice', 'password': SECRET}
    assert world.ask('', 'POST', '/first-administrator', first | {'code': 'x'}).status == 403
    assert world.ask('', 'POST', '/first-administrator', first | {'name': 'admin'}).status == 400
    assert world.ask('', 'POST', '/first-administrator', first).status == 201
    assert world.basic('alice', SECRET, 'GET', '/me').data['administrator'] is True
    assert world.ask('', 'POST', '/first-administrator', first | {'name': 'eve'}).status == 403
