"""Tokens where no hub signs them: a registry with passwords in a file, which old clients send only when they begin."""

from __future__ import annotations

from pathlib import Path

import bcrypt
import pytest

from objreg.auth.basic import Basic
from objreg.auth.tokens import TokenInvalid
from objreg.auth.v1 import PasswordGate
from objreg.drivers.memory import MemoryStore
from objreg.middleware.auth import Auth
from objreg.testing.v1_client import Failed
from objreg.v1.sealed import SECONDS, SealedTokens
from tests.unit.v1.registries import Both, images, layer, packed

PUSHED = images(packed(layer('a')), layer('b'))


class Guarded(Both):
    """With users in a file: ann may do everything in ``house/``, ben pull."""

    def __init__(self, folder: Path) -> None:
        super().__init__(MemoryStore())
        hashed = {name: bcrypt.hashpw(name.encode(), bcrypt.gensalt(4)).decode() for name in ('ann', 'ben')}
        self.file, self.rules = folder / 'htpasswd', folder / 'rules.yml'
        self.file.write_text(''.join(f'{name}:{one}\n' for name, one in hashed.items()))
        self.rules.write_text(
            '- {users: [ann], repositories: [house/**], actions: [pull, push, delete]}\n'
            '- {users: [ben], repositories: [house/**], actions: [pull]}\n'
        )
        self.auth = Auth(self.app, type='htpasswd', htpasswd=str(self.file), rules=str(self.rules))  # type: ignore[arg-type]
        basic = Basic('objreg', str(self.file), str(self.rules), 'none')
        self.auth._gate = basic
        self.auth._gate_v1 = PasswordGate(basic, lambda: self.registry)
        self.app = self.auth  # type: ignore[assignment]


def test_a_password_at_the_beginning_is_enough(tmp_path: Path) -> None:
    registry = Guarded(tmp_path)
    for options in ({}, {'basic_always': True}):
        ann = registry.v1(user_name='ann', password='ann', **options)  # noqa: S106
        ann.push('house/app', PUSHED, {'1': PUSHED[-1].id})
        assert registry.v1(user_name='ben', password='ben', **options).pull('house/app', '1') == PUSHED  # noqa: S106
    for name, password in (('ben', 'ben'), ('ann', 'wrong'), ('', '')):
        with pytest.raises(Failed):
            registry.v1(user_name=name, password=password).push('house/app', PUSHED, {'2': PUSHED[-1].id})


def test_a_token_grants_no_more_than_the_rules_still_do(tmp_path: Path) -> None:
    registry = Guarded(tmp_path)
    ann = registry.v1(user_name='ann', password='ann')  # noqa: S106
    ann.push('house/app', PUSHED, {'1': PUSHED[-1].id})
    header = {'Authorization': f'Token {ann.token}'}
    assert registry.call_v1('GET', '/v1/repositories/house/app/tags', headers=header).status == 200
    assert registry.call_v1('GET', '/v1/repositories/house/other/tags', headers=header).status == 403
    registry.file.write_text(registry.file.read_text().replace('ann:', 'eve:'))
    registry.auth.reload()
    assert registry.call_v1('GET', '/v1/repositories/house/app/tags', headers=header).status == 401


def test_a_token_ends_and_cannot_be_made_up() -> None:
    now = 1000.0
    registry = Both()
    tokens = SealedTokens(registry.registry.secrets, now=lambda: now)
    given = f'Token {tokens.issue("house/app", "read", subject="ann")}'
    assert tokens.verify(given).may('pull', 'house/app')
    for changed in (
        given.replace('house/app', 'house/other'), given.replace('access=read', 'access=write'), given[:-20],
        given.replace('signature=', 'signature=x'), 'Token x', 'Basic x', '',
    ):
        with pytest.raises(TokenInvalid):
            tokens.verify(changed)
    now += SECONDS + 61
    with pytest.raises(TokenInvalid):
        tokens.verify(given)
