"""Rules: which names a pattern means, and what is wrong with a file."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objreg.auth import files, rules
from objreg.config import ConfigError


@pytest.mark.parametrize(('pattern', 'matching', 'others'), [
    ('team/**', ['team/a', 'team/a/b', 'team'], ['team2', 'team2/a', 'a/team', 'tea']),
    ('team/*', ['team/a'], ['team', 'team/a/b', 'team2/a']),
    ('**', ['a', 'a/b/c'], []),
    ('*', ['a', 'abc'], ['a/b']),
    ('team', ['team'], ['team/a', 'team2', 'ateam']),
    ('*/app', ['x/app'], ['app', 'x/y/app', 'x/app2']),
    ('**/app', ['x/app', 'x/y/app'], ['app2', 'x/app/y']),
    ('a.b', ['a.b'], ['axb']),
    ('a**b*c/**', ['abc', 'a/b/bxc', 'abxc/d'], ['ab/c', 'abcd']),
])
def test_patterns(pattern: str, matching: list[str], others: list[str]) -> None:
    compiled = rules.pattern(pattern)
    assert [name for name in matching + others if compiled.fullmatch(name)] == matching


def means(pattern: str, name: str) -> bool:
    """What a pattern means, letter by letter: the definition, and no program for names that a client chooses."""
    @cache
    def rest(of_pattern: int, of_name: int) -> bool:
        left, there = pattern[of_pattern:], name[of_name:]
        if left == '/**':
            return not there or there[0] == '/'
        if left.startswith('**'):
            return rest(of_pattern + 2, of_name) or bool(there) and rest(of_pattern, of_name + 1)
        if left.startswith('*'):
            return rest(of_pattern + 1, of_name) or there[:1] not in ('', '/') and rest(of_pattern, of_name + 1)
        return not there if not left else left[0] == there[:1] and rest(of_pattern + 1, of_name + 1)

    return rest(0, 0)


PATTERNS = st.lists(st.text('ab*', min_size=1, max_size=6), min_size=1, max_size=3).map('/'.join)
NAMES = st.lists(st.text('ab', min_size=1, max_size=6), min_size=1, max_size=4).map('/'.join)


@settings(deadline=None, max_examples=300)
@given(PATTERNS, NAMES)
def test_a_pattern_means_what_it_says(pattern: str, name: str) -> None:
    assert bool(rules.pattern(pattern).fullmatch(name)) == means(pattern, name)


@pytest.mark.parametrize('pattern', [
    '**a**a**a**a**a', '*a' * 20, '*a*a**' * 8 + 'c', '**a*a*a*a/**', '**' * 60 + 'c', 'a*' * 90 + '/**',
])
@pytest.mark.parametrize('name', ['a' * 254 + 'b', 'a/' * 127 + 'b', 'aab' * 85])
def test_no_pattern_and_no_name_take_long(pattern: str, name: str) -> None:
    """CVE-2022-24713: patterns that explode.  The name is the client's."""
    compiled = rules.pattern(pattern)
    began = time.process_time()
    compiled.fullmatch(name)
    assert time.process_time() - began < 0.2


@pytest.mark.parametrize(('text', 'problem'), [
    ('{}', 'a list of grants is needed'), ('- x', 'entry 1: needs users'), ('[', 'not YAML'),
    ('- {users: [a], repositories: [b], action: [pull]}', "entry 1: there is no 'action'; did you mean 'actions'"),
    ('- {users: [a], repositories: [b], actions: [pul]}', "actions: there is no 'pul'; did you mean 'pull'"),
    ('- {users: [a], repositories: [b]}', 'actions: a list of words is needed'),
    ('- {users: [], repositories: [b], actions: [pull]}', 'users: a list of words is needed'),
    ('- {users: [""], repositories: [b], actions: [pull]}', 'users: a list of words is needed'),
    ('- {users: "*", repositories: [b], actions: [pull]}', 'users: there is no .*; write authenticated or anonymous'),
    ('- {users: [a], repositories: ["UPPER"], actions: [pull]}', "'UPPER' matches no name"),
    ('- {users: [a], repositories: ["/b"], actions: [pull]}', "'/b' matches no name"),
])
def test_a_bad_rule_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / 'rules.yml'
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem) as error:
        rules.watch(str(path))
    assert str(error.value).startswith(f'rules: {path}')


def test_changed_rules_count_at_once_and_broken_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(files, 'LOOK_AGAIN', 0)
    path = tmp_path / 'rules.yml'
    path.write_text('- {users: [alice], repositories: [a], actions: [pull]}')
    watched = rules.watch(str(path))
    assert watched.current().may('alice', 'pull', 'a')
    path.write_text('- {users: [alice], repositories: [bb], actions: [pull]}')
    assert not watched.current().may('alice', 'pull', 'a')
    path.write_text('- {users: [alice], repositories: [ccc], actions: [pul]}')
    assert watched.current().may('alice', 'pull', 'bb')
    path.unlink()
    assert watched.current().may('alice', 'pull', 'bb')
    watched.current()
    assert [record.message.partition(';')[0] for record in caplog.records] == [
        f"rules: {path}, entry 1: actions: there is no 'pul'", f'rules: {path}: No such file or directory',
    ]


def test_each_entry_only_adds(tmp_path: Path) -> None:
    path = tmp_path / 'rules.yml'
    path.write_text(
        '- {users: anonymous, repositories: open, actions: pull}\n'
        '- {users: authenticated, repositories: house, actions: pull}\n'
        '- {users: [ann, bob], repositories: house, actions: push}\n'
        '- {users: ann, repositories: "**", actions: [pull]}\n'
    )
    found = rules.load(str(path))
    granted = {
        (user, action, name) for user in ('', 'ann', 'bob', 'eve') for action in rules.ACTIONS
        for name in ('open', 'house', 'other') if found.may(user, action, name)
    }
    assert granted == {
        ('', 'pull', 'open'), ('ann', 'pull', 'open'), ('bob', 'pull', 'open'), ('eve', 'pull', 'open'),
        ('ann', 'pull', 'house'), ('bob', 'pull', 'house'), ('eve', 'pull', 'house'),
        ('ann', 'push', 'house'), ('bob', 'push', 'house'), ('ann', 'pull', 'other'),
    }
    assert found.grants_to_anonymous()
