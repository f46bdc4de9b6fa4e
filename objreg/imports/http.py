"""Requests to a registry that is not trusted: bounded answers, its own addresses, and credentials for nobody else.

- A token is asked for what is needed here (``pull`` of one repository, or the catalog), whatever the registry would
  have asked for, and sent to the registry alone: a redirect to another host is followed without it.
- The password goes to the registry, or to the token service that it names, which is asked over https unless it is on
  the registry's own host.
- From https nothing leads to http, and a next page is on the host of the one before it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3

from objreg.imports.credentials import Credentials, Forbidden, Missing, origin, token_of, token_url
from objreg.imports.report import NotTaken
from objreg.store import Refused, Unavailable

_TIMEOUT = urllib3.Timeout(connect=10, read=60)
_ATTEMPTS = 4
_LONGEST_PAUSE = 10.0
_REDIRECTS = 5
_MOST_TOKEN = 1024**2
MOST_PAGE = 16 * 1024**2
"""Bytes of a page of a list."""
_MOST_PAGES = 100_000
_NEXT = re.compile(r'<([^<>]+)>\s*;\s*rel="?next"?', re.IGNORECASE)


class Http:
    """The registry at a URL.  Safe to be used by many threads."""

    def __init__(self, url: str, credentials: Credentials, *, ca_bundle: str = '', pool: int = 8) -> None:
        self.url = _checked(url)
        self._credentials = credentials
        more: dict[str, Any] = {'ca_certs': ca_bundle} if ca_bundle else {}
        self._pool = urllib3.PoolManager(maxsize=pool, timeout=_TIMEOUT, retries=False, **more)
        self._lock = Lock()
        self._authorizations: dict[str, str] = {}

    def close(self) -> None:
        """Give back the connections."""
        self._pool.clear()

    def json(self, path: str, scope: str, accept: str = 'application/json') -> tuple[Any, str]:
        """A page of a list, and where the next one is, '' behind the last."""
        answer = self.stream('GET', path, scope, {'Accept': accept})
        data = read(answer, MOST_PAGE)
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise NotTaken(f'{self.url}: {path}: it is no JSON: {data[:80]!r}') from error
        following = _NEXT.search(answer.headers.get('Link', ''))
        return found, self._joined(self._absolute(path), following[1]) if following else ''

    def pages(self, path: str, scope: str, accept: str = 'application/json') -> Iterator[Any]:
        """All pages of a list."""
        seen: set[str] = set()
        while path:
            if path in seen or len(seen) >= _MOST_PAGES:
                raise NotTaken(f'{self.url}: its pages do not end')
            seen.add(path)
            found, path = self.json(path, scope, accept)
            if path and origin(urlsplit(path)) != origin(urlsplit(self.url)):
                raise NotTaken(f'{self.url}: its next page is on another host: {path[:200]}')
            yield found

    def stream(
        self, method: str, path: str, scope: str, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        """An answer of success, its body to be read by `read` or `chunks`; raises `Missing`, `Forbidden`, `NotTaken`.

        Tries again what fails for the moment; at last raises `Unavailable`.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return self._followed(method, self._absolute(path), scope, headers)
            except Unavailable as error:
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(min(_LONGEST_PAUSE, error.retry_after or 0.2 * 2**attempt))
        raise AssertionError('the last attempt returns or raises')

    def _joined(self, base: str, given: str) -> str:
        """Where that leads from there."""
        try:
            there = urljoin(base, given)
            urlsplit(there)
        except ValueError as error:
            raise NotTaken(f'{self.url}: it leads to what is no URL: {given[:200]}') from error
        return there

    def _absolute(self, path: str) -> str:
        return path if '://' in path else self.url + path

    def _followed(
        self, method: str, url: str, scope: str, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        for _ in range(_REDIRECTS + 1):
            answer = self._asked(method, url, scope, headers)
            if answer.status not in (301, 302, 303, 307, 308):
                return self._looked_at(answer, url)
            answer.close()
            there = self._joined(url, answer.headers.get('Location', ''))
            if urlsplit(there).scheme not in ('https', urlsplit(url).scheme) or '@' in urlsplit(there).netloc:
                raise NotTaken(f'{self.url}: it leads to {there[:200]}, where nothing is asked')
            url = there
        raise NotTaken(f'{self.url}: more than {_REDIRECTS} redirects')

    def _asked(self, method: str, url: str, scope: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """The answer; asked once more with a token where one is wanted."""
        if origin(urlsplit(url)) != origin(urlsplit(self.url)):
            return self._sent(method, url, headers)
        with self._lock:
            known = self._authorizations.get(scope, '')
        answer = self._sent(method, url, {**headers, 'Authorization': known} if known else headers)
        if answer.status != 401:
            return answer
        answer.close()
        found = self._authorization(answer.headers.get('WWW-Authenticate', ''), scope)
        if not found or found == known:
            raise Forbidden(f'{self.url}: it wants other credentials for {scope or "this"}')
        with self._lock:
            self._authorizations[scope] = found
        return self._sent(method, url, {**headers, 'Authorization': found})

    def _sent(self, method: str, url: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        said = {'User-Agent': 'objreg', 'Accept-Encoding': 'identity', **headers}
        try:
            return self._pool.request(method, url, headers=said, redirect=False, preload_content=False)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Unavailable(f'{_shown(url)}: {type(error).__name__}: {str(error)[:200]}') from error

    def _looked_at(self, answer: urllib3.BaseHTTPResponse, url: str) -> urllib3.BaseHTTPResponse:
        status = answer.status
        if status == 200:
            return answer
        answer.close()
        if status == 404:
            raise Missing(f'{_shown(url)}: there is none (404)')
        if status in (401, 403):
            raise Forbidden(f'{_shown(url)}: it is refused ({status})')
        if status >= 500 or status in (408, 429):
            after = answer.headers.get('Retry-After', '')
            raise Unavailable(f'{_shown(url)}: it fails ({status})', float(after) if after.isdecimal() else None)
        raise NotTaken(f'{_shown(url)}: it answers {status}')

    # Who asks

    def _authorization(self, challenge: str, scope: str) -> str:
        """The header that the registry wants; '' where there is nothing to give."""
        kind = challenge.partition(' ')[0].lower()
        if kind == 'basic':
            return self._credentials.basic if self._credentials.user else ''
        if kind != 'bearer':
            return ''
        url = token_url(challenge, self.url, scope)
        headers = {'Authorization': self._credentials.basic} if self._credentials.user else {}
        answer = self._looked_at(self._sent('GET', url, headers), url)
        return f'Bearer {token_of(read(answer, _MOST_TOKEN), _shown(url))}'


def head(answer: urllib3.BaseHTTPResponse) -> Mapping[str, str]:
    """What is said by an answer without a body."""
    answer.release_conn()
    return answer.headers


def length_of(headers: Mapping[str, str]) -> int | None:
    """How many bytes are said to come; None where nothing is said of it."""
    said = headers.get('Content-Length', '')
    return int(said) if said.isdecimal() and len(said) < 20 else None


def read(answer: urllib3.BaseHTTPResponse, most: int) -> bytes:
    """The body, of at most that many bytes."""
    return b''.join(chunks(answer, most))


def chunks(answer: urllib3.BaseHTTPResponse, most: int) -> Iterator[bytes]:
    """The body as it comes; raises `NotTaken` beyond that many bytes, and `Unavailable` where it is cut."""
    left, is_done = most, False
    try:
        for piece in answer.stream(256 * 1024, decode_content=False):
            left -= len(piece)
            if left < 0:
                raise NotTaken(f'{_shown(answer.url or "")}: more than {most} bytes')
            yield piece
        is_done = True
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(f'{_shown(answer.url or "")}: {type(error).__name__}: {str(error)[:200]}') from error
    finally:
        if is_done:
            answer.release_conn()
        else:
            answer.close()


def _checked(url: str) -> str:
    """The URL without a slash at its end; raises `Refused` for one that is none."""
    parts = urlsplit(url if '://' in url else f'https://{url}')
    if parts.scheme not in ('http', 'https') or not parts.hostname or '@' in parts.netloc or parts.query:
        raise Refused(f'{url!r}: http:// or https://, a host and maybe a path are needed, without user and password')
    return parts.geturl().rstrip('/')


def _shown(url: str) -> str:
    """Without its query, which may be a signature."""
    return url.partition('?')[0][:300]
