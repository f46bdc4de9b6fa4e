"""What people do on the pages behind their links."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hubs import Site, basic, password
from tests.mail import Post, code_of, mail_file
from tests.unit.hub.pages.test_site import post as send

SECRET = 'correct horse'


@pytest.fixture
def site(tmp_path: Path, cheap_passwords: None, post: Post) -> Site:
    """Root administers a hub that sends mail, where anybody signs up."""
    mail_file(tmp_path)
    made = Site(tmp_path, hub='signup = open\nmail = mail.yml')
    made.user('olga', is_administrator=True)
    return made


def can_log_in(site: Site, name: str, secret: str) -> bool:
    return site.ask('GET', '/api/v1/me', authorization=basic(name, secret)).status_code == 200


def test_from_a_sign_up_to_a_forgotten_password(site: Site, post: Post) -> None:
    carol = {'name': 'carol', 'password': SECRET, 'email': 'carol@example.org', 'invitation': ''}
    wrong = send(site, '/hub/join', carol | {'email': 'nowhere'})
    assert wrong.status_code == 400 and 'value="carol"' in wrong.text and 'email: ' in wrong.text
    answer = send(site, '/hub/join', carol)
    assert 'Look at your mail' in answer.text and not can_log_in(site, 'carol', SECRET)
    answer = send(site, '/hub/address', {'code': code_of(post.one(site.hub))})
    assert 'carol@example.org is the address of carol' in answer.text and can_log_in(site, 'carol', SECRET)
    known, unknown = (send(site, '/hub/forgotten', {'login': name}) for name in ('carol', 'nobody'))
    assert known.status_code == 200 and known.body == unknown.body
    fields = {'code': code_of(post.one(site.hub)), 'new': 'short'}
    assert send(site, '/hub/password', fields).status_code == 400
    assert 'The password is set' in send(site, '/hub/password', fields | {'new': 'a better one'}).text
    assert can_log_in(site, 'carol', 'a better one') and not can_log_in(site, 'carol', SECRET)
    again = send(site, '/hub/password', fields | {'new': 'one more'})
    assert again.status_code == 403 and 'the code is not good' in again.text


def test_an_invitation(site: Site, post: Post) -> None:
    site.api('olga', 'POST', '/invitations', {'email': 'dave@example.org', 'mail': True})
    fields = {'name': 'dave', 'password': SECRET, 'invitation': code_of(post.one(site.hub)), 'email': ''}
    assert 'dave has an account' in send(site, '/hub/join', fields).text and can_log_in(site, 'dave', SECRET)


def test_too_many_are_told_to_wait(site: Site) -> None:
    answers = [send(site, '/hub/forgotten', {'login': 'nobody'}) for _ in range(51)]
    assert answers[-1].status_code == 429 and answers[-1].headers['Retry-After'] and 'too many' in answers[-1].text


def test_the_first_administrator(tmp_path: Path, cheap_passwords: None) -> None:
    site = Site(tmp_path)
    assert 'Nobody administers this hub yet' in site.ask('GET', '/hub/first').text
    code = site.hub.first.code()
    answer = send(site, '/hub/first', {'code': code, 'name': 'alice', 'password': password('alice')})
    assert 'alice administers this hub' in answer.text
    assert site.api('alice', 'GET', '/me').json == {'name': 'alice', 'administrator': True, 'kind': 'user'}
    assert send(site, '/hub/first', {'code': code, 'name': 'eve', 'password': SECRET}).status_code == 403
    assert 'has an administrator' in site.ask('GET', '/hub/first').text
