"""The proxy layer: whom it believes, and what."""

from __future__ import annotations

from typing import Any

import pytest

from objreg.config import ConfigError
from objreg.middleware.proxy import Proxy
from objreg.testing.fakes import FakeApp
from tests.unit.middleware.calls import call


def seen(
    peer: str = '10.0.0.1', header: str = 'x-forwarded', trusted: str = '10.0.0.0/8', **headers: str
) -> dict[str, Any]:
    app = FakeApp()
    call(Proxy(app, trusted=trusted, header=header), REMOTE_ADDR=peer, **headers)
    return app.last


def test_nobody_is_believed_by_default() -> None:
    environ = seen(
        trusted='', X__Forwarded__For='1.2.3.4', X__Forwarded__Proto='https', X__Forwarded__Host='evil.example'
    )
    assert environ['objreg.client'] == '10.0.0.1'
    assert environ['wsgi.url_scheme'] == 'http'
    assert environ['HTTP_HOST'] == 'localhost:80'


def test_what_a_stranger_says_is_taken_off() -> None:
    environ = seen(
        '192.0.2.7', X__Forwarded__For='1.2.3.4', X__Forwarded__Prefix='/x', HTTP_FORWARDED='for=1.2.3.4',
        X__Real__IP='1.2.3.4',
    )
    assert not [name for name in environ if 'FORWARDED' in name or 'REAL_IP' in name]
    assert environ['objreg.client'] == '192.0.2.7'
    assert environ['SCRIPT_NAME'] == ''


@pytest.mark.parametrize(('chain', 'client'), [
    ('1.2.3.4', '1.2.3.4'),
    ('6.6.6.6, 1.2.3.4', '1.2.3.4'),
    ('6.6.6.6, 1.2.3.4, 10.9.9.9', '1.2.3.4'),
    ('1.2.3.4:4711, 10.1.1.1', '1.2.3.4'),
    ('[2001:db8::1]:80', '2001:db8::1'),
    ('2001:db8::1', '2001:db8::1'),
    ('10.0.0.9, 10.0.0.8', '10.0.0.9'),
    ('1.2.3.4, unknown', '10.0.0.1'),
    ('1.2.3.4, unknown, 10.0.0.9', '10.0.0.9'),
    ('', '10.0.0.1'),
    ('nonsense', '10.0.0.1'),
    (',' * 5000, '10.0.0.1'),
    ('9' * 5000, '10.0.0.1'),
])
def test_the_nearest_address_that_is_no_proxy_is_the_client(chain: str, client: str) -> None:
    assert seen(X__Forwarded__For=chain)['objreg.client'] == client


def test_a_trusted_proxy_tells_scheme_host_and_prefix() -> None:
    environ = seen(
        X__Forwarded__Proto='https', X__Forwarded__Host='hub.example:8443', X__Forwarded__Prefix='/registry/'
    )
    assert (environ['wsgi.url_scheme'], environ['HTTP_HOST']) == ('https', 'hub.example:8443')
    assert environ['SCRIPT_NAME'] == '/registry'


@pytest.mark.parametrize(('name', 'value'), [
    ('X__Forwarded__Proto', 'javascript'), ('X__Forwarded__Host', 'a b'), ('X__Forwarded__Host', 'a/b'),
    ('X__Forwarded__Host', 'a@b'),
    ('X__Forwarded__Host', 'x' * 300), ('X__Forwarded__Prefix', '//evil.example'), ('X__Forwarded__Prefix', 'evil'),
    ('X__Forwarded__Prefix', '/a?b'), ('X__Forwarded__Prefix', '/' + 'a/' * 50),
])
def test_what_is_not_of_its_form_is_not_believed(name: str, value: str) -> None:
    environ = seen(**{name: value})
    assert (environ['wsgi.url_scheme'], environ['HTTP_HOST'], environ['SCRIPT_NAME']) == ('http', 'localhost:80', '')


@pytest.mark.parametrize(('value', 'client', 'scheme'), [
    ('for=1.2.3.4;proto=https', '1.2.3.4', 'https'),
    ('for=6.6.6.6, For="1.2.3.4:80"; Proto=http', '1.2.3.4', 'http'),
    ('for="[2001:db8::1]:80"', '2001:db8::1', 'http'),
    ('for=_hidden, for=10.0.0.2', '10.0.0.2', 'http'),
    ('for=1.2.3.4, rubbish', '10.0.0.1', 'http'),
    ('for="1.2.3.4', '10.0.0.1', 'http'),
])
def test_rfc_7239_is_understood(value: str, client: str, scheme: str) -> None:
    environ = seen(header='forwarded', HTTP_FORWARDED=value)
    assert (environ['objreg.client'], environ['wsgi.url_scheme']) == (client, scheme)


def test_only_one_kind_of_header_is_believed() -> None:
    assert seen(HTTP_FORWARDED='for=6.6.6.6', X__Forwarded__For='1.2.3.4')['objreg.client'] == '1.2.3.4'
    environ = seen(header='forwarded', HTTP_FORWARDED='for=1.2.3.4', X__Forwarded__For='6.6.6.6')
    assert environ['objreg.client'] == '1.2.3.4'


def test_a_socket_of_this_machine_is_a_proxy_where_that_is_said() -> None:
    assert seen('', trusted='unix', X__Forwarded__For='1.2.3.4')['objreg.client'] == '1.2.3.4'
    assert seen('', trusted='10.0.0.0/8', X__Forwarded__For='1.2.3.4')['objreg.client'] == ''


def test_an_ipv4_address_in_ipv6_clothes_is_the_same() -> None:
    assert seen('::ffff:10.0.0.1', X__Forwarded__For='1.2.3.4')['objreg.client'] == '1.2.3.4'


def test_nonsense_stops_the_start() -> None:
    with pytest.raises(ConfigError, match='is no network'):
        Proxy(FakeApp(), trusted='everyone')
    with pytest.raises(ConfigError, match='^header: '):
        Proxy(FakeApp(), header='via')
