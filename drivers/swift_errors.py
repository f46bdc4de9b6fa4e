"""The `swift` driver's translation of what its libraries raise into the errors of `objreg.store`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import requests
import urllib3.exceptions
from keystoneauth1 import exceptions as keystone
from swiftclient.exceptions import ClientException

from objreg.drivers import answers, tls
from objreg.drivers.keystone import of_keystone
from objreg.store import NotFound, Refused, StoreError, Unavailable

_HINTS = {
    401: 'the token is refused; mend username, password or auth_url',
    403: 'this user may not do that; give it a role that may write to the container, or mend username',
    404: 'the container does not exist; make it by `objreg store setup`, or mend container',
    409: 'a segment of it was replaced or is missing',
    413: 'too large for this server, or over a quota',
    429: 'too many requests',
    498: 'too many requests',
    507: 'the store is full',
}
"""What to do, for whoever reads the message; words like `container` are options of the driver."""


@contextlib.contextmanager
def translated(doing: str, *, missing: type[StoreError] = Refused, unmet: type[StoreError] = Refused) -> Iterator[None]:
    """Raise what the libraries raise within as an error of `objreg.store`, whose message begins with `doing`.

    `missing` is what a 404 means (`Refused`: that there is no container), `unmet` an unmet precondition.
    """
    try:
        yield
    except ClientException as error:
        raise of_answer(error, doing, missing, unmet) from error
    except keystone.ClientException as error:
        raise _of_login(error, doing) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(f'{doing}: {_of_connection(error)} ({type(error).__name__})') from error


def of_answer(
    error: ClientException, doing: str, missing: type[StoreError] = Refused, unmet: type[StoreError] = Refused
) -> StoreError:
    """What an error that the server answered means."""
    status = error.http_status or 0
    if status == 404 and missing is NotFound:
        return NotFound(f'{doing}: no such key')
    if status == 412:
        return unmet(f'{doing}: precondition failed')
    return of_status(status, doing, error.http_response_headers or {}, _said(error))


def of_status(status: int, doing: str, headers: Mapping[str, str], said: str = '') -> StoreError:
    """What a status means, where nothing is known of why."""
    reason = _HINTS.get(status) or said or 'the server failed'
    message = f'{doing}: {reason} ({status})'
    # 422: the bytes were spoiled on their way
    if status in (0, 422, 498) or answers.passing(status):
        return Unavailable(message, answers.retry_after(headers))
    return Refused(message)


def _said(error: ClientException) -> str:
    content: Any = error.http_response_content or b''
    text = content.decode(errors='replace') if isinstance(content, bytes) else str(content)
    return ' '.join(text.split())[:200] if '<' not in text else error.http_reason or ''


def _of_connection(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return tls.meaning(error, 'auth_url or storage_url')
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return 'the server did not accept a connection in time'
    if isinstance(error, requests.exceptions.ReadTimeout | TimeoutError):
        return 'no answer within read_timeout'
    return 'the connection to the account failed; if it always does, mend storage_url, region or interface'


def _of_login(error: keystone.ClientException, doing: str) -> StoreError:
    asked = str(getattr(getattr(error, 'response', None), 'url', ''))
    if isinstance(error, keystone.InvalidResponse) and not asked.endswith('/auth/tokens'):
        return _of_auth_v1(error, doing)
    return of_keystone(error, doing, 'object store', wrong='auth_url; mend it, or auth')


def _of_auth_v1(error: keystone.InvalidResponse, doing: str) -> StoreError:
    status = getattr(error.response, 'status_code', 0)
    if status in (401, 403):
        return Refused(f'{doing}: the credentials are refused; mend username and password ({status})')
    if status in (0, 408, 429) or status >= 500:
        return Unavailable(f'{doing}: no token ({status})')
    return Refused(f'{doing}: there is no v1 authentication at auth_url; mend it, or auth ({status})')
