"""The error codes of the specification, each an exception class and an HTTP status, in one table.

OCI distribution-spec 1.1 "Error Codes"; Docker Registry API v2 "Errors".  A resource raises one
(``raise BlobUnknown(digest)``); the nearest layer turns it into an answer by `RegistryError.response`.
"""

from __future__ import annotations

import json
import logging
import math
from typing import Any, ClassVar

from objreg.http import VERSION, Response
from objreg.store import Refused, Unavailable

log = logging.getLogger(__name__)


class RegistryError(Exception):
    """The base: an answer of the registry that is not a success.

    `detail` is shown to the client and must be JSON; `headers` are added to the answer.
    """

    code: ClassVar[str] = 'UNKNOWN'
    status: ClassVar[int] = 500
    message: ClassVar[str] = 'unknown error'

    def __init__(self, detail: Any = None, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = headers or {}

    def body(self) -> bytes:
        """The JSON of the specification."""
        error: dict[str, Any] = {'code': self.code, 'message': self.message}
        if self.detail is not None:
            error['detail'] = self.detail if isinstance(self.detail, (str, dict, list, int)) else str(self.detail)
        return json.dumps({'errors': [error]}).encode() + b'\n'

    def response(self) -> Response:
        """The whole answer; the server drops the body when the request was a HEAD."""
        headers = [VERSION, ('Content-Type', 'application/json'), *self.headers.items()]
        return Response(status=self.status, headerlist=headers, body=self.body())


class Unknown(RegistryError):
    """Anything unexpected; says nothing about the inside."""


class NameInvalid(RegistryError):
    code, status, message = 'NAME_INVALID', 400, 'invalid repository name'


class NameUnknown(RegistryError):
    code, status, message = 'NAME_UNKNOWN', 404, 'repository name not known to registry'


class TagInvalid(RegistryError):
    code, status, message = 'TAG_INVALID', 400, 'invalid tag'


class DigestInvalid(RegistryError):
    code, status, message = 'DIGEST_INVALID', 400, 'provided digest did not match uploaded content'


class SizeInvalid(RegistryError):
    code, status, message = 'SIZE_INVALID', 400, 'provided length did not match content length'


class ManifestInvalid(RegistryError):
    code, status, message = 'MANIFEST_INVALID', 400, 'manifest invalid'


class ManifestUnknown(RegistryError):
    code, status, message = 'MANIFEST_UNKNOWN', 404, 'manifest unknown to registry'


class ManifestBlobUnknown(RegistryError):
    code, status, message = 'MANIFEST_BLOB_UNKNOWN', 404, 'manifest references a blob unknown to the repository'


class ManifestTooLarge(RegistryError):
    code, status, message = 'MANIFEST_INVALID', 413, 'manifest too large'


class BlobUnknown(RegistryError):
    code, status, message = 'BLOB_UNKNOWN', 404, 'blob unknown to registry'


class BlobUploadUnknown(RegistryError):
    code, status, message = 'BLOB_UPLOAD_UNKNOWN', 404, 'blob upload unknown to registry'


class BlobUploadInvalid(RegistryError):
    code, status, message = 'BLOB_UPLOAD_INVALID', 400, 'blob upload invalid'


class RangeInvalid(RegistryError):
    code, status, message = 'BLOB_UPLOAD_INVALID', 416, 'the range does not follow what was uploaded'


class RangeNotSatisfiable(RegistryError):
    code, status, message = 'RANGE_INVALID', 416, 'the range is not within the content'


class PaginationInvalid(RegistryError):
    code, status, message = 'PAGINATION_NUMBER_INVALID', 400, 'invalid number of results requested'


class Unauthorized(RegistryError):
    code, status, message = 'UNAUTHORIZED', 401, 'authentication required'


class Denied(RegistryError):
    code, status, message = 'DENIED', 403, 'requested access to the resource is denied'


class QuotaExceeded(Denied):
    message = 'the quota of this namespace is used up'


class Unsupported(RegistryError):
    code, status, message = 'UNSUPPORTED', 400, 'the operation is unsupported'


class MethodNotAllowed(RegistryError):
    code, status, message = 'UNSUPPORTED', 405, 'the method is not allowed here'


class NotFoundHere(RegistryError):
    code, status, message = 'NOT_FOUND', 404, 'there is nothing at this path'


class PreconditionFailed(RegistryError):
    code, status, message = 'PRECONDITION_FAILED', 412, 'the precondition does not hold'


class RequestTooLarge(RegistryError):
    code, status, message = 'SIZE_INVALID', 413, 'the request is larger than this registry allows'


class HeadersTooLarge(RegistryError):
    code, status, message = 'REQUEST_INVALID', 431, 'the headers are larger than this registry allows'


class RequestInvalid(RegistryError):
    code, status, message = 'REQUEST_INVALID', 400, 'the request cannot be understood'


class TooManyRequests(RegistryError):
    code, status, message = 'TOOMANYREQUESTS', 429, 'too many requests'


class TooManyPulls(TooManyRequests):
    message = 'the limit of pulls is reached, try again later'


class TooManyPushes(TooManyRequests):
    message = 'the limit of pushes is reached, try again later'


class StoreUnavailable(RegistryError):
    code, status, message = 'UNAVAILABLE', 503, 'the storage does not answer, try again later'


def of_store(error: Unavailable | Refused, id: str = '') -> StoreUnavailable:
    """What a client is told when the store fails; the log is told why, with the `id` of the request.

    One that refuses (it is full, or the credentials lost a right) waits for its operator, so clients come again later.
    """
    if isinstance(error, Unavailable):
        log.warning('%s: the store does not answer: %s', id or '-', error)
        seconds = error.retry_after or 5
    else:
        log.error('%s: the store refuses: %s', id or '-', error)
        seconds = 60
    return StoreUnavailable(headers={'Retry-After': str(max(1, math.ceil(seconds)))})
