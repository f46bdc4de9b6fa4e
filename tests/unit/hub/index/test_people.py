"""``docker login`` as it was: a sign-up that is one, a sign-up that is none, and then a login."""

from __future__ import annotations

from pathlib import Path

import pytest

from objreg.hub.audit import Wanted
from objreg.hub.records import Profile, Scope
from tests.hubs import Site, basic, password
from tests.mail import Post, code_of, mail_file
from tests.unit.hub.index.clients import index

TAKEN = b'"Username or email already exists"'


@pytest.fixture
def open_site(tmp_path: Path, cheap_passwords: None) -> Site:
    """Where anybody may sign up."""
    return Site(tmp_path, hub='signup = open')


def sign_up(site: Site, name: str, secret: str = 'a long secret', **more: str):  # type: ignore[no-untyped-def]
    document = {'username': name, 'password': secret, 'email': 'a@b.example', 'auth': '', **more}
    return index(site, '', 'POST', 'users/', document)


def test_somebody_new_signs_up_and_is_logged_in(open_site: Site) -> None:
    answer = sign_up(open_site, 'carol', 'carol has a secret')
    assert (answer.status_code, answer.body) == (201, b'"User Created"')
    answer = index(open_site, 'carol', 'GET', 'users/')
    assert (answer.status_code, answer.body) == (200, b'"OK"')
    assert open_site.hub.accounts.profile('carol') == Profile('a@b.example')
    assert [event.target for _, event in open_site.hub.audit.find(Wanted(action='user.signup'))] == ['carol']
    assert not open_site.hub.accounts.is_administrator('carol')


def test_somebody_who_is_there_is_told_the_words_by_which_docker_logs_in(open_site: Site) -> None:
    open_site.user('alice')
    for name in ('alice', 'Alice', 'acme+ci'):
        for secret in ('a long secret', 'short'):
            answer = sign_up(open_site, name, secret)
            assert (answer.status_code, answer.body) == (400, TAKEN), name
    assert index(open_site, 'alice', 'GET', 'users/').status_code == 200, 'the password is what it was'
    open_site.organisation('acme', 'alice')
    assert sign_up(open_site, 'acme').body == TAKEN
    assert sign_up(open_site, 'a-cme').status_code == 201
    assert sign_up(open_site, 'a.cme').body == TAKEN, 'which is the same name'


def test_where_nobody_signs_up_everybody_is_told_the_same(site: Site) -> None:
    site.user('alice')
    answers = {(one.status_code, one.body) for one in (
        sign_up(site, 'alice'), sign_up(site, 'nobody'), sign_up(site, 'root'), sign_up(site, '..', 'x'),
    )}
    assert answers == {(400, TAKEN)}
    assert site.hub.accounts.find('nobody') is None


def test_an_invitation_is_not_to_be_had_by_docker(tmp_path: Path, cheap_passwords: None) -> None:
    site = Site(tmp_path, hub='signup = invitation')
    assert sign_up(site, 'carol').body == TAKEN
    assert site.hub.accounts.find('carol') is None


@pytest.mark.parametrize(('name', 'secret'), [
    ('root', 'a long secret'), ('c', 'a long secret'), ('../x', 'a long secret'), ('carol', 'short'),
    ('carol', 'carol'), ('carol', 'aaaaaaaaaaaa'),
])
def test_what_is_refused_is_said_in_a_sentence(open_site: Site, name: str, secret: str) -> None:
    answer = sign_up(open_site, name, secret)
    assert answer.status_code == 400 and answer.json['error'] and answer.body != TAKEN
    assert not open_site.hub.accounts.are_there()


def test_an_address_that_is_none_is_left_out(open_site: Site) -> None:
    assert sign_up(open_site, 'carol', email='none of yours').status_code == 201
    assert open_site.hub.accounts.profile('carol').email == ''


@pytest.mark.parametrize('body', [
    b'', b'{', b'[]', b'{"username": "carol"}', b'{"username": 7, "password": "a long secret"}', b'\xff',
    b'[' * 10_000, b'{"username":"carol","password":"' + b'x' * 2000 + b'"}',
])
def test_what_is_no_account_is_refused(open_site: Site, body: bytes) -> None:
    answer = open_site.ask('POST', '/v1/users/', body)
    assert answer.status_code == 400 and answer.json['error']
    assert not open_site.hub.accounts.are_there()


def test_a_login_is_by_password_or_token(site: Site) -> None:
    site.user('alice')
    assert site.ask('GET', '/v1/users/', authorization=basic('Alice', password('alice'))).status_code == 200
    for scopes in (None, [Scope(actions=('pull',))]):
        pat = site.pat('alice', scopes)
        assert site.ask('GET', '/v1/users/', authorization=basic('alice', pat)).status_code == 200
    for header in ('', basic('alice', 'wrong'), basic('nobody', 'wrong'), basic('', ''), 'Basic x', 'Digest x'):
        answer = site.ask('GET', '/v1/users/', authorization=header)
        assert answer.status_code == 401, header
        assert answer.headers['WWW-Authenticate'] == 'Basic realm="auth required",Token'


def test_who_is_suspended_is_told_so_by_the_right_password_only(site: Site) -> None:
    site.user('alice')
    site.hub.accounts.suspend('alice', by='')
    assert index(site, 'alice', 'GET', 'users/').status_code == 403
    assert site.ask('GET', '/v1/users/', authorization=basic('alice', 'wrong')).status_code == 401
    assert index(site, 'alice', 'PUT', 'repositories/alice/app/', []).status_code == 401


def test_somebody_changes_his_password_and_address(site: Site) -> None:
    site.user('alice')
    site.hub.accounts.set_profile('alice', Profile('old@b.example', 'Alice A.'))
    answer = index(site, 'alice', 'PUT', 'users/alice/', {'email': 'new@b.example', 'password': 'another secret'})
    assert (answer.status_code, answer.body) == (204, b'')
    assert site.hub.accounts.profile('alice') == Profile('new@b.example', 'Alice A.')
    assert index(site, 'alice', 'GET', 'users/').status_code == 401
    assert site.ask('GET', '/v1/users/', authorization=basic('alice', 'another secret')).status_code == 200
    actions = [event.action for _, event in site.hub.audit.find(Wanted(target='alice'))]
    assert actions == ['user.change', 'user.password']


def test_nobody_changes_another_and_a_token_changes_nothing(site: Site) -> None:
    for name in ('alice', 'mallory'):
        site.user(name)
    site.user('root2', is_administrator=True)
    change = {'password': 'another secret'}
    for user, target, status in (
        ('mallory', 'alice', 403), ('mallory', 'nobody', 403), ('root2', 'alice', 403), ('', 'alice', 401),
    ):
        assert index(site, user, 'PUT', f'users/{target}/', change).status_code == status
    answer = site.ask(
        'PUT', '/v1/users/alice/', b'{"password":"another secret"}', authorization=basic('alice', site.pat('alice'))
    )
    assert answer.status_code == 403
    for wrong in ({'password': 'x'}, {'email': 'nothing'}, [], {'password': 7}):
        assert index(site, 'alice', 'PUT', 'users/alice', wrong).status_code == 400
    assert index(site, 'alice', 'GET', 'users/').status_code == 200


# Where mail is sent


def test_who_signs_up_where_mail_is_sent_proves_his_address_first(
    tmp_path: Path, cheap_passwords: None, post: Post
) -> None:
    """Docker says after a 201 that there is a link to follow."""
    mail_file(tmp_path)
    site = Site(tmp_path, hub='signup = open\nmail = mail.yml')
    assert sign_up(site, 'carol', password('carol'), email='no address').status_code == 400
    assert site.hub.accounts.find('carol') is None
    assert sign_up(site, 'carol', password('carol'), email='carol@example.org').status_code == 201
    letter = post.one(site.hub)
    assert letter.to == 'carol@example.org'
    assert index(site, 'carol', 'GET', 'users/').status_code == 401
    site.hub.mail.prove(code_of(letter))
    assert index(site, 'carol', 'GET', 'users/').status_code == 200
    assert index(site, 'carol', 'PUT', 'users/carol/', {'email': 'new@example.org'}).status_code == 204
    assert post.one(site.hub).to == 'new@example.org'
