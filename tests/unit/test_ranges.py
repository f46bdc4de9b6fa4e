"""``Range`` and ``Content-Range``."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objreg import ranges
from objreg.errors import BlobUploadInvalid, RangeInvalid, RangeNotSatisfiable

NUMBERS = st.integers(0, 12) | st.integers(0, 10**19)
HEADERS = st.builds('bytes={}-{}'.format, st.just('') | NUMBERS, st.just('') | NUMBERS)
NEAR = st.text('bytes=-0123456789, */ \u0661\t', max_size=30) | st.text(max_size=20)


@pytest.mark.parametrize(('header', 'size', 'wanted'), [
    ('bytes=0-0', 10, (0, 1)), ('bytes=0-9', 10, (0, 10)), ('bytes=0-99', 10, (0, 10)), ('bytes=3-', 10, (3, 10)),
    ('bytes=9-9', 10, (9, 10)), ('bytes=-1', 10, (9, 10)), ('bytes=-10', 10, (0, 10)), ('bytes=-99', 10, (0, 10)),
    (' bytes = 1 - 2 ', 10, (1, 3)), ('bytes=0-9999999999999999999', 10, (0, 10)), ('bytes=00-01', 10, (0, 2)),
    # what is not understood is passed over: RFC 9110 section 14.2
    ('', 10, None), ('bytes=', 10, None), ('bytes=-', 10, None), ('bytes=a-b', 10, None),
    ('bytes=0-1,3-4', 10, None), ('items=0-1', 10, None), ('bytes=0-1;', 10, None), ('bytes=--1', 10, None),
    ('bytes=1-99999999999999999999', 10, None), ('bytes=\u0661-\u0662', 10, None), ('bytes=0x1-2', 10, None),
    ('bytes=' + '9' * 100_000 + '-', 10, None),
])
def test_what_is_asked(header, size, wanted):
    assert ranges.requested(header, size) == wanted


@pytest.mark.parametrize(('header', 'size'), [
    ('bytes=10-', 10), ('bytes=10-11', 10), ('bytes=0-', 0), ('bytes=0-0', 0), ('bytes=-1', 0), ('bytes=-0', 10),
    ('bytes=9999999999999999999-', 10), ('bytes=5-4', 10), ('bytes=1-0', 10),
])
def test_what_lies_behind_the_end_is_a_416_that_tells_the_size(header, size):
    with pytest.raises(RangeNotSatisfiable) as caught:
        ranges.requested(header, size)
    assert caught.value.status == 416
    assert caught.value.headers['Content-Range'] == f'bytes */{size}'


@given(HEADERS | NEAR, st.integers(0, 12) | st.integers(0, 2**63))
def test_a_range_lies_within_the_content(header, size):
    try:
        wanted = ranges.requested(header, size)
    except RangeNotSatisfiable:
        return
    if wanted is not None:
        assert 0 <= wanted[0] < wanted[1] <= size


@given(st.binary(min_size=1, max_size=12), HEADERS)
def test_a_range_gives_what_the_bytes_would_give(content, header):
    first, last = header.removeprefix('bytes=').split('-')
    try:
        wanted = ranges.requested(header, len(content))
    except RangeNotSatisfiable:
        assert (first and int(first) >= len(content)) or int(last or -1) == 0 or int(last) < int(first)
        return
    if wanted is None:
        assert not (first or last) or len(first + last) > 19
    elif first:
        assert content[slice(*wanted)] == content[int(first):int(last) + 1 if last else None]
    else:
        assert content[slice(*wanted)] == content[-int(last):]


@pytest.mark.parametrize(('header', 'length', 'first'), [
    ('0-9', 10, 0), ('10-19', 10, 10), ('bytes 0-9/10', 10, 0), ('bytes 0-9/*', 10, 0), ('bytes=5-9', 5, 5),
    ('0-9', None, 0), ('0-0', 0, 0), ('7-7', 0, 7), (' 0-9 ', 10, 0), ('4294967296-4294967296', 1, 2**32),
])
def test_where_a_piece_begins(header, length, first):
    """distribution/distribution#4892: a total that is not known yet, ``*``, was refused."""
    assert ranges.piece(header, length, first) == first
    with pytest.raises(RangeInvalid):
        ranges.piece(header, length, first + 1)


@pytest.mark.parametrize(('header', 'length'), [
    ('', 10), ('0', 10), ('-9', 10), ('0-', 10), ('0-9', 9), ('0-9', 11), ('9-0', 10), ('9-0', None), ('5-4', 0),
    ('bytes */10', 10), ('0-9,10-19', 20), ('a-b', 10), ('0-9/x', 10), ('+0-9', 10), ('0x0-9', 10),
    ('\u0660-\u0669', 10), ('0-' + '9' * 20, 10), ('9' * 100_000 + '-0', 10), ('0-9\n0-9', 10), ('0 - 9', 10),
])
def test_what_is_no_content_range(header, length):
    with pytest.raises(BlobUploadInvalid) as caught:
        ranges.piece(header, length, 0)
    assert len(str(caught.value.detail)) < 200


@given(st.integers(0, 2**62), st.integers(1, 2**62))
def test_a_piece_is_read_back(first, length):
    assert ranges.piece(f'{first}-{first + length - 1}', length, first) == first


@given(NEAR, st.none() | st.integers(0, 20))
def test_any_text_is_a_content_range_or_gets_its_error(header, length):
    try:
        assert ranges.piece(header, length, 0) == 0
    except (BlobUploadInvalid, RangeInvalid) as error:
        error.response()
