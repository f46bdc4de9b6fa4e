"""The `s3` driver's translation of what boto3 raises into the errors of `objreg.store`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import urllib3.exceptions
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from objreg.drivers import answers, tls
from objreg.store import NotFound, Refused, StoreError, Unavailable

_MISSING = frozenset({'NoSuchKey', 'NotFound'})
"""The codes of a missing key.  A missing bucket or upload has a 404 too, and another code; a proxy's 404 has none."""

_WORTH_A_TRY = frozenset({
    'BadDigest', 'ConditionalRequestConflict', 'IncompleteBody', 'InternalError', 'OperationAborted', 'RequestTimeout',
    'ServiceUnavailable', 'SlowDown', 'Throttling', 'ThrottlingException', 'TooManyRequests',
    'XAmzContentSHA256Mismatch',
})
"""Codes that pass, whatever their status: throttling, a conflict that is settled by now, bytes spoiled on their way."""

_HINTS = {
    # the answer to a HEAD has no room for a code
    '301': 'the bucket is elsewhere; mend region or endpoint',
    '400': 'the request is refused as it is; mend region or endpoint',
    '401': 'access_key/secret_key refused',
    '403': 'these credentials may not do that; mend access_key, secret_key or the bucket policy',
    'AccessDenied': 'these credentials may not do that; mend the bucket policy or access_key',
    'AuthorizationHeaderMalformed': 'signed for another region; mend region',
    'ExpiredToken': 'the credentials have expired',
    'InvalidAccessKeyId': 'access_key/secret_key refused',
    'InvalidBucketName': 'that is no name of a bucket; mend bucket',
    'InvalidTokenId': 'access_key/secret_key refused',
    'NoSuchBucket': 'the bucket does not exist; create it, or mend bucket',
    'PermanentRedirect': 'the bucket is elsewhere; mend region or endpoint',
    'RequestTimeTooSkewed': "this machine's clock differs too much from the server's; set it, by NTP",
    'SecondLevelDomainForbidden': 'path style is denied; set addressing: virtual',
    'SignatureDoesNotMatch': 'access_key/secret_key refused',
}
"""What to do, for whoever reads the message; words like `region` are options of the driver."""

_CONNECTION_HINTS: tuple[tuple[type[Exception], str], ...] = (
    (boto.ConnectTimeoutError, 'endpoint did not accept a connection in time'),
    (boto.EndpointConnectionError, 'endpoint cannot be reached'),
    (boto.ReadTimeoutError, 'no answer within read_timeout'),
)
_PASSING = (
    boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError, boto.ResponseStreamingError,
    boto.CredentialRetrievalError, boto.MetadataRetrievalError, ResponseParserError, urllib3.exceptions.HTTPError,
    OSError,
)


@contextlib.contextmanager
def translated(doing: str, unmet: type[StoreError] = Refused) -> Iterator[None]:
    """Raise what boto3 raises within as an error of `objreg.store`, whose message begins with `doing`.

    `unmet` is what an unmet precondition means.
    """
    try:
        yield
    except boto.ClientError as error:
        raise of_answer(error, doing, unmet) from error
    except _PASSING as error:
        raise Unavailable(f'{doing}: {_of_connection(error)} ({type(error).__name__})') from error
    except (boto.NoCredentialsError, boto.PartialCredentialsError) as error:
        raise Refused(f'{doing}: no credentials; set access_key and secret_key, or a profile') from error
    except boto.BotoCoreError as error:
        raise Refused(f'{doing}: {error}') from error
    except KeyError as error:  # of what every answer has: the connection ended amid its headers
        raise Unavailable(f'{doing}: the answer was cut, it has no {error.args[0]}') from error


def _of_connection(error: Exception) -> str:
    if isinstance(error, boto.SSLError):
        return tls.meaning(error, 'endpoint')
    return next((text for kind, text in _CONNECTION_HINTS if isinstance(error, kind)), 'the connection failed')


def of_answer(error: boto.ClientError, doing: str, unmet: type[StoreError]) -> StoreError:
    """What an error that the server answered means."""
    status = status_of(error)
    told = error.response.get('Error', {})
    code = str(told.get('Code', status))
    if status == 412:
        return unmet(f'{doing}: precondition failed')
    if status == 404 and code == '404':
        # only the answer to a HEAD has no room for a code
        if error.operation_name == 'HeadObject':
            return NotFound(f'{doing}: no such key')
        return Unavailable(f'{doing}: a 404 that S3 would not give; something stands between')
    headers = error.response.get('ResponseMetadata', {}).get('HTTPHeaders', {})
    return of_code(code, status, doing, said=str(told.get('Message') or ''), retry_after=answers.retry_after(headers))


def of_code(code: str, status: int, doing: str, *, said: str = '', retry_after: float | None = None) -> StoreError:
    """What an S3 error code (and the status it came with, 0 if none) means."""
    if code in _MISSING:
        return NotFound(f'{doing}: no such key')
    reason = _HINTS.get(code) or said[:200]
    message = f'{doing}: {reason} ({code})' if reason else f'{doing}: {code}'
    if answers.passing(status) or code in _WORTH_A_TRY:
        return Unavailable(message, retry_after)
    return Refused(message)


def status_of(error: boto.ClientError) -> int:
    """The HTTP status of an answered error."""
    return int(error.response.get('ResponseMetadata', {}).get('HTTPStatusCode', 0))


def code_of(error: boto.ClientError) -> str:
    """The S3 code of an answered error."""
    return str(error.response.get('Error', {}).get('Code', ''))
