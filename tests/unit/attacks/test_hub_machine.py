"""Attacks on what is open to whoever sits at the machine (``open = loopback``), each with its precedent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from objreg import server
from objreg.config import ConfigError
from tests.hubs import Site

LOCAL = {'REMOTE_ADDR': '127.0.0.1', 'HTTP_HOST': 'localhost:5000'}
OPEN = 'type = hub\nopen = loopback'
WITHOUT_PROXY = 'errors limits hub auth dedup registry'


def status(site: Site, environ: dict[str, Any], method: str = 'POST', path: str = '/v2/a/b/blobs/uploads/') -> int:
    return site.ask(method, path, **{**LOCAL, **environ}).status_code


def listening(site: Site, host: str) -> None:
    server.settle(site.application, server.settings(site.application, host=host))


@pytest.fixture(params=['errors proxy limits hub auth dedup registry', WITHOUT_PROXY])
def opened(request: pytest.FixtureRequest, tmp_path: Path, cheap_passwords: None) -> Site:
    """A registry that listens on this machine alone, with the layer `proxy` and without."""
    site = Site(tmp_path, auth=OPEN, layers=request.param)
    listening(site, '127.0.0.1')
    return site


@pytest.mark.parametrize('environ', [
    {}, {'REMOTE_ADDR': '::1'}, {'REMOTE_ADDR': '::ffff:127.0.0.1'}, {'HTTP_HOST': '127.0.0.1:5000'},
    {'HTTP_HOST': '[::1]:5000'}, {'HTTP_HOST': 'LOCALHOST'}, {'HTTP_ORIGIN': 'http://localhost:5000'},
    {'HTTP_SEC_FETCH_SITE': 'same-origin'}, {'HTTP_SEC_FETCH_SITE': 'none'},
])
def test_who_sits_at_the_machine_needs_no_account(opened: Site, environ: dict[str, str]) -> None:
    assert status(opened, environ) == 202


@pytest.mark.parametrize('host', [
    'evil.example', 'evil.example:5000', 'localhost.evil.example', '127.0.0.1.nip.io', 'localhost.', '',
    '127.0.0.1@evil', '192.0.2.7', '0.0.0.0', '[::]', 'localhost:5000:1', 'evil.example#localhost', '127.1',
    '0x7f000001', '2130706433',
])
def test_a_name_that_was_bound_to_this_address_is_not_its_own(opened: Site, host: str) -> None:
    """DNS rebinding (CVE-2018-5702): a page makes its own name mean 127.0.0.1, and the browser asks from there."""
    assert status(opened, {'HTTP_HOST': host}) in (400, 401)


@pytest.mark.parametrize('environ', [
    {'HTTP_X_FORWARDED_FOR': '192.0.2.7'}, {'HTTP_X_FORWARDED_FOR': '127.0.0.1'}, {'HTTP_X_FORWARDED_FOR': ''},
    {'HTTP_FORWARDED': 'for=127.0.0.1'}, {'HTTP_X_REAL_IP': '127.0.0.1'}, {'HTTP_X_FORWARDED_HOST': 'localhost'},
    {'HTTP_X_FORWARDED_PROTO': 'https'}, {'HTTP_VIA': '1.1 proxy'}, {'REMOTE_ADDR': '192.0.2.7'}, {'REMOTE_ADDR': ''},
    {'REMOTE_ADDR': '192.0.2.7', 'HTTP_X_FORWARDED_FOR': '127.0.0.1'}, {'REMOTE_ADDR': 'localhost'},
    {'REMOTE_ADDR': '10.0.0.1', 'HTTP_X_REAL_IP': '127.0.0.1'}, {'REMOTE_ADDR': '::ffff:192.0.2.7'},
])
def test_what_a_proxy_passes_on_is_not_from_here(opened: Site, environ: dict[str, str]) -> None:
    """CWE-348: from a proxy on this machine everybody comes from 127.0.0.1."""
    assert status(opened, environ) == 401


@pytest.mark.parametrize('environ', [
    {'HTTP_ORIGIN': 'http://evil.example'}, {'HTTP_ORIGIN': 'null'}, {'HTTP_ORIGIN': 'http://localhost:8080'},
    {'HTTP_ORIGIN': 'http://localhost:5000.evil.example'}, {'HTTP_ORIGIN': 'http://127.0.0.1:5000'},
    {'HTTP_SEC_FETCH_SITE': 'cross-site'}, {'HTTP_SEC_FETCH_SITE': 'same-site'},
])
def test_a_page_from_elsewhere_does_not_ask_for_who_sits_here(opened: Site, environ: dict[str, str]) -> None:
    """CVE-2019-19025 (Harbor, CSRF): a browser sends a POST anywhere, and only hides the answer."""
    assert status(opened, environ) == 401


@pytest.mark.parametrize('host', ['0.0.0.0', '::', '192.0.2.7', 'registry.invalid'])
def test_it_is_open_to_nobody_where_others_come(tmp_path: Path, cheap_passwords: None, host: str) -> None:
    """Though the client says that he is at the machine, and may be."""
    site = Site(tmp_path, auth=OPEN)
    assert status(site, {}) == 401, 'before the server has told where it listens'
    listening(site, host)
    assert status(site, {}) == 401


def test_credentials_count_even_at_the_machine(opened: Site) -> None:
    """Who gives wrong ones is not taken for somebody who gave none."""
    assert status(opened, {'HTTP_AUTHORIZATION': 'Bearer x'}) == 401
    opened.user('alice')
    token = opened.token('alice', 'repository:alice/app:pull')
    assert status(opened, {'HTTP_AUTHORIZATION': f'Bearer {token}'}, path='/v2/bob/app/blobs/uploads/') == 401


def test_the_hub_itself_is_not_open(opened: Site) -> None:
    """Who sits at the machine has the bucket, and the commands for it; the API asks everybody who he is."""
    assert opened.ask('POST', '/api/v1/users', b'{}', CONTENT_TYPE='application/json', **LOCAL).status_code == 401
    assert opened.ask('GET', '/api/v1/users/alice', **LOCAL).status_code == 401


@pytest.mark.parametrize(('auth', 'layers'), [
    ('type = none', 'errors hub auth registry'), ('', 'errors hub registry'), ('', 'errors hub auth registry'),
])
def test_a_registry_that_refuses_nobody_does_not_start_where_others_come(
    tmp_path: Path, cheap_passwords: None, auth: str, layers: str
) -> None:
    """CVE-2026-4404's class, insecure as it comes: open to the network only when somebody says so."""
    site = Site(tmp_path, auth=auth, layers=layers)
    for host in ('0.0.0.0', '::', '192.0.2.7'):
        with pytest.raises(ConfigError, match=f'^host: {host}: whoever reaches it may read, write and delete'):
            listening(site, host)
        server.settle(site.application, server.settings(site.application, host=host, unprotected='allow'))
    for host in ('127.0.0.1', 'localhost', '::1'):
        listening(site, host)


def test_a_registry_with_accounts_starts_anywhere(site: Site) -> None:
    for host in ('0.0.0.0', '::', '127.0.0.1'):
        listening(site, host)
