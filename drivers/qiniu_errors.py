"""The `qiniu` driver's translation of what Kodo answers into the errors of `objreg.store`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import requests
import urllib3.exceptions

from objreg.drivers import answers
from objreg.store import Exists, NotFound, Refused, StoreError, Unavailable

NO_SUCH = 612
"""There is no such object, or no such upload."""
TAKEN = 614
"""There is one already."""

_PASSING = frozenset({406, 608, 701})
"""Statuses of Kodo's own that pass: bytes spoiled on their way, changed meanwhile."""
_HINTS = {
    401: "access_key/secret_key refused, or this machine's clock is wrong",
    403: 'these credentials may not do that; mend access_key, or the rights of the bucket or of domain',
    406: 'the bytes were spoiled on their way',
    413: 'too large for this bucket',
    419: 'the account is frozen',
    573: 'this object is asked for too often',
    579: 'written, but a callback failed',
    599: 'the server failed',
    NO_SUCH: 'there is no such upload',
    630: 'the account has too many buckets',
    631: 'the bucket does not exist; create it, or mend bucket',
    640: 'the server does not take the place to list from',
    701: 'a part was spoiled on its way, or has expired',
}
"""What to do, for whoever reads the message; words like `bucket` are options of the driver."""
_ELSEWHERE = 'incorrect region'
"""How the message begins when the bucket is of another region."""


class KodoError(requests.HTTPError):
    """What Kodo answered in the place of what was asked for; the answer has been read."""

    def __init__(self, method: str, answer: requests.Response) -> None:
        super().__init__(f'{method} failed', response=answer)
        self.answer = answer
        self.code = answer.status_code


@contextlib.contextmanager
def translated(doing: str, missing: type[StoreError] = NotFound) -> Iterator[None]:
    """Raise what the library raises within as an error of `objreg.store`, whose message begins with `doing`.

    `missing` is what it means that there is no such thing.
    """
    try:
        yield
    except KodoError as error:
        raise of_answer(error.answer, doing, missing) from error
    except requests.exceptions.SSLError as error:
        raise Unavailable(f'{doing}: TLS failed; mend ca_bundle, domain or the endpoints') from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(f'{doing}: {_of_connection(error)} ({type(error).__name__})') from error


def of_answer(answer: requests.Response, doing: str, missing: type[StoreError]) -> StoreError:
    """What an error that the server answered means."""
    if answer.status_code == 404:
        return _of_404(answer, doing, missing)
    return of_code(answer.status_code, doing, said(answer), missing, answers.retry_after(answer.headers))


def of_code(
    code: int, doing: str, told: str = '', missing: type[StoreError] = NotFound, retry_after: float | None = None
) -> StoreError:
    """What a status of Kodo means."""
    if code == NO_SUCH and missing is NotFound:
        return NotFound(f'{doing}: no such key')
    if code == TAKEN:
        return Exists(f'{doing}: it is there')
    reason = _HINTS.get(code) or told or 'the server failed'
    if told.startswith(_ELSEWHERE):
        reason = 'the bucket is elsewhere; mend region or up_endpoint'
    message = f'{doing}: {reason} ({code})'
    if code in _PASSING or (code < 600 and answers.passing(code)):
        return Unavailable(message, retry_after)
    return Refused(message)


def said(answer: requests.Response) -> str:
    """Kodo's own words, in one line; empty when it was something else that answered."""
    try:
        told = answer.json()['error']
    except (ValueError, LookupError, TypeError):
        return ''
    return ' '.join(str(told).split())[:200]


def _of_404(answer: requests.Response, doing: str, missing: type[StoreError]) -> StoreError:
    """Only the domain that serves the bucket tells so that an object is missing, or that it serves no bucket."""
    told = said(answer)
    if 'not found' in told.lower():
        return missing(f'{doing}: no such key')
    if told:
        return Refused(f'{doing}: {told}; mend domain or the endpoints (404)')
    return Unavailable(f'{doing}: a 404 that Kodo would not give; something stands between')


def _of_connection(error: Exception) -> str:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return 'no connection within connect_timeout'
    if isinstance(error, requests.exceptions.ReadTimeout | urllib3.exceptions.ReadTimeoutError | TimeoutError):
        return 'no answer within read_timeout'
    return 'the connection failed; if it always does, mend domain or the endpoints'
