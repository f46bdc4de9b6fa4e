"""The paths of single sign-on: ``/auth/<provider>`` leads to the provider, and ``…/callback`` back from it."""

from __future__ import annotations

from objreg.errors import MethodNotAllowed, NotFoundHere
from objreg.http import Request, Response
from objreg.hub import browser
from objreg.hub.api.problems import Problem
from objreg.hub.authority import Identity
from objreg.hub.hub import Hub
from objreg.hub.sso.flow import PREFIX, SECONDS, Flow
from objreg.hub.sso.logins import OidcLogin
from objreg.hub.sso.person import LoginRefused, ProviderFailed
from objreg.hub.visits import begin_session
from objreg.middleware.base import client_of, note_rejection

COOKIE = ('__Host-objreg-login', 'objreg-login')
"""The cookie of a login that has begun: over https, and over http."""
_MOST_PARAMETERS = 20


class SingleSignOn:
    """``/auth/``"""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._flow = Flow(hub.signing)

    def respond(self, req: Request) -> Response:
        """A redirect, or a problem."""
        login, is_back = self._login(req.environ['PATH_INFO'])
        if req.environ['REQUEST_METHOD'] != 'GET':
            raise MethodNotAllowed(req.environ['REQUEST_METHOD'][:16], headers={'Allow': 'GET'})
        try:
            return self._come_back(req, login) if is_back else self._begin(req, login)
        except (LoginRefused, ProviderFailed) as error:
            return _problem(req, login, error)

    def _login(self, path: str) -> tuple[OidcLogin, bool]:
        """The provider of a path, and whether somebody comes back from it."""
        name, slash, rest = path.removeprefix(PREFIX).partition('/')
        login = self._hub.logins.find(name)
        if not isinstance(login, OidcLogin) or (slash and rest != 'callback'):
            raise NotFoundHere()
        return login, bool(slash)

    def _begin(self, req: Request, login: OidcLogin) -> Response:
        begun = self._flow.begin(login, req.GET.get('next', '/'))
        return _redirect(begun.url, browser.keep(req, COOKIE, begun.cookie, SECONDS))

    def _come_back(self, req: Request, login: OidcLogin) -> Response:
        answer = _parameters(req)
        begun = self._flow.recognise(login, browser.cookie(req, COOKIE), answer.get('state', ''))
        over = browser.forget(req, COOKIE)  # whatever comes of it: an answer counts once
        try:
            finished = self._flow.finish(login, begun, answer)
            arrived = self._hub.arrivals.arrive(login.settings, finished.person, client_of(req.environ))
        except (LoginRefused, ProviderFailed) as error:
            refused = _problem(req, login, error)
            refused.headerlist.append(over)
            return refused
        identity = Identity(arrived.account.name, arrived.account.id)
        kept, _ = begin_session(self._hub, req, identity, arrived.epoch, provider=login.name)
        return _redirect(f'{login.settings.url}{finished.next}', over, kept)


def _problem(req: Request, login: OidcLogin, error: LoginRefused | ProviderFailed) -> Response:
    """What goes wrong with a provider is for the log; who asks is told that it does."""
    note_rejection(req.environ, error)
    if isinstance(error, LoginRefused):
        return Problem(400 if error.kind == 'login-lost' else 403, error.kind, str(error)).response()
    detail = f'{login.name} does not answer, or not as it has to: try again, or tell an administrator'
    return Problem(502, 'provider', detail).response()


def _parameters(req: Request) -> dict[str, str]:
    """Those of the answer; one that is there twice is nobody's (RFC 6749 section 3.1)."""
    found: dict[str, str] = {}
    if len(req.GET) > _MOST_PARAMETERS:
        raise ProviderFailed('its answer has too many parameters')
    for name, value in req.GET.items():
        if name in found:
            raise ProviderFailed('its answer has a parameter twice')
        found[name] = value
    return found


def _redirect(url: str, *headers: tuple[str, str]) -> Response:
    fixed = [('Location', url), ('Cache-Control', 'no-store'), ('Referrer-Policy', 'no-referrer')]
    return Response(status=303, headerlist=[*fixed, *headers])
