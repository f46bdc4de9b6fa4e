"""What holds for every page: who may, whence a form comes, the headers, and that nothing that is typed is markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.http import Response
from objreg.hub.pages.table import TABLE
from objreg.testing.faults import Fault, FaultyStore, always
from tests.hubs import HOST, Site

PAGES: dict[tuple[str, str], str] = {
    ('GET', '/hub/first'): 'anybody', ('POST', '/hub/first'): 'anybody',
    ('GET', '/hub/forgotten'): 'anybody', ('POST', '/hub/forgotten'): 'anybody',
    ('GET', '/hub/password'): 'anybody', ('POST', '/hub/password'): 'anybody',
    ('GET', '/hub/address'): 'anybody', ('POST', '/hub/address'): 'anybody',
    ('GET', '/hub/join'): 'anybody', ('POST', '/hub/join'): 'anybody',
}
"""Who may, written a second time: who adds a page says here whom he meant."""
GETS = [path for method, path in PAGES if method == 'GET']
POSTS = [path for method, path in PAGES if method == 'POST']
OWN = {'HTTP_ORIGIN': f'http://{HOST}'}
FORM = 'application/x-www-form-urlencoded'


def post(site: Site, path: str, fields: Any = (), *, body: bytes = b'', **environ: Any) -> Response:
    """A form as a browser sends it."""
    given = {'CONTENT_TYPE': FORM, **(environ or OWN)}
    return site.ask('POST', path, body or urlencode(fields).encode(), **given)


def state(site: Site) -> dict[str, bytes]:
    return {entry.key: site.store.read(entry.key) for entry in site.store.list('hub/')}


def test_every_page_is_in_the_matrix() -> None:
    assert {(one.method, one.path) for one in TABLE} == set(PAGES), 'a new page needs a row'
    assert len(TABLE) == len(PAGES)


@pytest.mark.parametrize('path', GETS)
def test_anybody_may_look_and_that_changes_nothing(site: Site, path: str) -> None:
    """Programs that look at mail open its links."""
    before = state(site)
    for method in ('GET', 'HEAD'):
        for target in (path, f'{path}?code=x', f'{path}?code=x&name=alice&password=correct+horse'):
            answer = site.ask(method, target)
            assert answer.status_code == 200 and answer.headers['Content-Type'] == 'text/html; charset=utf-8'
            assert bool(answer.body) is (method == 'GET') and 'Set-Cookie' not in answer.headers
            assert b'correct horse' not in answer.body
    assert state(site) == before


@pytest.mark.parametrize('said', [
    {}, {'HTTP_ORIGIN': 'null'}, {'HTTP_ORIGIN': 'https://evil.example'}, {'HTTP_ORIGIN': f'http://{HOST}.evil.example'},
    {'HTTP_ORIGIN': f'http://{HOST}:8080'}, {'HTTP_SEC_FETCH_SITE': 'cross-site'}, {'HTTP_SEC_FETCH_SITE': 'same-site'},
    {'HTTP_ORIGIN': f'http://{HOST}', 'HTTP_SEC_FETCH_SITE': 'cross-site'}, {'HTTP_ORIGIN': ''},
    {'HTTP_ORIGIN': 'null', 'HTTP_SEC_FETCH_SITE': 'same-origin'}, {'HTTP_REFERER': f'http://{HOST}/'},
], ids=str)
@pytest.mark.parametrize('path', POSTS)
def test_a_form_of_another_site_does_nothing(site: Site, path: str, said: dict[str, str]) -> None:
    fields = {'code': site.hub.first.code(), 'name': 'eve', 'password': 'correct horse'}
    before = state(site)
    answer = post(site, path, fields, **{'HTTP_X': '', **said})
    assert answer.status_code == 403 and 'did not come from a page of this hub' in answer.text
    assert state(site) == before


@pytest.mark.parametrize('said', [OWN, {'HTTP_SEC_FETCH_SITE': 'same-origin'}, {
    'HTTP_SEC_FETCH_SITE': 'same-origin', 'HTTP_ORIGIN': f'https://{HOST}',  # a proxy with TLS that nobody named
}], ids=str)
def test_a_form_of_its_own_is_taken(site: Site, said: dict[str, str]) -> None:
    fields = {'code': site.hub.first.code(), 'name': 'alice', 'password': 'correct horse'}
    assert post(site, '/hub/first', fields, **said).status_code == 200
    assert site.hub.accounts.is_administrator('alice')


@pytest.mark.parametrize('path', GETS)
def test_every_page_is_guarded_by_its_headers(site: Site, path: str) -> None:
    for answer in (site.ask('GET', path), post(site, path), post(site, path, HTTP_ORIGIN='null')):
        said = answer.headers
        policy = dict(part.strip().split(' ', 1) for part in said['Content-Security-Policy'].split(';'))
        assert policy['default-src'] == policy['base-uri'] == policy['frame-ancestors'] == "'none'"
        assert policy['script-src'] == policy['style-src'] == policy['form-action'] == "'self'"
        assert (said['X-Content-Type-Options'], said['X-Frame-Options']) == ('nosniff', 'DENY')
        assert (said['Referrer-Policy'], said['Cache-Control']) == ('same-origin', 'no-store')


class Outline(HTMLParser):
    """Tags with their attributes, and whether any text lies in a script or style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.inline |= bool(self.tags and self.tags[-1][0] in ('script', 'style') and data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [given for name, given in self.tags if name == tag]


@pytest.mark.parametrize('path', GETS)
def test_every_field_has_a_label_and_nothing_is_inline(site: Site, path: str) -> None:
    for answer in (site.ask('GET', path), post(site, path)):
        outline = Outline(answer.text)
        assert not outline.inline
        assert not [name for _, given in outline.tags for name in given if name.startswith('on') or name == 'style']
        labels, ids = [one['for'] for one in outline.all('label')], [given.get('id') for _, given in outline.tags]
        assert sorted(map(str, labels)) == sorted(str(one['id']) for one in outline.all('input'))
        for one in outline.all('input'):
            assert set((one.get('aria-describedby') or '').split()) <= set(ids)
        assert outline.all('html') == [{'lang': 'en'}] and len(outline.all('h1')) == 1 == len(outline.all('form'))
    assert Outline(post(site, path).text).all('p')[1].get('role') == 'alert', 'what is wrong is said first'


@pytest.mark.parametrize('path', POSTS)
def test_what_is_typed_is_text_and_no_password_comes_back(site: Site, path: str) -> None:
    """CWE-79: of what is shown again, and of what an error says."""
    nasty = '"><script>alert(1)</script>'
    fields = dict.fromkeys(('code', 'name', 'invitation', 'login', 'email'), nasty)
    for extra in ({}, {nasty: 'x'}):
        answer = post(site, path, {**fields, 'password': 'correct horse', 'new': 'correct horse', **extra})
        assert answer.status_code in (400, 403) and '<script>alert' not in answer.text
        assert 'correct horse' not in answer.text


@pytest.mark.parametrize(('body', 'kind', 'status'), [
    (b'{}', 'application/json', 415), (b'code=x', 'text/plain', 415), (b'code=x', 'multipart/form-data', 415),
    (b'code=' + b'x' * 20_000, FORM, 413), (b'code=%ff', FORM, 400), (b'code=\xff', FORM, 400),
    (b'code=a&code=b', FORM, 400), (b'&'.join(b'f%d=' % number for number in range(50)), FORM, 400),
    (b'code=x&surprise=1', FORM, 400), (b'x', FORM, 400), (b'code=%00', FORM, 403),
])
def test_what_is_no_form_is_a_4xx(site: Site, body: bytes, kind: str, status: int) -> None:
    answer = post(site, '/hub/address', body=body, CONTENT_TYPE=kind, **OWN)
    assert answer.status_code == status and 'role="alert"' in answer.text


@pytest.mark.parametrize('method', ['PUT', 'DELETE', 'PATCH', 'OPTIONS'])
@pytest.mark.parametrize('path', GETS)
def test_other_methods_are_refused(site: Site, method: str, path: str) -> None:
    answer = site.ask(method, path, **OWN)
    assert answer.status_code == 405 and answer.headers['Allow'] == 'GET, POST, HEAD'


@pytest.mark.parametrize('path', ['/hub/', '/hub', '/hub/other', '/hub/first/', '/hub/static/', '/hub/static/../first',
                                  '/hub/static/objreg.css', '/hub/pages/site.py', '/hub/static/%2e%2e/site.py'])
def test_what_is_no_page_is_none(site: Site, path: str) -> None:
    assert site.ask('GET', path).status_code in (401, 404)


def test_files_have_their_digest_in_the_name_and_stay(site: Site) -> None:
    found = set()
    for path in GETS:
        found |= set(re.findall(r'"(/hub/static/[^"]*)"', site.ask('GET', path).text))
    assert len(found) == 3
    for path in found:
        assert re.fullmatch(r'/hub/static/[a-z]+\.[0-9a-f]{12}\.(css|js|svg)', path)
        answer = site.ask('GET', path)
        assert answer.status_code == 200 and answer.body and 'immutable' in answer.headers['Cache-Control']
        assert answer.headers['X-Content-Type-Options'] == 'nosniff'
        assert site.ask('HEAD', path).status_code == 200 and site.ask('POST', path).status_code == 405
        assert site.ask('GET', path, HTTP_IF_NONE_MATCH=answer.headers['ETag']).status_code == 304


def test_a_store_that_does_not_answer_is_a_page_with_a_503(site: Site) -> None:
    site.hub.first._store = site.hub.accounts._store = FaultyStore(MemoryStore(), always(Fault.UNAVAILABLE))
    answer = post(site, '/hub/address', {'code': 'x'})
    assert answer.status_code == 403
    site.hub.codes._store = site.hub.first._store
    site.hub.settings = site.hub.settings._replace(signup='open')
    answer = post(site, '/hub/join', {'name': 'alice', 'password': 'correct horse'})
    assert answer.status_code == 503 and answer.headers['Retry-After'] and 'role="alert"' in answer.text
