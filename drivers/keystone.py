"""Who logs in to Keystone v3, and what it answers when that fails: for the drivers of OpenStack's stores."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from keystoneauth1 import exceptions as keystone
from keystoneauth1.identity import v3
from keystoneauth1.plugin import BaseAuthPlugin

from objreg.drivers import tls
from objreg.store import Refused, StoreError, Unavailable


@dataclass(frozen=True)
class Login:
    """Who asks, and what of the catalogue; see the options of the drivers."""

    auth_url: str
    username: str
    password: str
    project: str
    user_domain: str
    project_domain: str
    application_credential: str
    application_secret: str
    region: str
    interface: str

    def plugin(self) -> BaseAuthPlugin:
        """What gets tokens; ValueError begins with the option that is wrong."""
        self._check()
        base = self.auth_url.rstrip('/')
        url = base if base.endswith('/v3') else f'{base}/v3'
        if self.application_credential:
            if not self.application_secret:
                raise ValueError('application_secret: needed with application_credential')
            return v3.ApplicationCredential(
                url, application_credential_id=self.application_credential,
                application_credential_secret=self.application_secret,
            )
        self._need('username', 'password', 'project')
        return v3.Password(
            url, username=self.username, password=self.password, user_domain_name=self.user_domain,
            project_name=self.project, project_domain_name=self.project_domain,
        )

    def _check(self) -> None:
        if urlsplit(self.auth_url).scheme not in ('http', 'https'):
            raise ValueError('auth_url: needed, http://… or https://…')
        if self.interface not in ('public', 'internal', 'admin'):
            raise ValueError(f'interface: {self.interface!r} is not public, internal or admin')

    def _need(self, *options: str) -> None:
        for option in options:
            if not getattr(self, option):
                raise ValueError(f'{option}: needed')


def of_keystone(
    error: keystone.ClientException, doing: str, service: str, *, wrong: str = 'auth_url; mend it'
) -> StoreError:
    """What went wrong on the way to a token, or to the endpoint of a service (an ``object store`` or so).

    `wrong` is what to say where there is no Keystone.
    """
    for kind, meaning, hint in _WITHOUT_ANSWER:
        if isinstance(error, kind):
            return meaning(f'{doing}: {hint.format(service)}')
    if isinstance(error, keystone.SSLError):
        return Unavailable(f'{doing}: {tls.meaning(error, "auth_url")}')
    if isinstance(error, keystone.HttpError):
        return _of_status(error, doing, wrong)
    return Unavailable(f'{doing}: no token: {" ".join(str(error).split())[:200]}')


_REFUSED = 'the credentials are refused; mend username and password, project, or application_secret'
_WITHOUT_ANSWER: tuple[tuple[type[Exception], type[StoreError], str], ...] = (
    (keystone.Unauthorized, Refused, _REFUSED),
    (keystone.EmptyCatalog, Refused, 'the catalogue is empty; give the user a role in the project, or mend project'),
    (keystone.EndpointNotFound, Refused, 'the catalogue has no such {}; mend region or interface'),
    (keystone.InvalidResponse, Unavailable, 'no Keystone v3 answers at auth_url; if it stays so, mend it'),
    (keystone.ConnectFailure, Unavailable, 'auth_url cannot be reached'),
    (keystone.ConnectTimeout, Unavailable, 'auth_url did not answer in time'),
)


def _of_status(error: keystone.HttpError, doing: str, wrong: str) -> StoreError:
    status = error.http_status or 0
    if status in (404, 405):
        return Refused(f'{doing}: there is no Keystone v3 at {wrong} ({status})')
    if status == 403:
        return Refused(f'{doing}: the credentials are refused; mend username and password, or project ({status})')
    if status < 500 and status not in (408, 429):
        said = str(error).partition(' (HTTP')[0][:200]
        return Refused(f'{doing}: no token: {said}; mend username, project or domain ({status})')
    retry_after = getattr(error, 'retry_after', None) or None
    return Unavailable(f'{doing}: Keystone failed ({status})', retry_after)
