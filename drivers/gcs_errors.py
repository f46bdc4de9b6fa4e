"""The `gcs` driver's translation of what Google's libraries raise into the errors of `objreg.store`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import requests
import urllib3.exceptions
from google.api_core.exceptions import GoogleAPICallError
from google.auth import exceptions as auth

from objreg.drivers import answers, tls
from objreg.store import NotFound, Refused, StoreError, Unavailable

_PASSING_REASONS = frozenset({'rateLimitExceeded', 'userRateLimitExceeded', 'backendError', 'internalError'})
"""Reasons that pass, whatever their status."""

_NO_BUCKET = 'the bucket does not exist; make it by `objreg store setup`, or mend bucket'
_HINTS = {
    401: 'the credentials are refused; mend credentials',
    403: 'these credentials may not do that; give them the role Storage Object Admin, or mend credentials',
    404: _NO_BUCKET,
    413: 'too large',
    429: 'too many requests',
    507: 'the store is full',
}
"""What to do, for whoever reads the message; words like `bucket` are options of the driver."""


@contextlib.contextmanager
def translated(
    doing: str, *, missing: type[StoreError] = NotFound, unmet: type[StoreError] = Refused
) -> Iterator[None]:
    """Raise what the libraries raise within as an error of `objreg.store`, whose message begins with `doing`.

    `missing` is what a 404 means (`Refused`: that there is no bucket), `unmet` an unmet precondition.
    """
    try:
        yield
    except GoogleAPICallError as error:
        raise of_answer(error, doing, missing, unmet) from error
    except auth.GoogleAuthError as error:
        raise _of_credentials(error, doing) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(f'{doing}: {_of_connection(error)} ({type(error).__name__})') from error


def of_answer(
    error: GoogleAPICallError, doing: str, missing: type[StoreError] = Refused, unmet: type[StoreError] = Refused
) -> StoreError:
    """What an error that the server answered means."""
    status = int(error.code or 0)
    said, reason, headers = _told(error)
    if status == 412:
        return unmet(f'{doing}: precondition failed')
    if status == 404 and '<html' in said.lower():
        return Unavailable(f'{doing}: a 404 that Cloud Storage would not give; something stands between')
    if status == 404 and missing is NotFound and 'bucket does not exist' not in said:
        return NotFound(f'{doing}: no such key')
    hint = _HINTS.get(status) or said or 'the server failed'
    if status == 404 and not reason:  # Cloud Storage has a reason for each of them
        hint = f'{_NO_BUCKET} or endpoint'
    message = f'{doing}: {hint} ({", ".join(filter(None, (str(status), reason)))})'
    # "doesn't match calculated": the bytes were spoiled on their way
    passing = not status or answers.passing(status)
    if passing or reason in _PASSING_REASONS or (status == 400 and 'match calculated' in said):
        return Unavailable(message, answers.retry_after(headers))
    return Refused(message)


def _told(error: GoogleAPICallError) -> tuple[str, str, Mapping[str, str]]:
    """What the answer says, in one line, its reason in one word, and its headers."""
    details: Any = next(iter(error.errors or ()), {})
    details = details if isinstance(details, dict) else {}
    said = str(details.get('message') or getattr(error.response, 'text', '') or error.message)
    headers: Mapping[str, str] = getattr(error.response, 'headers', {})
    return ' '.join(said.split())[:200], str(details.get('reason') or ''), headers


def _of_credentials(error: auth.GoogleAuthError, doing: str) -> StoreError:
    if type(error) is auth.DefaultCredentialsError:  # what is malformed, for instance, is derived from it
        return Refused(
            f'{doing}: no credentials are found; set credentials, or the environment variable '
            'GOOGLE_APPLICATION_CREDENTIALS'
        )
    if isinstance(error, auth.TransportError) or error.retryable:
        return Unavailable(f'{doing}: the server of tokens or signatures failed ({type(error).__name__})')
    return Refused(f'{doing}: the credentials are refused; mend credentials ({type(error).__name__})')


def _of_connection(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return tls.meaning(error, 'endpoint')
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return 'endpoint did not accept a connection in time'
    if isinstance(error, requests.exceptions.ReadTimeout | TimeoutError):
        return 'no answer within read_timeout'
    if isinstance(error, requests.exceptions.ConnectionError) and 'NewConnectionError' in repr(error):
        return 'endpoint cannot be reached'
    return 'the connection failed'
