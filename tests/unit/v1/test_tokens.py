"""The tokens of the first version: written strictly, read loosely, verified without asking anybody."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objreg.auth.tokens import TokenInvalid
from objreg.drivers.memory import MemoryStore
from objreg.hub.signing import Signing
from objreg.v1.tokens import GRANTED, Issuer, V1Tokens, is_token, parse
from tests.unit.test_names import NAMES

SIGNING = Signing(MemoryStore())
ISSUER = Issuer(SIGNING, 'objreg', ['registry', 'paris'], 3600)


def tokens(service: str = 'registry', issuer: str = 'objreg') -> V1Tokens:
    return V1Tokens(SIGNING, issuer, service, ['ES256', 'EdDSA'], 60)


def signed(**claims: Any) -> str:
    """A token with other claims; one that is None is left out."""
    now = int(time.time())
    said = {
        'iss': 'objreg', 'aud': 'v1:registry', 'sub': 'alice', 'iat': now, 'exp': now + 60, 'repository': 'team/app',
        'access': 'read', **claims,
    }
    signature = SIGNING.sign({name: value for name, value in said.items() if value is not None})
    return f'Token signature={signature},repository="team/app",access=read'


@pytest.mark.parametrize('service', ['registry', 'paris'])
@pytest.mark.parametrize(('access', 'actions'), [
    ('read', {'pull'}), ('write', {'pull', 'push'}), ('delete', {'delete'}),
])
def test_what_was_issued_is_good_for_its_repository(service: str, access: str, actions: set[str]) -> None:
    text = ISSUER.issue('team/app', access, subject='alice', credential='id')
    found = tokens(service).verify(f'Token {text}')
    assert (found.subject, found.repository, found.credential) == ('alice', 'team/app', 'id')
    assert abs(found.issued - time.time()) < 60
    for action in ('pull', 'push', 'delete'):
        assert found.may(action, 'team/app') is (action in actions)
        assert not found.may(action, 'team/app2') and not found.may(action, 'team') and not found.may(action, '')


@given(NAMES, st.sampled_from(sorted(GRANTED)))
def test_any_name_goes_through(name: str, access: str) -> None:
    name = name if '/' in name.removeprefix('library/') else name.removeprefix('library/')
    assert tokens().verify(f'Token {ISSUER.issue(name, access, subject="")}').repository == name


@pytest.mark.parametrize('form', [
    'Token {}', 'token {}', 'TOKEN   {}', 'Token Token {}', 'Token token {}', ' Token {} ',
])
def test_the_word_is_said_once_or_twice(form: str) -> None:
    header = form.format(ISSUER.issue('team/app', 'read', subject='alice'))
    assert is_token(header) and tokens().verify(header).repository == 'team/app'


def test_fields_are_read_loosely() -> None:
    expected = {'signature': 's.i.g', 'repository': 'team/app', 'access': 'read'}
    for text in (
        'signature=s.i.g,repository="team/app",access=read', 'signature:s.i.g,repository:"team/app",access:"read"',
        'access = read , repository = team/app, signature = "s.i.g"',
        'Signature=s.i.g,REPOSITORY=team/app,access=read,',
    ):
        assert parse(f'Token {text}') == expected
    assert parse('Token more=1') == {'more': '1'}, 'what is not known is not looked at'


@pytest.mark.parametrize('text', [
    '', 'Token', 'Bearer x', 'Token x', 'Token ,', 'Token a=b c=d', 'Token signature="a', 'Token a=b,a=c',
    'Token a=b\nc', 'Token Token Token a=b', 'Tokena=b', 'Token ' + 'a=b,' * 5000,
])
def test_what_is_no_token_is_none(text: str) -> None:
    with pytest.raises(TokenInvalid):
        parse(text)


@given(st.text(max_size=80) | st.lists(st.sampled_from(
    ['Token ', 'signature', 'repository', 'access', '=', ':', '"', ',', ' ', 'read', 'a/b', '\\', '\0', 'x' * 20]
), max_size=20).map(''.join))
def test_whatever_comes_is_refused(text: str) -> None:
    with pytest.raises(TokenInvalid):
        tokens().verify(text)


@pytest.mark.parametrize('claims', [
    {'exp': 1}, {'exp': None}, {'nbf': int(time.time()) + 3600}, {'iss': 'other'}, {'iss': None}, {'aud': 'registry'},
    {'aud': 'v1:other'}, {'aud': ['registry', 'v1:paris']}, {'aud': None}, {'aud': ''}, {'repository': None},
    {'repository': ''}, {'repository': ['team/app']}, {'repository': 'team/ap'}, {'repository': 'team/app/x'},
    {'repository': 'team/*'}, {'access': None}, {'access': 'write'}, {'access': 'delete'}, {'access': '*'},
    {'access': ['read']}, {'access': [{'type': 'repository', 'name': 'team/app', 'actions': ['pull']}]},
    {'iat': None}, {'iat': 'x'},
])
def test_what_it_says_is_what_counts(claims: dict[str, Any]) -> None:
    assert tokens().verify(signed()).may('pull', 'team/app')
    with pytest.raises(TokenInvalid):
        tokens().verify(signed(**claims))


@pytest.mark.parametrize(('old', 'new'), [
    ('team/app', 'team/other'), ('team/app', 'team/*'), ('team/app', ''), ('team/app', '../team/app'),
    ('=read', '=write'), ('=read', '=delete'), ('=read', '=*'), (',access=read', ''), (',repository="team/app"', ''),
    ('signature=', 'signature=x'),
])
def test_what_stands_outside_has_to_agree(old: str, new: str) -> None:
    with pytest.raises(TokenInvalid):
        tokens().verify(signed().replace(old, new))
