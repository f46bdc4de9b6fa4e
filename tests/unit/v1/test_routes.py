"""The URL grammar of the first version: which path means what, and whose name is in it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objreg.errors import TooManyRequests, Unauthorized
from objreg.names import check_name
from objreg.v1 import names
from objreg.v1.errors import V1Error, as_v1
from objreg.v1.routes import METHODS, RouteV1, match_v1
from tests.unit.test_names import NAMES

ID = 'a' * 64


@pytest.mark.parametrize(('path', 'route'), [
    ('/_ping', RouteV1('ping')),
    ('/v1/_ping', RouteV1('ping')),
    ('/v1/_ping/', RouteV1('ping')),
    ('/v1/users/', RouteV1('users')),
    ('/v1/users', RouteV1('users')),
    ('/v1/users/alice/', RouteV1('user', reference='alice')),
    ('/v1/users/alice', RouteV1('user', reference='alice')),
    ('/v1/search', RouteV1('search')),
    ('/v1/repositories/team/app/images', RouteV1('images', 'team/app')),
    ('/v1/repositories/team/app/images/', RouteV1('images', 'team/app')),
    ('/v1/repositories/a/b/c/images', RouteV1('images', 'a/b/c')),
    ('/v1/repositories/team/app/tags', RouteV1('tags', 'team/app')),
    ('/v1/repositories/team/app/tags/1.0', RouteV1('tag', 'team/app', '1.0')),
    ('/v1/repositories/team/app/tags/1.0/json', RouteV1('tag_json', 'team/app', '1.0')),
    ('/v1/repositories/team/app/json', RouteV1('json', 'team/app')),
    ('/v1/repositories/team/app/properties', RouteV1('properties', 'team/app')),
    (f'/v1/repositories/team/app/layer/{ID}/access', RouteV1('access', 'team/app', ID)),
    (f'/v1/images/{ID}/json', RouteV1('image_json', reference=ID)),
    ('/v1/images/0123456789abcdef/layer', RouteV1('image_layer', reference='0123456789abcdef')),
    (f'/v1/images/{ID}/ancestry', RouteV1('image_ancestry', reference=ID)),
    (f'/v1/images/{ID}/files/', RouteV1('image_files', reference=ID)),
    (f'/v1/images/{ID}/diff', RouteV1('image_diff', reference=ID)),
    # the names of the library, either way
    ('/v1/repositories/app/images', RouteV1('images', 'app')),
    ('/v1/repositories/library/app/images', RouteV1('images', 'app')),
    ('/v1/repositories/library/images', RouteV1('images', 'library')),
    ('/v1/repositories/library/a/b/images', RouteV1('images', 'library/a/b')),
    # names that look like routes
    ('/v1/repositories/team/tags/images', RouteV1('images', 'team/tags')),
    ('/v1/repositories/tags/tags/tags/tags', RouteV1('tags', 'tags/tags/tags')),
    ('/v1/repositories/images/images', RouteV1('images', 'images')),
])
def test_what_is_read(path, route):
    assert match_v1(path, 'GET') == match_v1(path, 'HEAD') == route


@pytest.mark.parametrize(('path', 'route'), [
    ('/v1/repositories/team/app/', RouteV1('repository', 'team/app')),
    ('/v1/repositories/team/app', RouteV1('repository', 'team/app')),
    ('/v1/repositories/app/', RouteV1('repository', 'app')),
    ('/v1/repositories/library/app/', RouteV1('repository', 'app')),
    ('/v1/repositories/a/b/c/', RouteV1('repository', 'a/b/c')),
    ('/v1/repositories/team/app/images', RouteV1('images', 'team/app')),
    ('/v1/repositories/team/app/tags/1.0', RouteV1('tag', 'team/app', '1.0')),
    ('/v1/repositories/team/app/auth', RouteV1('auth', 'team/app')),
    (f'/v1/images/{ID}/checksum', RouteV1('image_checksum', reference=ID)),
    # a slash tells where the name ends
    ('/v1/repositories/team/images/', RouteV1('repository', 'team/images')),
    ('/v1/repositories/team/images', RouteV1('images', 'team')),
    ('/v1/repositories/team/tags/1.0/', RouteV1('repository', 'team/tags/1.0')),
    ('/v1/repositories/tags/', RouteV1('repository', 'tags')),
])
def test_what_is_written(path, route):
    assert match_v1(path, 'PUT') == match_v1(path, 'DELETE') == route


@pytest.mark.parametrize('path', [
    '', '/', '/v1', '/v1/', '/v2/', '/V1/_ping', '//v1/_ping', '/v1//_ping', '/v1/_status', '/v1/users/a/b',
    '/v1/repositories', '/v1/repositories/', '/v1/repositories/team/app', '/v1/repositories/team/app/', '/v1/images/',
    f'/v1/images/{ID}', f'/v1/images/{ID}/size', f'/v1/private_images/{ID}/json', '/v1/repositories/images',
    '/v1/search/x',
])
def test_where_nothing_is(path):
    assert match_v1(path, 'GET') is None


@pytest.mark.parametrize('path', [
    '/v1/repositories/A/images', '/v1/repositories/../images', '/v1/repositories/a/../b/images',
    '/v1/repositories/a//images', '/v1/repositories/_a/images', '/v1/repositories/a%2fb/images',
    '/v1/repositories/a\0/images', '/v1/repositories/library//images', f'/v1/repositories/{"a" * 256}/images',
])
def test_what_is_no_name(path):
    with pytest.raises(V1Error) as caught:
        match_v1(path, 'GET')
    assert caught.value.response().status_code == 400


@pytest.mark.parametrize('id', ['a' * 63, 'a' * 65, 'A' * 64, '..', 'a' * 15, 'latest', f'{ID}\n'])
def test_what_is_no_id(id):
    for path in (f'/v1/images/{id}/json', f'/v1/repositories/a/layer/{id}/access'):
        with pytest.raises(V1Error, match='Invalid image ID') as caught:
            match_v1(path, 'GET')
        assert caught.value.response().status_code == 404


@given(NAMES, st.sampled_from(['images', 'tags', 'json', 'properties', 'auth', 'tags/1.0', f'layer/{ID}/access']))
def test_a_name_comes_out_as_it_went_in(name, form):
    route = match_v1(f'/v1/repositories/{name}/{form}', 'GET')
    known = name.removeprefix('library/')
    assert route.name == (name if '/' in known else known)


@given(NAMES, st.sampled_from(['PUT', 'DELETE']))
def test_a_repository_has_its_whole_name(name, method):
    route = match_v1(f'/v1/repositories/{name}/', method)
    assert (route.resource, route.name) == ('repository', names.from_path(name))


@given(NAMES)
def test_a_name_survives_a_token(name):
    known = names.from_path(name)
    assert names.from_token(names.to_token(known)) == known
    assert names.to_token(known).count('/') == 1


@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ['v1', 'a', '', '..', '.', 'tags', 'images', 'repositories', 'users', 'layer', 'access', 'json', ID, '\0']
)).map(lambda parts: '/v1/' + '/'.join(parts)), st.sampled_from(['GET', 'PUT', 'DELETE']))
def test_whatever_is_routed_has_a_name_that_is_one(path, method):
    try:
        route = match_v1(path, method)
    except V1Error:
        return
    if route is not None:
        assert route.resource in METHODS
        assert not route.name or check_name(route.name)


def test_an_error_is_a_sentence_under_headers_that_old_clients_need():
    answer = V1Error(404, 'Image not found', {'X-More': '1'}).response()
    assert answer.status_code == 404
    assert json.loads(answer.body) == {'error': 'Image not found'}
    expected = {
        'Content-Type': 'application/json', 'Cache-Control': 'no-cache', 'Pragma': 'no-cache', 'Expires': '-1',
        'X-More': '1',
    }
    assert expected.items() <= dict(answer.headers).items()
    assert answer.headers['X-Docker-Registry-Version']


def test_what_other_layers_refuse_is_said_in_the_same_way():
    error = as_v1(TooManyRequests('too many wrong passwords', headers={'Retry-After': '7'}))
    assert (error.number, error.headers['Retry-After']) == (429, '7')
    assert json.loads(error.response().body) == {'error': 'too many requests: too many wrong passwords'}
    assert as_v1(Unauthorized({'name': 'a'})).text == 'authentication required'
    assert as_v1(error) is error
