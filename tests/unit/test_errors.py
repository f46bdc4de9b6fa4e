"""The error codes, each with its status, in one table."""

import json

import pytest

from objreg import errors
from objreg.errors import RegistryError

TABLE = {
    # distribution-spec 1.1 "Error Codes"
    'BlobUnknown': ('BLOB_UNKNOWN', 404),
    'BlobUploadInvalid': ('BLOB_UPLOAD_INVALID', 400),
    'BlobUploadUnknown': ('BLOB_UPLOAD_UNKNOWN', 404),
    'DigestInvalid': ('DIGEST_INVALID', 400),
    'ManifestBlobUnknown': ('MANIFEST_BLOB_UNKNOWN', 404),
    'ManifestInvalid': ('MANIFEST_INVALID', 400),
    'ManifestUnknown': ('MANIFEST_UNKNOWN', 404),
    'NameInvalid': ('NAME_INVALID', 400),
    'NameUnknown': ('NAME_UNKNOWN', 404),
    'SizeInvalid': ('SIZE_INVALID', 400),
    'Unauthorized': ('UNAUTHORIZED', 401),
    'Denied': ('DENIED', 403),
    'Unsupported': ('UNSUPPORTED', 400),
    'TooManyRequests': ('TOOMANYREQUESTS', 429),
    'TooManyPulls': ('TOOMANYREQUESTS', 429),
    'TooManyPushes': ('TOOMANYREQUESTS', 429),
    # Docker Registry API v2 "Errors"
    'TagInvalid': ('TAG_INVALID', 400),
    'PaginationInvalid': ('PAGINATION_NUMBER_INVALID', 400),
    'RangeNotSatisfiable': ('RANGE_INVALID', 416),
    'StoreUnavailable': ('UNAVAILABLE', 503),
    'Unknown': ('UNKNOWN', 500),
    # the same codes with the status that HTTP has for it
    'RangeInvalid': ('BLOB_UPLOAD_INVALID', 416),
    'ManifestTooLarge': ('MANIFEST_INVALID', 413),
    'MethodNotAllowed': ('UNSUPPORTED', 405),
    'RequestTooLarge': ('SIZE_INVALID', 413),
    'HeadersTooLarge': ('REQUEST_INVALID', 431),
    # what no specification names
    'NotFoundHere': ('NOT_FOUND', 404),
    'PreconditionFailed': ('PRECONDITION_FAILED', 412),
    'QuotaExceeded': ('DENIED', 403),
    'RequestInvalid': ('REQUEST_INVALID', 400),
}
CLASSES = {error.__name__: error for error in vars(errors).values()
           if isinstance(error, type) and issubclass(error, RegistryError) and error is not RegistryError}


def test_the_table_has_every_error():
    assert {name: (error.code, error.status) for name, error in CLASSES.items()} == TABLE


@pytest.mark.parametrize('error', CLASSES.values(), ids=CLASSES)
def test_an_error_is_an_answer_of_the_specification(error):
    response = error({'expected': 'a'}, headers={'X-A': 'b'}).response()
    assert response.status_int == error.status
    assert response.headers['Content-Type'] == 'application/json'
    assert response.headers['X-A'] == 'b'
    assert response.headers['Docker-Distribution-Api-Version'] == 'registry/2.0'
    assert json.loads(response.body) == {
        'errors': [{'code': error.code, 'message': error.message, 'detail': {'expected': 'a'}}],
    }


@pytest.mark.parametrize(('detail', 'shown'), [
    ('a\r\nb: "c"', 'a\r\nb: "c"'), ('\ud800', '\ud800'), (['a'], ['a']), (5, 5), (ValueError('a'), 'a'), ('', ''),
])
def test_any_detail_becomes_json(detail, shown):
    assert json.loads(errors.NameInvalid(detail).body())['errors'][0]['detail'] == shown


def test_without_a_detail_there_is_none():
    assert 'detail' not in json.loads(errors.NameInvalid().body())['errors'][0]
