"""How the `glance` driver speaks to Glance: its session, its connections, one request a method.

What is JSON goes through glanceclient.  The bytes go through the same session beside it: glanceclient sends them
without their length, and spoils the header of a range.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import requests
from glanceclient import exc
from glanceclient.common.http import SessionClient
from keystoneauth1 import exceptions as keystone
from keystoneauth1 import session
from keystoneauth1.adapter import Adapter

from objreg.drivers import answers, sessions
from objreg.drivers.glance_bodies import Source
from objreg.drivers.keystone import Login
from objreg.drivers.transport import Transport, after_fork

_PAGE = 1000
_BYTES = 'application/octet-stream'
_PATCH = {'Content-Type': 'application/openstack-images-v2.1-json-patch'}

Image = dict[str, Any]
"""What Glance tells of an image: ``id``, ``status``, ``size``, and its properties."""


class _Adapter(sessions.Adapter):
    """Has a type for each answer: glanceclient relies on it."""

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        made = super().build_response(req, resp)
        made.headers.setdefault('Content-Type', 'text/plain')
        return made


class TokenEnded(Exception):
    """While a body was sent that cannot be sent twice."""


class _Json(SessionClient):
    """Tells apart who failed, and of an answer that is an error all that there is."""

    def request(self, url: str, method: str, **more: Any) -> Any:
        self.get_token()  # so that what fails below is not Keystone
        with _reaching_glance():
            return super().request(url, method, **more)

    def _handle_response(self, resp: requests.Response) -> Any:
        if resp.status_code >= 300:
            raise _error_of(resp, resp.content)
        return super()._handle_response(resp)


class Images:
    """The images of a project.  Raises what glanceclient and keystoneauth have for errors; used by many threads."""

    def __init__(self, login: Login, endpoint: str, transport: Transport) -> None:
        plugin = login.plugin()
        self._pool = transport.pool
        self._plain = requests.Session()
        self.forget()
        self._session = session.Session(
            auth=plugin, session=self._plain, verify=transport.verify, timeout=transport.read_timeout
        )
        self._timeout = {'timeout': transport.timeout}
        where: dict[str, Any] = {
            'service_type': 'image', 'region_name': login.region or None, 'interface': login.interface,
            'endpoint_override': endpoint.rstrip('/').removesuffix('/v2') or None,
        }
        self._json = _Json(self._session, **where)
        self._bytes = Adapter(self._session, **where)
        after_fork(self, Images.forget)

    @property
    def project(self) -> str:
        """The id of the project whose images these are."""
        return str(self._session.get_project_id())

    def create(self, image: Image) -> None:
        """A new one, of which nothing is there yet; an `exc.HTTPConflict` where there is or was one of that id."""
        self._json.post('/v2/images', data=image, **self._timeout)

    def look(self, id: str) -> Image | None:
        """What there is to tell of an image; None where there is none."""
        try:
            _, found = self._json.get(f'/v2/images/{id}', **self._timeout)
        except exc.HTTPNotFound:
            return None
        return _object(found)

    def change(self, id: str, **properties: str) -> None:
        """Set these."""
        changes = [{'op': 'add', 'path': f'/{name}', 'value': value} for name, value in properties.items()]
        self._json.patch(f'/v2/images/{id}', headers={**_PATCH}, data=json.dumps(changes), **self._timeout)

    def delete(self, id: str) -> None:
        """One that is not there is no error."""
        try:
            self._json.delete(f'/v2/images/{id}', **self._timeout)
        except exc.HTTPNotFound:
            return

    def page(self, limit: int, properties: dict[str, str]) -> tuple[list[Image], str]:
        """Those of this project with these properties, and where the rest of the listing is, if there is any."""
        return self._listed(f'/v2/images?{urlencode({"limit": limit, "owner": self.project, **properties})}')

    def all(self, **properties: str) -> Iterator[Image]:
        """Those of this project that have these properties."""
        found, rest = self.page(_PAGE, properties)
        while found:
            yield from found
            found, rest = self._listed(rest) if rest else ([], '')

    def _listed(self, place: str) -> tuple[list[Image], str]:
        _, found = self._json.get(place, **self._timeout)
        answer = _object(found)
        return answer.get('images', []), answer.get('next', '')

    def upload(self, id: str, source: Source) -> None:
        """Send the bytes of an image."""
        send = {'data': source, 'allow_reauth': False}
        answer = self._ask('PUT', id, {'Content-Type': _BYTES}, **send)
        if answer.status_code == 401:
            # the token was revoked since the image was made
            self._bytes.invalidate()
            if not source.rewind():
                raise TokenEnded
            answer = self._ask('PUT', id, {'Content-Type': _BYTES}, **send)
        if answer.status_code >= 300:
            raise _error_of(answer, answer.content)

    def open(self, id: str, start: int, end: int, size: int) -> requests.Response | None:
        """The bytes from `start` to `end` of an image of that size, to be read and closed; None if it has none."""
        headers = {'Accept-Encoding': 'identity'}
        if (start, end) != (0, size):
            headers['Range'] = f'bytes={start}-{end - 1}'
        answer = self._ask('GET', id, headers, stream=True)
        if answer.status_code in (200, 206):
            return answer
        with answer:
            said = answer.content
        if answer.status_code in (204, 404):
            return None
        if answer.status_code == 500 or not answers.passing(answer.status_code):
            # Glance says 403 of what is deactivated, and 500 of a range of what is not there yet
            found = self.look(id)
            if found is None or found['status'] != 'active':
                return None
        raise _error_of(answer, said)

    def _ask(self, method: str, id: str, headers: dict[str, str], **more: Any) -> requests.Response:
        self._bytes.get_token()  # as above
        with _reaching_glance():
            answer: requests.Response = self._bytes.request(
                f'/v2/images/{id}/file', method, headers=headers, raise_exc=False, **self._timeout, **more
            )
        return answer

    def close(self) -> None:
        """Close what is idle."""
        self._plain.close()

    def forget(self) -> None:
        """Begin with other connections, without a word to the server."""
        sessions.mount(self._plain, _Adapter(pool_connections=4, pool_maxsize=self._pool, pool_block=False))


@contextlib.contextmanager
def _reaching_glance() -> Iterator[None]:
    """What keystoneauth raises of a connection is not for those who look for Keystone's failures."""
    try:
        yield
    except keystone.SSLError as error:
        raise requests.exceptions.SSLError(str(error)) from error
    except keystone.ConnectionError as error:
        raise exc.CommunicationError(str(error)) from error


def _object(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise exc.CommunicationError('the answer is no JSON object; something else than Glance is there')
    return found


def _error_of(answer: requests.Response, said: bytes) -> exc.HTTPException:
    """As glanceclient has it, with the headers, and with the status also where it knows none of that number."""
    error: Any
    try:
        error = exc.from_response(answer, said)
    except (AttributeError, TypeError, ValueError):  # it is not of Glance, whose JSON has another form
        error = exc.HTTPException(answer.reason)
    error.code, error.headers = answer.status_code, answer.headers
    return error  # type: ignore[no-any-return]
