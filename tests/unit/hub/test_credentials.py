"""The form of the secrets that are given out."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objreg.hub import credentials
from objreg.hub.credentials import KINDS

SCANNED = re.compile(r'objreg_(pat|robot|refresh|code)_[0-9A-Za-z]{49}')
"""What those who look for secrets in files are told to look for."""


@pytest.mark.parametrize('kind', KINDS)
def test_what_is_made_is_read_again(kind: str) -> None:
    made = credentials.make(kind)
    assert credentials.parse(str(made)) == made
    assert SCANNED.fullmatch(str(made))
    assert set(str(made)) <= set(string.ascii_letters + string.digits + '_'), 'a double click selects it'
    assert made.is_of(made.hash) and not made.is_of(credentials.make(kind).hash)


def test_no_two_are_the_same() -> None:
    made = [credentials.make('pat') for _ in range(1000)]
    assert len({one.id for one in made}) == len({one.secret for one in made}) == 1000


def test_a_secret_has_more_bits_than_can_be_guessed() -> None:
    """160, so that a hash without salt or slowness is enough; each place has any of the 62 characters."""
    secrets = [credentials.make('pat').secret for _ in range(2000)]
    assert {len(secret) for secret in secrets} == {27}
    for place in zip(*secrets, strict=True):
        assert len(set(place)) == 62


def test_what_is_kept_does_not_tell_the_secret() -> None:
    made = credentials.make('pat')
    assert made.secret not in made.hash and re.fullmatch('[0-9a-f]{64}', made.hash)


@pytest.mark.parametrize('change', [
    lambda text: text[:-1], lambda text: text + 'A', lambda text: text + '\n', lambda text: ' ' + text,
    lambda text: text.upper(), lambda text: text.swapcase(), lambda text: text.replace('pat', 'robot'),
    lambda text: text.replace('pat', 'root'), lambda text: text.replace('objreg_', ''), lambda text: text * 2,
    lambda text: text[:20] + '\u0660' + text[21:], lambda text: text[:20] + '/' + text[21:], lambda text: '',
])
def test_nothing_else_is_one(change: object) -> None:
    assert credentials.parse(change(str(credentials.make('pat')))) is None  # type: ignore[operator]


@given(st.integers(11, 59), st.sampled_from(string.ascii_letters + string.digits))
def test_a_letter_that_was_mistyped_is_noticed(at: int, letter: str) -> None:
    text = str(credentials.make('pat'))
    changed = text[:at] + letter + text[at + 1:]
    assert (credentials.parse(changed) is None) is (changed != text)


@given(st.text())
def test_a_password_is_none(text: str) -> None:
    assert credentials.parse(text) is None
