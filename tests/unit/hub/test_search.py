"""What is found, by whom, in what order, and at what cost."""

from __future__ import annotations

import pytest

from objreg import keys
from objreg.hub.hub import Hub
from objreg.hub.policy import Visibility
from objreg.hub.records import Scope
from objreg.hub.search import KEEP, LOOK, NameSearch, Reader
from objreg.testing.faults import CountingStore
from tests.hubs import Site, basic

NAMES = {
    'app': Visibility.PUBLIC, 'alice/app': Visibility.PRIVATE, 'alice/my-app': Visibility.PUBLIC,
    'bob/app': Visibility.PRIVATE, 'bob/tool': Visibility.PUBLIC, 'carol/app-kit': Visibility.INTERNAL,
}


@pytest.fixture
def site(site: Site) -> Site:
    """Alice, bob and an administrator; repositories of each kind."""
    for user in ('alice', 'bob'):
        site.user(user)
    site.user('root2', is_administrator=True)
    for name, visibility in NAMES.items():
        site.hub.repositories.show(name, visibility, by='')
        site.store.put(keys.catalog(name), b'{}')
    return site


def found(site: Site, header: str, query: str = 'q=app') -> list[str]:
    answer = site.ask('GET', f'/v1/search?{query}', authorization=header)
    assert answer.status_code == 200, answer.body
    assert answer.json['num_results'] == len(answer.json['results'])
    return [one['name'] for one in answer.json['results']]


def by_password(user: str) -> str:
    return basic(user, f'{user} has a secret')


def test_everybody_finds_what_he_may_pull(site: Site) -> None:
    assert found(site, '') == ['app', 'alice/my-app']
    assert found(site, by_password('alice')) == ['app', 'alice/app', 'alice/my-app', 'carol/app-kit']
    assert found(site, by_password('bob')) == ['app', 'bob/app', 'alice/my-app', 'carol/app-kit']
    assert found(site, by_password('root2')) == ['app', 'alice/app', 'bob/app', 'alice/my-app', 'carol/app-kit']
    site.hub.repositories.invite('bob/app', 'alice', 'read', by='bob')
    assert 'bob/app' in found(site, by_password('alice'))


def test_wrong_credentials_find_nothing_rather_than_what_is_public(site: Site) -> None:
    for header in (basic('alice', 'wrong'), 'Bearer x', 'Token x', 'Basic x'):
        assert site.ask('GET', '/v1/search?q=app', authorization=header).status_code == 401


def test_an_access_token_that_lets_search_finds_what_its_holder_may_pull(site: Site) -> None:
    token = site.token('alice', 'registry:catalog:search')
    assert 'alice/app' in found(site, f'Bearer {token}')
    pat = site.pat('alice', [Scope(actions=('pull',), repositories=('alice/my-*',))])
    token = site.token('alice', 'registry:catalog:search', secret=pat)
    assert found(site, f'Bearer {token}') == ['app', 'alice/my-app'], 'as far as his token leaves it'
    site.hub.tokens.revoke(site.hub.tokens.held_by('alice')[0].id, 'alice')
    assert site.ask('GET', '/v1/search?q=app', authorization=f'Bearer {token}').status_code == 401
    other = site.token('alice', 'repository:alice/app:pull')
    assert site.ask('GET', '/v1/search?q=app', authorization=f'Bearer {other}').status_code == 401
    assert found(site, f'Bearer {site.token("", "registry:catalog:search")}') == ['app', 'alice/my-app']


def test_a_token_of_one_repository_finds_that_beside_what_is_public(site: Site) -> None:
    answer = site.as_user('alice', 'GET', '/v1/repositories/alice/app/images', HTTP_X_DOCKER_TOKEN='true')
    assert found(site, f'Token {answer.headers["X-Docker-Token"]}') == ['app', 'alice/app', 'alice/my-app']
    answer = site.as_user('alice', 'PUT', '/v1/repositories/alice/app/', b'[]')
    answer = site.as_user('alice', 'DELETE', '/v1/repositories/alice/app/')
    assert found(site, f'Token {answer.headers["X-Docker-Token"]}') == ['app', 'alice/my-app'], 'only to delete'


def test_all_words_count_in_any_case_and_none_finds_everything(site: Site) -> None:
    assert found(site, '', 'q=APP') == found(site, '', 'q=app') == ['app', 'alice/my-app']
    assert found(site, '', 'q=my+alice') == ['alice/my-app']
    assert found(site, '', 'q=library/app') == ['app']
    assert found(site, '', 'q=') == found(site, '', '') == ['app', 'alice/my-app', 'bob/tool']
    assert found(site, '', 'q=nothing+app') == found(site, '', 'q=%00') == found(site, '', 'q=..') == []


def test_the_document_is_what_clients_read(site: Site) -> None:
    answer = site.ask('GET', '/v1/search?q=tool')
    assert answer.json == {
        'query': 'tool', 'num_results': 1, 'num_pages': 1, 'page': 1, 'page_size': 25, 'results': [{
            'name': 'bob/tool', 'description': '', 'star_count': 0, 'is_official': False, 'is_automated': False,
            'is_trusted': False,
        }],
    }
    assert site.ask('GET', '/v1/search?q=app').json['results'][0]['is_official'], 'of the library'
    assert site.ask('HEAD', '/v1/search?q=app').status_code == 200
    assert site.ask('POST', '/v1/search?q=app').status_code == 405


def test_pages(site: Site) -> None:
    first = site.ask('GET', '/v1/search?q=&n=2').json
    assert [one['name'] for one in first['results']] == ['app', 'alice/my-app']
    assert (first['num_results'], first['num_pages'], first['page_size']) == (2, 2, 2)
    last = site.ask('GET', '/v1/search?q=&n=2&page=2').json
    assert [one['name'] for one in last['results']] == ['bob/tool'] and last['num_pages'] == 2
    assert site.ask('GET', '/v1/search?q=&n=2&page=999999999').json['results'] == []
    assert site.ask('GET', '/v1/search?n=1000').json['page_size'] == 100


@pytest.mark.parametrize('query', ['n=0', 'n=-1', 'n=x', 'n=1.5', 'page=0', 'page=-1', 'page=x', 'n=%C2%B2', 'q=%FF'])
def test_what_is_no_number_is_refused(site: Site, query: str) -> None:
    answer = site.ask('GET', f'/v1/search?{query}')
    assert answer.status_code == 400 and answer.json['error']


def test_a_search_costs_the_store_nothing_for_some_seconds(site: Site) -> None:
    counting, now = CountingStore(site.store), [1000.0]
    search = NameSearch(Hub(counting), clock=lambda: now[0])
    search.find('app', Reader(), 25, 1)
    counting.reset()
    assert [one.name for one in search.find('app', Reader(), 25, 1).results] == ['app', 'alice/my-app']
    assert not counting.calls
    site.hub.repositories.show('bob/app', Visibility.PUBLIC, by='')
    now[0] += KEEP
    assert [one.name for one in search.find('app', Reader(), 25, 1).results] == ['app', 'bob/app', 'alice/my-app']


def test_what_cannot_be_seen_is_looked_at_to_a_bound(site: Site) -> None:
    for number in range(LOOK + 500):
        site.store.put(keys.catalog(f'bob/secret{number:05}'), b'{}')
    counting = CountingStore(site.store)
    result = NameSearch(Hub(counting)).find('secret', Reader(), 25, 1)
    assert result.results == [] and result.total == 0 and not result.more
    assert LOOK / 2 < sum(counting.calls.values()) <= LOOK + 20
