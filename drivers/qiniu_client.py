"""How the `qiniu` driver speaks to Kodo: one request at a time, signed by the SDK.

The SDK's own requests are not used: they are tried again at other hosts, share one pool of connections and one timeout
in a process, hold bodies in memory, and do not tell ``Retry-After``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import requests
from requests.auth import AuthBase
from requests.utils import get_environ_proxies

from objreg.drivers import sessions
from objreg.drivers.bodies import Window
from objreg.drivers.qiniu_errors import KodoError
from objreg.drivers.qiniu_form import Form, crc32_of
from objreg.drivers.qiniu_regions import Endpoints
from objreg.drivers.transport import Transport, after_fork

try:
    from qiniu.auth import Auth, QiniuMacAuth
    from qiniu.utils import entry, urlsafe_base64_encode
except ImportError as error:
    raise ImportError("the SDK of Qiniu; pip install 'objreg[qiniu]'") from error

_FORM = 'application/x-www-form-urlencoded'
_DAY = 86400
"""Seconds for which an upload's token is valid, which nobody sees: a large body may take long."""
_HOUR = 3600
"""The same of a download's."""


class Kodo:
    """A bucket, by the names that its objects have there.  Safe to be used by many threads.

    What the server refuses is raised as `KodoError`.
    """

    def __init__(
        self, bucket: str, access_key: str, secret_key: str, endpoints: Endpoints, transport: Transport
    ) -> None:
        self._bucket = bucket
        self._auth = Auth(access_key, secret_key)
        self._signature = _Signature(QiniuMacAuth(access_key, secret_key))
        self._endpoints = endpoints
        self._transport = transport
        self._session = requests.Session()
        # the environment is asked once, not once a request
        self._session.trust_env = False
        urls = (endpoints.up, endpoints.rs, endpoints.rsf, endpoints.domain)
        self._proxies = {url: get_environ_proxies(url) for url in urls}
        adapter = sessions.Adapter(max_retries=0, pool_connections=len(urls), pool_maxsize=transport.pool)
        sessions.mount(self._session, adapter)
        after_fork(self._session, requests.Session.close)

    def put(self, name: str, data: bytes | Window, *, only_new: bool) -> None:
        """Write an object in one request."""
        token = self._token(name, {'insertOnly': 1} if only_new else {})
        form = Form({'token': token, 'key': name, 'crc32': str(crc32_of(data))}, data)
        _json(self._ask('POST', self._endpoints.up, '/', data=form, headers={'Content-Type': form.content_type}))

    def upload(
        self, method: str, name: str, *rest: str, data: bytes | Window = b'', headers: Mapping[str, str] | None = None
    ) -> Any:
        """Ask for something of an object's uploads, of one of them, or of a part (`rest`); what is answered."""
        place = '/'.join(['', 'buckets', self._bucket, 'objects', urlsafe_base64_encode(name), 'uploads', *rest])
        sent = {**(headers or {}), 'Authorization': f'UpToken {self._token(name, {})}'}
        return _json(self._ask(method, self._endpoints.up, place, data=data, headers=sent))

    def stat(self, name: str) -> dict[str, Any]:
        """What is known of an object."""
        found: dict[str, Any] = self._manage('GET', self._endpoints.rs, f'/stat/{self._entry(name)}')
        return found

    def copy(self, source: str, target: str) -> None:
        """Have the server copy an object over another one."""
        self._manage('POST', self._endpoints.rs, f'/copy/{self._entry(source)}/{self._entry(target)}/force/true')

    def delete(self, names: list[str]) -> list[tuple[int, str]]:
        """Delete at most 1,000 objects; for each its status, and what is said of an error."""
        if len(names) == 1:
            self._manage('POST', self._endpoints.rs, f'/delete/{self._entry(names[0])}')
            return [(200, '')]
        asked = urlencode([('op', f'/delete/{self._entry(name)}') for name in names])
        told = self._manage('POST', self._endpoints.rs, '/batch', asked)
        return [(int(one['code']), str((one.get('data') or {}).get('error', ''))) for one in told]

    def list(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        """One answer to a listing, of which nothing is given in any order."""
        query = urlencode({'bucket': self._bucket, **wanted}, quote_via=quote)
        found: dict[str, Any] = self._manage('GET', self._endpoints.rsf, f'/list?{query}')
        return found

    def get(self, name: str, headers: Mapping[str, str]) -> requests.Response:
        """An answer whose body is still to be read; whoever asks closes it."""
        url = self.url(name, _HOUR, self._endpoints.domain)[len(self._endpoints.domain):]
        return self._ask(
            'GET', self._endpoints.domain, url, headers={**headers, 'Accept-Encoding': 'identity'}, stream=True
        )

    def url(self, name: str, seconds: int, domain: str = '') -> str:
        """A URL by which anyone may read the object for that long."""
        url = f'{domain or self._endpoints.public_domain}/{quote(name)}'
        return str(self._auth.private_download_url(url, expires=seconds))

    def close(self) -> None:
        """Close what is idle."""
        self._session.close()

    def _entry(self, name: str) -> str:
        return str(entry(self._bucket, name))

    def _token(self, name: str, policy: dict[str, int]) -> str:
        """What allows to upload to this name, and to no other."""
        return str(self._auth.upload_token(self._bucket, name, _DAY, policy))

    def _manage(self, method: str, endpoint: str, path: str, form: str = '') -> Any:
        return _json(
            self._ask(method, endpoint, path, data=form, headers={'Content-Type': _FORM}, auth=self._signature)
        )

    def _ask(
        self, method: str, endpoint: str, path: str, *, headers: Mapping[str, str], data: Any = None,
        auth: AuthBase | None = None, stream: bool = False,
    ) -> requests.Response:
        answer = self._session.request(
            method, endpoint + path, headers={'User-Agent': 'objreg', **headers}, data=data, auth=auth, stream=stream,
            timeout=self._transport.timeout, verify=self._transport.verify, proxies=self._proxies[endpoint],
            allow_redirects=False,
        )
        if not 200 <= answer.status_code < 300:
            with answer:
                answer.content  # noqa: B018 - reads it, and so gives the connection back
            raise KodoError(method, answer)
        return answer


def marker(name: str) -> str:
    """What a listing whose last object had that name hands out for the next one.

    Its form is not documented, but has not changed in many years, and the maker's own tools build it too.
    """
    told = json.dumps({'c': 0, 'k': name}, separators=(',', ':'), ensure_ascii=False)
    return str(urlsafe_base64_encode(told))


class _Signature(AuthBase):
    """The authorization of requests that manage objects."""

    def __init__(self, auth: QiniuMacAuth) -> None:
        self._auth = auth

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        headers = request.headers
        headers['X-Qiniu-Date'] = datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')
        token = self._auth.token_of_request(
            request.method, None, request.url, self._auth.qiniu_headers(headers), headers['Content-Type'], request.body
        )
        headers['Authorization'] = f'Qiniu {token}'
        return request


def _json(answer: requests.Response) -> Any:
    """What was answered; `requests.RequestException` when it was not Kodo that did, but something between."""
    if 'X-Reqid' not in answer.headers:
        raise requests.RequestException('the answer is not of Kodo')
    return answer.json() if answer.content else {}
