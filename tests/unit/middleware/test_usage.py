"""The usage layer: what counts, for whom, and what is told to whoever has had his share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import argon2
import pytest

from objreg import pipeline
from objreg.access import KEY
from objreg.auth.tokens import TokenAccess
from objreg.config import ConfigError
from objreg.errors import BlobUnknown, StoreUnavailable
from objreg.http import Response
from objreg.middleware.auth import Auth
from objreg.middleware.proxy import Proxy
from objreg.middleware.usage import Usage
from objreg.testing.fakes import FakeApp
from tests.hubs import basic
from tests.unit.middleware.calls import call

MANIFEST = '/v2/app/manifests/v1'
ALICE, BOB = ({KEY: TokenAccess(name, {})} for name in ('alice', 'bob'))
NOBODY: dict[str, Any] = {KEY: TokenAccess('', {})}


def answers(layer: Any, times: int, method: str = 'GET', path: str = MANIFEST, **environ: Any) -> list[int]:
    """The statuses of so many requests."""
    return [call(layer, path, method, **environ).status_code for _ in range(times)]


def pushing(**options: str) -> Usage:
    """A layer before an application that takes manifests."""
    return Usage(FakeApp(Response(status=201)), **options)


def test_an_account_pulls_so_much_and_no_more() -> None:
    app = FakeApp()
    layer = Usage(app, pulls='3 per 6 hours')
    assert answers(layer, 5, **ALICE) == [200, 200, 200, 429, 429]
    assert len(app.requests) == 3, 'who is refused costs the store nothing'
    answer = call(layer, MANIFEST, **ALICE)
    assert json.loads(answer.body) == {'errors': [
        {'code': 'TOOMANYREQUESTS', 'message': 'the limit of pulls is reached, try again later',
         'detail': '3 per 6 hour for alice'},
    ]}
    assert 1 <= int(answer.headers['Retry-After']) <= 6 * 3600 + 1
    assert answer.headers['RateLimit-Remaining'] == '0;w=21600'


def test_two_accounts_do_not_disturb_each_other() -> None:
    layer = Usage(FakeApp(), pulls='3 per hour')
    assert answers(layer, 4, **ALICE)[-1] == 429
    assert answers(layer, 3, **BOB) == [200, 200, 200]


def test_an_account_is_one_wherever_it_comes_from() -> None:
    layer = Usage(FakeApp(), pulls='1 per hour')
    assert answers(layer, 1, REMOTE_ADDR='192.0.2.1', **ALICE) == [200]
    assert answers(layer, 1, REMOTE_ADDR='192.0.2.2', **ALICE) == [429]


def test_an_account_and_strangers_at_its_address_do_not_disturb_each_other() -> None:
    layer = Usage(FakeApp(), pulls='2 per hour', anonymous_pulls='1 per hour')
    assert answers(layer, 2, **NOBODY) == [200, 429]
    assert answers(layer, 3, **ALICE) == [200, 200, 429]
    assert answers(layer, 1, REMOTE_ADDR='192.0.2.9', **NOBODY) == [200]


def test_who_is_called_like_an_address_is_not_counted_with_it() -> None:
    layer = Usage(FakeApp(), pulls='1 per hour', anonymous_pulls='1 per hour')
    assert answers(layer, 1, **NOBODY) == [200]
    assert answers(layer, 1, **{KEY: TokenAccess('192.0.2.7', {})}) == [200]


@pytest.mark.parametrize(('method', 'path', 'answer'), [
    ('HEAD', MANIFEST, Response(status=200)), ('GET', MANIFEST, Response(status=304)),
    ('GET', MANIFEST, Response(status=404)), ('GET', MANIFEST, StoreUnavailable()),
    ('GET', '/v2/app/tags/list', None), ('GET', '/v2/app/referrers/sha256:00', None),
    ('GET', '/v2/app/blobs/sha256:00', None), ('GET', '/v2/app/manifests/blobs/sha256:00', None),
    ('GET', '/elsewhere/manifests/v1', None), ('DELETE', MANIFEST, Response(status=202)),
    ('PUT', MANIFEST, Response(status=400)), ('BREW', MANIFEST, None),
])
def test_what_is_neither_pulled_nor_pushed_is_not_counted(
    method: str, path: str, answer: Response | Exception | None
) -> None:
    app = FakeApp(answer)
    layer = Usage(app, pulls='1 per hour', pushes='1 per hour')
    assert 429 not in answers(layer, 3, method, path, **ALICE)
    app.answer = None
    assert answers(layer, 2, **ALICE) == [200, 429]
    app.answer = Response(status=201)
    assert answers(layer, 2, 'PUT', **ALICE) == [201, 429]


def test_a_name_that_is_none_is_refused_as_everywhere() -> None:
    assert answers(Usage(FakeApp(), pulls='1 per hour'), 1, path='/v2/UPPER/manifests/v1') == [400]


def test_pushes_are_counted_apart_from_pulls() -> None:
    layer = pushing(pulls='1 per hour', pushes='2 per hour')
    assert answers(layer, 3, 'PUT', **ALICE) == [201, 201, 429]
    answer = call(layer, MANIFEST, 'PUT', **ALICE)
    assert json.loads(answer.body)['errors'][0]['message'] == 'the limit of pushes is reached, try again later'
    assert int(answer.headers['Retry-After']) > 0
    assert 'RateLimit-Limit' not in answer.headers
    assert answers(layer, 1, **ALICE) == [201], 'a pull'
    assert answers(layer, 3, 'PUT', **NOBODY) == [201, 201, 429], 'where that is allowed, by address'


def test_how_much_is_left_is_told_as_docker_hub_does() -> None:
    layer = Usage(FakeApp(), pulls='100 per 6 hours')
    for _ in range(24):
        call(layer, MANIFEST, **ALICE)
    for method in ('HEAD', 'HEAD'):
        told = call(layer, MANIFEST, method, **ALICE).headers
        assert (told['RateLimit-Limit'], told['RateLimit-Remaining']) == ('100;w=21600', '76;w=21600')
    assert call(layer, MANIFEST, **ALICE).headers['RateLimit-Remaining'] == '75;w=21600'


def test_who_may_pull_no_more_may_still_look() -> None:
    layer = Usage(FakeApp(), pulls='1 per hour')
    assert answers(layer, 2, **ALICE) == [200, 429]
    answer = call(layer, MANIFEST, 'HEAD', **ALICE)
    assert (answer.status_code, answer.headers['RateLimit-Remaining']) == (200, '0;w=3600')


def test_several_rates_hold_together_and_the_nearest_is_told() -> None:
    layer = Usage(FakeApp(), pulls='2 per minute; 3 per day')
    assert call(layer, MANIFEST, **ALICE).headers['RateLimit-Remaining'] == '1;w=60'
    assert answers(layer, 2, **ALICE) == [200, 429]
    layer = Usage(FakeApp(), pulls='3 per day; 3 per minute')
    assert answers(layer, 3, **ALICE) == [200, 200, 200]
    answer = call(layer, MANIFEST, **ALICE)
    assert '3 per 1 day' in answer.text, 'of two that are spent the one that lasts longer'


def test_asking_while_refused_does_not_make_it_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000_000.5
    monkeypatch.setattr('time.time', lambda: now)
    layer = Usage(FakeApp(), pulls='3 per hour')
    assert answers(layer, 3, **ALICE) == [200, 200, 200]
    seconds = int(call(layer, MANIFEST, **ALICE).headers['Retry-After'])
    assert set(answers(layer, 100, **ALICE)) == {429}
    now += seconds
    assert answers(layer, 2, **ALICE) == [200, 429]


# Who it is


def test_strangers_are_told_apart_as_the_proxy_tells_them() -> None:
    layer = Proxy(Usage(FakeApp(), anonymous_pulls='1 per hour'), trusted='10.0.0.0/8')
    through = {'REMOTE_ADDR': '10.0.0.1'}
    assert answers(layer, 2, X__Forwarded__For='198.51.100.1', **through) == [200, 429]
    assert answers(layer, 1, X__Forwarded__For='198.51.100.2', **through) == [200]
    assert answers(layer, 1, X__Forwarded__For='198.51.100.2, 198.51.100.1', **through) == [429], 'made up'
    assert answers(layer, 1, X__Forwarded__For='198.51.100.3', REMOTE_ADDR='198.51.100.1') == [429], 'no proxy of ours'


@pytest.mark.parametrize(('address', 'status'), [
    ('2001:db8:0:1::2', 429), ('2001:db8:0:2::1', 200), ('192.0.2.1', 200), ('::ffff:192.0.2.1', 200), ('', 200),
])
def test_a_customer_of_ipv6_is_one_and_others_are_others(address: str, status: int) -> None:
    layer = Usage(FakeApp(), anonymous_pulls='1 per hour')
    assert answers(layer, 1, REMOTE_ADDR='2001:db8:0:1::1') == [200]
    assert answers(layer, 1, REMOTE_ADDR='::ffff:198.51.100.1') == [200]
    assert answers(layer, 1, REMOTE_ADDR=address) == [status]


def test_without_auth_everybody_is_counted_by_address() -> None:
    layer = Usage(FakeApp(), pulls='1 per hour', anonymous_pulls='2 per hour')
    assert answers(layer, 3) == [200, 200, 429]
    assert answers(layer, 3, REMOTE_ADDR='') == [200, 200, 429], 'all who come by a socket are one'


def test_who_only_says_that_he_is_somebody_uses_up_nothing_of_his(tmp_path: Path) -> None:
    hashed = argon2.PasswordHasher(1, 8, 1).hash('secret')
    (tmp_path / 'htpasswd').write_text(f'alice:{hashed}\n')
    app = FakeApp()
    layer = Auth(Usage(app, pulls='2 per hour'), type='htpasswd', htpasswd=str(tmp_path / 'htpasswd'))
    assert set(answers(layer, 5, HTTP_AUTHORIZATION=basic('alice', 'guess'))) == {401}
    assert set(answers(layer, 5, HTTP_AUTHORIZATION=basic('made-up', 'guess'))) == {401}
    assert app.requests == []
    assert answers(layer, 3, HTTP_AUTHORIZATION=basic('alice', 'secret')) == [200, 200, 429]


@pytest.mark.parametrize(('name', 'status'), [('ci', 200), ('acme+build', 200), ('acme', 429), ('cid', 429), ('', 429)])
def test_some_accounts_are_exempt(name: str, status: int) -> None:
    layer = Usage(FakeApp(), pulls='1 per hour', anonymous_pulls='1 per hour', exempt='ci acme+*')
    assert answers(layer, 2, **{KEY: TokenAccess(name, {})})[-1] == status


def test_nobody_in_particular_is_not_exempt_with_all_accounts() -> None:
    layer = Usage(FakeApp(), pulls='1 per hour', anonymous_pulls='1 per hour', exempt='*')
    assert answers(layer, 2, **ALICE) == [200, 200]
    assert answers(layer, 2, **NOBODY) == [200, 429]


def test_some_networks_are_exempt() -> None:
    layer = Usage(FakeApp(), pulls='1 per hour', anonymous_pulls='1 per hour', exempt_networks='192.0.2.0/24')
    for who in (NOBODY, ALICE):
        assert answers(layer, 2, **who) == [200, 200]
        assert answers(layer, 2, REMOTE_ADDR='198.51.100.1', **who) == [200, 429]
    assert 'RateLimit-Limit' not in call(layer, MANIFEST, **ALICE).headers


# The layer itself


def test_without_options_it_does_nothing() -> None:
    layer = Usage(FakeApp())
    answer = call(layer, MANIFEST, **ALICE)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith('RateLimit')]


def test_bodies_are_passed_on_and_closed() -> None:
    app = FakeApp([b'a', b'b'])
    assert call(Usage(app, pulls='1 per hour'), MANIFEST, **ALICE).body == b'ab'
    assert app.unclosed == []


def test_what_goes_wrong_is_answered_as_it_was() -> None:
    answer = call(Usage(FakeApp(BlobUnknown()), pulls='1 per hour'), MANIFEST, **ALICE)
    assert (answer.status_code, json.loads(answer.body)['errors'][0]['code']) == (404, 'BLOB_UNKNOWN')


@pytest.mark.parametrize('option', ['pulls', 'anonymous_pulls', 'pushes'])
@pytest.mark.parametrize(('text', 'said'), [
    ('often', "'often' is not like 200 per 6 hours"), ('0 per day', "'0 per day' lets nobody do anything"),
])
def test_a_rate_that_is_none_stops_the_start(option: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        Usage(FakeApp(), **{option: text})
    assert str(error.value) == f'{option}: {said}'


def test_the_check_of_the_configuration_names_file_section_and_option(tmp_path: Path) -> None:
    path = tmp_path / 'paste.ini'
    path.write_text(
        '[filter:usage]\nuse = egg:objreg#usage\npulls = 200 per 6 moons\n'
        '[filter:other]\nuse = egg:objreg#usage\nexempt_networks = 300.0.0.0/8\n'
        '[filter:third]\nuse = egg:objreg#usage\npull = 1 per day\n'
    )
    found = pipeline.problems(str(path))
    assert found[0] == f"{path}: [filter:usage] pulls: '200 per 6 moons' is not like 200 per 6 hours"
    assert found[1].startswith(f"{path}: [filter:other] exempt_networks: '300.0.0.0/8' is no network")
    assert found[2].startswith(f'{path}: [filter:third] pull: there is no such option')
