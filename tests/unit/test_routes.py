"""The URL grammar: which path means what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objreg.errors import NameInvalid
from objreg.names import Digest, check_name
from objreg.routes import Route, match
from tests.unit.test_names import NAMES

DIGEST = str(Digest.of(b''))


@pytest.mark.parametrize(('path', 'route'), [
    ('/v2', Route('base')),
    ('/v2/', Route('base')),
    ('/v2/_catalog', Route('catalog')),
    ('/v2/a/tags/list', Route('tags', 'a')),
    ('/v2/a/b/c/tags/list', Route('tags', 'a/b/c')),
    ('/v2/a/manifests/latest', Route('manifest', 'a', 'latest')),
    (f'/v2/a/b/manifests/{DIGEST}', Route('manifest', 'a/b', DIGEST)),
    (f'/v2/a/blobs/{DIGEST}', Route('blob', 'a', DIGEST)),
    ('/v2/a/blobs/uploads/', Route('uploads', 'a')),
    ('/v2/a/blobs/uploads', Route('uploads', 'a')),
    ('/v2/a/blobs/uploads/some-id', Route('upload', 'a', 'some-id')),
    (f'/v2/a/referrers/{DIGEST}', Route('referrers', 'a', DIGEST)),
    # names that look like routes: the longest part that fits is the name
    ('/v2/tags/list/tags/list', Route('tags', 'tags/list')),
    ('/v2/manifests/manifests/manifests', Route('manifest', 'manifests', 'manifests')),
    ('/v2/a/manifests/b/manifests/c', Route('manifest', 'a/manifests/b', 'c')),
    ('/v2/a/blobs/uploads/blobs/uploads/', Route('uploads', 'a/blobs/uploads')),
    ('/v2/blobs/uploads/blobs/uploads/x', Route('upload', 'blobs/uploads', 'x')),
    ('/v2/v2/tags/list', Route('tags', 'v2')),
])
def test_paths(path, route):
    assert match(path) == route


@pytest.mark.parametrize('path', [
    '', '/', '/v1/', '/v2x', 'v2/', '/V2/', '//v2/', '/v2/_catalog/', '/v2/a', '/v2/a/', '/v2/tags/list', '/v2/a/tags',
    '/v2/a/tags/', '/v2/a/tags/list/', '/v2/a/manifests/', '/v2/manifests/x', '/v2/a/blobs/', '/v2/blobs/uploads/x',
    '/v2/a/referrers/', '/v2/a/blobs/uploads//', '/v2/a/other/x',
])
def test_where_nothing_is(path):
    assert match(path) is None


@pytest.mark.parametrize('path', [
    '/v2/A/tags/list', '/v2//tags/list', '/v2/../tags/list', '/v2/a/../../etc/manifests/x', '/v2/a//blobs/uploads/',
    '/v2/_a/manifests/x', '/v2/a%2fb/manifests/x', '/v2/a\0/manifests/x', '/v2/./blobs/uploads/x', '/v2/blobs/uploads/',
])
def test_a_route_with_something_that_is_no_name(path):
    if match_or_error(path) is not None:
        pytest.fail(f'{path} was taken')


def match_or_error(path):
    try:
        return match(path)
    except NameInvalid:
        return None


@given(NAMES, st.sampled_from(['manifests/{}', 'blobs/{}', 'referrers/{}', 'blobs/uploads/{}']), st.from_regex('[^/]+'))
def test_a_name_and_a_reference_come_out_as_they_went_in(name, form, reference):
    reference = reference.replace('/', '')
    if reference in ('', 'uploads'):
        return
    route = match(f'/v2/{name}/' + form.format(reference))
    assert (route.name, route.reference) == (name, reference)


@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ['v2', 'a', '', '..', '.', 'tags', 'list', 'manifests', 'blobs', 'uploads', 'referrers', '_catalog', DIGEST, '\0']
)).map(lambda parts: '/v2/' + '/'.join(parts)))
def test_whatever_is_routed_has_a_name_that_is_one(path):
    try:
        route = match(path)
    except NameInvalid:
        return
    if route is not None and route.resource not in ('base', 'catalog'):
        assert check_name(route.name) == route.name
        assert '/' not in route.reference
