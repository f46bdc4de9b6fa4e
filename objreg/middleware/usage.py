"""Usage: limits how much each account may pull and push, and how much those may pull who have none.

A pull is a manifest that was served to a GET, a push one that was taken by a PUT.  What clients only look at (HEAD, or
a GET whose answer they have already), blobs, and whatever failed cost nothing.  Of an image for several platforms, each
is a push and their index is another; a pull is two, the index and the image.

Who has had his share is answered with 429 and ``Retry-After``, and that does not count either.  A GET or HEAD of a
manifest tells how much is left, as clients know it from Docker Hub: ``RateLimit-Limit: 100;w=21600`` and
``RateLimit-Remaining: 76;w=21600`` (of the time in seconds that follows ``w``), of the rate of which least is left.

Whoever gives credentials is counted by his name once they were verified, wherever he comes from, so nobody uses up what
is another's; a robot has a name of its own.  Everybody else is counted by his address, of IPv6 by his /64.  Without
``auth``, and where it lets whoever sits at the machine do everything, all are nobody in particular.  Behind a balancer,
``proxy`` has to trust it, or all who come through it are one address.

Exact it is for one process: counts are of each, and end with it, so that n of them serve up to n times as much.
Requests that are under way at the same time may go beyond by as many.  The windows slide: what was done in the last one
counts by the part of it that is not over yet.  Each process remembers the latest 50,000 windows of accounts, and as
many of addresses.

Its place is right behind ``auth``, which tells who it is.

Options:

``pulls =``
    How much each account may pull: ``200 per 6 hours``; several, separated by ``;``, hold together.  Empty: as much as
    he likes.
``anonymous_pulls =``
    The same for each address of those without an account.
``pushes =``
    How much each account may push, or each address where that is allowed without one.
``exempt =``
    Names of accounts that are not limited; ``*`` stands for anything, ``acme+*`` for all robots of acme.
``exempt_networks =``
    Networks from which nobody is limited.

Example::

    [filter:usage]
    use = egg:objreg#usage
    pulls = 200 per 6 hours; 1000 per day
    anonymous_pulls = 100 per 6 hours
    pushes = 500 per day
    exempt = ci acme+*
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import itemgetter
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from limits import RateLimitItem

from objreg.access import access_of
from objreg.addresses import customer_of, is_within
from objreg.config import as_list, as_networks
from objreg.errors import TooManyPulls, TooManyPushes
from objreg.http import Request
from objreg.middleware.base import Middleware, client_of
from objreg.rates import Counts, as_rates
from objreg.routes import match

_PULL, _PUSH = 'pull', 'push'
_KINDS = {('GET', 'manifest'): _PULL, ('HEAD', 'manifest'): _PULL, ('PUT', 'manifest'): _PUSH}
"""Of a method, and a resource of `objreg.routes`."""
_DONE = (('GET', 200), ('PUT', 201))
"""What counts, by its method and its status."""
_ERRORS = {_PULL: TooManyPulls, _PUSH: TooManyPushes}
_EXAMPLE = '200 per 6 hours'


class Usage(Middleware):
    """Counts what was done, and refuses what would be too much."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, pulls: str = '',
        anonymous_pulls: str = '', pushes: str = '', exempt: str = '', exempt_networks: str = '',
    ) -> None:
        super().__init__(app, global_conf)
        accounts, addresses = Counts(), Counts()
        for_all = as_rates('pushes', pushes, _EXAMPLE)
        self._of_accounts = {
            _PULL: _Limit(_PULL, as_rates('pulls', pulls, _EXAMPLE), accounts), _PUSH: _Limit(_PUSH, for_all, accounts),
        }
        self._of_addresses = {
            _PULL: _Limit(_PULL, as_rates('anonymous_pulls', anonymous_pulls, _EXAMPLE), addresses),
            _PUSH: _Limit(_PUSH, for_all, addresses),
        }
        self._exempt = as_list(exempt)
        self._exempt_networks = as_networks(exempt_networks)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # nothing else is counted; it passes without a request object
        if '/manifests/' in environ.get('PATH_INFO', ''):
            return super().__call__(environ, start_response)
        return self.app(environ, start_response)

    def handle(self, req: Request) -> Any:
        """Refuse, or pass on and count what was done."""
        route, method = match(req.environ['PATH_INFO']), req.environ['REQUEST_METHOD']
        kind = _KINDS.get((method, route.resource)) if route else None
        subject, address = access_of(req.environ).subject, client_of(req.environ)
        if kind is None or self._is_exempt(subject, address):
            return self.app
        limit = (self._of_accounts if subject else self._of_addresses)[kind]
        if not limit.rates:
            return self.app
        who = subject or customer_of(address) or 'this machine'
        if method != 'HEAD':
            limit.check(who)
        response = req.get_response(self.app)
        if (method, response.status_code) in _DONE:
            limit.count(who)
        response.headers.update(limit.headers(who).items())
        return response

    def _is_exempt(self, subject: str, address: str) -> bool:
        is_named = bool(subject) and any(fnmatchcase(subject, pattern) for pattern in self._exempt)
        return is_named or is_within(address, self._exempt_networks)


@dataclass(frozen=True)
class _Limit:
    """How much of one kind each may do."""

    kind: str
    rates: list[RateLimitItem]
    counts: Counts

    def check(self, who: str) -> None:
        """Raise 429 if he did as much already."""
        spent = [rate for rate in self.rates if not self.counts.test(rate, self.kind, who)]
        if spent:
            seconds, rate = max((self.counts.wait(rate, self.kind, who), str(rate)) for rate in spent)
            headers = {'Retry-After': str(seconds), **self.headers(who)}
            raise _ERRORS[self.kind](f'{rate} for {who}', headers=headers)

    def count(self, who: str) -> None:
        """He did it."""
        for rate in self.rates:
            self.counts.hit(rate, self.kind, who)

    def headers(self, who: str) -> dict[str, str]:
        """What tells how much he may pull."""
        if self.kind != _PULL:
            return {}
        left, rate = min(((self.counts.left(rate, self.kind, who), rate) for rate in self.rates), key=itemgetter(0))
        seconds = rate.get_expiry()
        return {'RateLimit-Limit': f'{rate.amount};w={seconds}', 'RateLimit-Remaining': f'{left};w={seconds}'}
