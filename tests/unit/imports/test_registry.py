"""A registry that is there is taken by its API, and one that means harm does none."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from objreg import keys
from objreg.drivers.memory import MemoryStore
from objreg.imports import http as importing_http
from objreg.imports.credentials import Credentials
from objreg.imports.http import Http
from objreg.imports.remote import RemoteRegistry
from objreg.imports.report import NotTaken, Report
from objreg.imports.repositories import Importing, Wanted
from objreg.manifest import OCI_INDEX
from objreg.names import Digest
from objreg.registry import Registry
from objreg.store import Refused, Store, Unavailable
from objreg.testing import consistency
from tests import documents
from tests.inprocess import Client
from tests.unit.imports.serving import answering, serving

App = Callable[..., Iterable[bytes]]
LAYER, CONFIG = b'a layer' * 1000, documents.CONFIG


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('objreg.imports.http.time.sleep', lambda seconds: None)
    monkeypatch.setattr('objreg.imports.contents.time.sleep', lambda seconds: None)


def taken(
    url: str, target: Store, *patterns: str, user: str = '', password: str = '', dry_run: bool = False,
    sparse: bool = False,
) -> Report:
    """Import it all."""
    report, wanted = Report(dry_run=dry_run), Wanted(patterns, sparse, jobs=2)
    http = Http(url, Credentials(user, password))
    try:
        found = RemoteRegistry(http, dry_run=dry_run).repositories(wanted)
        return Importing(Registry(target), wanted, report).run(found)
    finally:
        http.close()


def check_whole(store: Store) -> None:
    found = consistency.check(store)
    assert (found.dangling, found.incomplete) == ([], [])


def filled() -> Client:
    """A registry with an image, an index of two that have no tags, and what refers to the index."""
    client = Client(page=2)
    image = client.push_image('team/app', 'v1', LAYER, b'of v1')
    children = [documents.image(LAYER, data) for data in (b'amd64', b'arm64')]
    for data in (b'amd64', b'arm64', b'sbom'):
        client.push_blob('team/app', data)
    for child in children:
        client.push('team/app', str(Digest.of(child)), child)
    index = documents.index(*children)
    client.push('team/app', 'latest', index, OCI_INDEX)
    for subject, data in ((index, b'sbom'), (image, b'of v1')):
        referrer = documents.image(data, subject=documents.named(subject), artifactType='application/x')
        client.push('team/app', str(Digest.of(referrer)), referrer)
    for number in range(5):
        client.push_image('team/app', f'tag{number}', b'of v1')
        client.push_image(f'more/{number}', 'v1', LAYER)
    return client


def objects(store: Store) -> dict[str, bytes]:
    return {
        entry.key: store.read(entry.key) for entry in store.list('')
        if '/_history/' not in entry.key and not entry.key.startswith(keys.SECRETS)
    }


def test_all_of_a_registry_is_taken_page_by_page_with_what_refers_to_it() -> None:
    client, target = filled(), MemoryStore()
    with serving(client.app) as server:
        report = taken(server.url, target)
        assert (report.left, report.repositories, report.on_server) == ([], 6, 0)
        assert objects(target) == objects(client.store)
        assert len([path for path in server.paths if path.startswith('/v2/_catalog')]) == 3
        assert len([path for path in server.paths if path.startswith('/v2/team/app/tags/list')]) == 4
        server.asked.clear()
        again = taken(server.url, target)
        assert (again.left, again.manifests, again.tags, again.blobs) == ([], 0, 0, 0)
        assert not [one for one in server.asked if '/blobs/' in one.path]
    check_whole(target)


def test_without_a_referrers_api_the_tags_of_referrers_lead_to_them() -> None:
    client, target = filled(), MemoryStore()
    subject = client('GET', '/v2/team/app/manifests/v1').body
    referrer = documents.image(b'of v1', subject=documents.named(subject), artifactType='application/x')
    fallback = f'sha256-{Digest.of(subject).hex}'
    client.push('team/app', fallback, documents.index(referrer), OCI_INDEX)

    def old(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if '/referrers/' in environ['PATH_INFO']:
            return answering(start_response, 404, b'404 page not found\n')
        return client.app(environ, start_response)

    with serving(old) as server:
        assert taken(server.url, target).left == []
        assert len([path for path in server.paths if '/referrers/' in path]) <= 2  # of two jobs
    found = Client(target)('GET', f'/v2/team/app/referrers/{Digest.of(subject)}').json()['manifests']
    assert [one['digest'] for one in found] == [str(Digest.of(referrer))]
    check_whole(target)


def test_only_what_is_named_is_taken_and_no_catalog_asked() -> None:
    client = filled()
    with serving(client.app) as server:
        assert taken(server.url, MemoryStore(), 'team/app').repositories == 1
        assert not [path for path in server.paths if '_catalog' in path]
        assert taken(server.url, MemoryStore(), 'more/*').repositories == 5


def test_a_dry_run_tells_the_same_and_writes_nothing() -> None:
    client, target = filled(), MemoryStore()
    with serving(client.app) as server:
        told, done = taken(server.url, target, dry_run=True), taken(server.url, MemoryStore())
        assert not [one for one in server.asked if one.method not in ('GET', 'HEAD')]
    assert list(target.list('')) == []
    for name in ('repositories', 'manifests', 'tags', 'blobs', 'bytes', 'left'):
        assert getattr(told, name) == getattr(done, name), name


def test_what_came_since_is_taken_and_what_was_pushed_here_stays() -> None:
    client, target = filled(), MemoryStore()
    with serving(client.app) as server:
        taken(server.url, target)
        mine = Client(target).push_image('team/app', 'v1', b'pushed here')
        client.push_image('team/app', 'v1', b'pushed there')
        newer = client.push_image('team/app', 'tag0', b'newer')
        report = taken(server.url, target)
    assert (report.left, report.kept, report.tags) == ([], ['team/app:v1'], 1)
    assert Client(target)('GET', '/v2/team/app/manifests/v1').body == mine
    assert Client(target)('GET', '/v2/team/app/manifests/tag0').body == newer


# Who asks


def basic(user: str, password: str) -> str:
    return 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()


def guarded(app: App, challenge: str, wanted: Callable[[dict[str, Any]], str]) -> App:
    """Lets in who has that header."""
    def asking(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ['PATH_INFO'] == '/token':
            token = f'of {environ["QUERY_STRING"]}'
            given = environ.get('HTTP_AUTHORIZATION') == basic('alice', 'secret')
            return answering(start_response, 200 if given else 401, json.dumps({'token': token}).encode())
        if environ.get('HTTP_AUTHORIZATION') != wanted(environ):
            said = challenge.format(environ['test.url'])
            return answering(start_response, 401, b'{}', {'WWW-Authenticate': said})
        return app(environ, start_response)

    return asking


def test_a_password_is_given_to_a_registry_that_asks_for_one() -> None:
    client = filled()
    app = guarded(client.app, 'Basic realm="x"', lambda environ: basic('alice', 'secret'))
    with serving(app) as server:
        assert taken(server.url, MemoryStore(), user='alice', password='secret').left == []  # noqa: S106
        with pytest.raises(NotTaken, match='its catalog is not to be had'):
            taken(server.url, MemoryStore())
        left = dict(taken(server.url, MemoryStore(), 'team/app', user='alice', password='wrong').left)  # noqa: S106
        assert 'refused (401)' in left['team/app']


def test_a_token_is_asked_for_what_is_needed_and_nothing_else() -> None:
    client = filled()

    def wanted(environ: dict[str, Any]) -> str:
        name = environ['PATH_INFO'].removeprefix('/v2/').rpartition('/')[0]
        for end in ('/manifests', '/blobs', '/referrers', '/tags'):
            name = name.removesuffix(end)
        scope = f'repository%3A{name.replace("/", "%2F")}%3Apull' if name else 'registry%3Acatalog%3A%2A'
        return f'Bearer of service=here&scope={scope}'

    challenge = 'Bearer realm="{}/token",service="here",scope="repository:other:pull,push,delete"'
    with serving(guarded(client.app, challenge, wanted)) as server:
        assert taken(server.url, MemoryStore(), user='alice', password='secret').left == []  # noqa: S106
        assert not [path for path in server.paths if 'push' in path or 'other' in path]
        assert len([path for path in server.paths if path.startswith('/token')]) <= 2 * 7  # of two jobs


def test_a_token_that_ended_is_asked_for_again() -> None:
    client, good = filled(), list[str]()

    def asking(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ['PATH_INFO'] == '/token':
            good.append(f'Bearer t{len(server.asked)}')
            return answering(start_response, 200, json.dumps({'access_token': good[-1][7:]}).encode())
        if environ.get('HTTP_AUTHORIZATION') not in good:
            said = f'Bearer realm="{environ["test.url"]}/token"'
            return answering(start_response, 401, b'', {'WWW-Authenticate': said})
        good.clear()  # each is good for one request
        return client.app(environ, start_response)

    with serving(asking) as server:
        http = Http(server.url, Credentials())
        for scope in ('a', 'b', 'a', 'a'):
            http.stream('GET', '/v2/', scope, {}).close()
        http.close()
        assert len([path for path in server.paths if path.startswith('/token')]) == 4


@pytest.mark.parametrize('realm', [
    'http://attacker.example/token', 'http://{host}@attacker.example/', 'ftp://x/', '', 'file:///etc/passwd',
    'http://user:x@127.0.0.1/token',
])
def test_a_password_goes_to_no_token_service_elsewhere_without_https(realm: str) -> None:
    def asking(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return answering(start_response, 401, b'', {'WWW-Authenticate': f'Bearer realm="{realm}"'})

    with serving(asking) as server:
        left = taken(server.url, MemoryStore(), 'a', user='alice', password='secret').left  # noqa: S106
        assert 'is not asked without https' in left[0].why
        assert {one.authorization for one in server.asked} == {''}


def test_a_redirect_to_another_host_is_followed_without_the_token() -> None:
    client = filled()
    with serving(client.app) as elsewhere:
        def leading(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            if environ.get('HTTP_AUTHORIZATION') != basic('alice', 'secret'):
                return answering(start_response, 401, b'', {'WWW-Authenticate': 'Basic realm="x"'})
            if '/blobs/' in environ['PATH_INFO']:
                return answering(start_response, 307, b'', {'Location': elsewhere.url + environ['PATH_INFO']})
            return client.app(environ, start_response)

        with serving(leading) as server:
            assert taken(server.url, MemoryStore(), user='alice', password='secret').left == []  # noqa: S106
        assert elsewhere.asked
        assert {one.authorization for one in elsewhere.asked} == {''}


# A registry that means harm


def hostile(client: Client, path: str, answer: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> App:
    """A registry that answers otherwise for whatever contains this."""
    def answering_so(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if path in environ['PATH_INFO']:
            return answer(environ, start_response)
        return client.app(environ, start_response)

    return answering_so


def endless(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Bytes without an end."""
    start_response('200 OK', [('Docker-Content-Digest', str(Digest.of(b'')))])
    while True:
        yield bytes(1024**2)


def _sized(start_response: Any, length: str) -> list[bytes]:
    start_response('200 OK', [('Content-Length', length)])
    return [bytes(len(LAYER))]


IMAGE = documents.image(LAYER)
HARM: dict[str, tuple[str, Callable[[dict[str, Any], Any], Iterable[bytes]], str]] = {
    'other bytes of a manifest': (
        '/manifests/', lambda environ, start: answering(start, 200, documents.image(b'other'), {
            'Docker-Content-Digest': str(Digest.of(IMAGE))}), 'its bytes are'),
    'no digest': (
        '/manifests/', lambda environ, start: answering(start, 200, IMAGE, {'Docker-Content-Digest': '../../x'}),
        'digest'),
    'no manifest': ('/manifests/', lambda environ, start: answering(start, 200, b'<html>'), 'not JSON'),
    'an endless manifest': ('/manifests/', endless, 'more than'),
    'other bytes of a blob': (
        '/blobs/', lambda environ, start: answering(start, 200, bytes(len(LAYER))), 'bytes, and'),
    'spoiled bytes of a blob': (
        f'/blobs/{Digest.of(LAYER)}', lambda environ, start: answering(start, 200, bytes(len(LAYER))), 'is sha256:'),
    'a short blob': (
        f'/blobs/{Digest.of(LAYER)}', lambda environ, start: answering(start, 200, LAYER[:-1]), 'are said of it'),
    'an endless blob': (f'/blobs/{Digest.of(LAYER)}', endless, 'more than'),
    'a blob that leads round and round': (
        '/blobs/', lambda environ, start: answering(start, 307, b'', {'Location': environ['PATH_INFO']}), 'redirects'),
    'a blob of a file': (
        '/blobs/', lambda environ, start: answering(start, 307, b'', {'Location': 'file:///etc/passwd'}),
        'nothing is asked'),
    'a blob of no URL': (
        '/blobs/', lambda environ, start: answering(start, 307, b'', {'Location': 'http://['}), 'is no URL'),
    'a blob of a size beyond all numbers': (
        f'/blobs/{Digest.of(LAYER)}', lambda environ, start: _sized(start, '9' * 5000), 'is sha256:'),
    'a next page of no URL': (
        '/tags/list', lambda environ, start: answering(start, 200, b'{"tags": []}', {
            'Link': '<http://[>; rel="next"'}), 'is no URL'),
    'no blob': ('/blobs/', lambda environ, start: answering(start, 404), 'there is none'),
    'a blob that is refused': ('/blobs/', lambda environ, start: answering(start, 403), 'refused'),
    'tags that are none': (
        '/tags/list', lambda environ, start: answering(start, 200, b'{"tags": ["../../../x", "a b", 5, null]}'),
        'invalid tag'),
    'no list of tags': ('/tags/list', lambda environ, start: answering(start, 200, b'{"tags": "v1"}'), 'no list'),
    'deep JSON': ('/tags/list', lambda environ, start: answering(start, 200, b'[' * 10**6), 'no JSON'),
    'endless tags': ('/tags/list', endless, 'more than'),
    'pages in a circle': (
        '/tags/list', lambda environ, start: answering(start, 200, b'{"tags": []}', {
            'Link': f'<{environ["PATH_INFO"]}?{environ["QUERY_STRING"]}>; rel="next"'}), 'do not end'),
    'a next page elsewhere': (
        '/tags/list', lambda environ, start: answering(start, 200, b'{"tags": []}', {
            'Link': '<http://127.0.0.1:9/v2/>; rel="next"'}), 'on another host'),
    'referrers without digests': (
        '/referrers/', lambda environ, start: answering(start, 200, b'{"manifests": [{}, 5]}'), 'no digest'),
    'referrers that are none': (
        '/referrers/', lambda environ, start: answering(start, 200, b'{"manifests": [{"digest": "x:../.."}]}'),
        'a referrer: '),
}


@pytest.mark.parametrize('harm', HARM)
def test_harm_is_named_and_none_is_done(harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing_http, 'MOST_PAGE', 2 * 1024**2)
    path, answer, why = HARM[harm]
    client, target = Client(), MemoryStore()
    client.push_image('a', 'v1', LAYER)
    with serving(hostile(client, path, answer)) as server:
        report = taken(server.url, target, 'a')
    assert [one for one in report.left if why in one.why], report.left
    check_whole(target)


def test_names_that_are_none_are_named_and_nothing_is_asked_of_them() -> None:
    client = filled()
    names = ['../../etc', 'a b', 'A', '', 'x' * 300, 'team/app']
    app = hostile(client, '_catalog', lambda environ, start: answering(
        start, 200, json.dumps({'repositories': [*names, 5, None]}).encode()))
    with serving(app) as server:
        report = taken(server.url, MemoryStore())
        assert sorted(what for what, _ in report.left) == sorted(names[:-1])
        assert {path.split('/')[2] for path in server.paths} == {'_catalog?n=1000', 'team'}


def test_referrers_that_never_end_do() -> None:
    client, target = Client(), MemoryStore()
    subject = client.push_image('a', 'v1', LAYER)
    for _ in range(12):
        referrer = documents.image(LAYER, subject=documents.named(subject), artifactType='application/x')
        client.push('a', str(Digest.of(referrer)), referrer)
        subject = referrer
    with serving(client.app) as server:
        report = taken(server.url, target, 'a')
    assert [one.why for one in report.left] == ['too many indexes and referrers lead to it']
    check_whole(target)


def test_a_connection_that_breaks_is_tried_again() -> None:
    client, target, broken = filled(), MemoryStore(), set[str]()

    def breaking(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ['PATH_INFO']
        if path not in broken:
            broken.add(path)
            if '/blobs/' in path:
                data = client.store.read(keys.content(Digest.parse(path.rpartition('/')[2])))
                start_response('200 OK', [('Content-Length', str(len(data)))])
                return [data[:len(data) // 2]]
            return answering(start_response, 503, b'', {'Retry-After': '1'})
        return client.app(environ, start_response)

    with serving(breaking) as server:
        report = taken(server.url, target, 'team/app')
    assert (report.left, len([path for path in broken if '/blobs/' in path])) == ([], 6)
    check_whole(target)


def test_a_registry_that_is_away_ends_it() -> None:
    with pytest.raises(Unavailable):
        taken('http://127.0.0.1:9', MemoryStore())


@pytest.mark.parametrize('url', ['ftp://x', 'https://user:secret@x', 'https://', 'https://x/?y', 'http:///v2'])
def test_what_is_no_address_of_a_registry_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        Http(url, Credentials())


def test_a_registry_may_lie_below_a_path() -> None:
    client = filled()

    def below(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ['SCRIPT_NAME'] = '/registry'
        environ['PATH_INFO'] = environ['PATH_INFO'].removeprefix('/registry')
        return client.app(environ, start_response)

    with serving(below) as server:
        assert taken(f'{server.url}/registry/', MemoryStore()).left == []
        assert all(path.startswith('/registry/v2/') for path in server.paths)
