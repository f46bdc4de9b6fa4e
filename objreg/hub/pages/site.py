"""Answers for pages: finds the one that is meant, guards its form, renders what it gives; and the files beside them.

What protects all pages is here and nowhere else: the headers, and the look at whence a POST comes.  A browser says that
by ``Sec-Fetch-Site`` or ``Origin``; a form that another site sent, or that does not say whence it comes, is refused.
``Referrer-Policy`` is ``same-origin`` and not ``no-referrer``, by which browsers would keep their own origin from the
hub's forms as well (``Origin: null``); codes are behind ``#``, which no referrer has.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from objreg.errors import MethodNotAllowed, NotFoundHere, of_store
from objreg.http import Request, Response
from objreg.hub import browser
from objreg.hub.api.call import Call
from objreg.hub.api.dispatch import EXPECTED, as_problem
from objreg.hub.api.problems import Problem, bad_request, forbidden
from objreg.hub.authority import NOBODY
from objreg.hub.hub import Hub
from objreg.hub.pages.page import Page, Shown, View
from objreg.hub.pages.rendering import rendering
from objreg.hub.pages.table import TABLE
from objreg.store import Refused, Unavailable

HEADERS = (
    ('Content-Security-Policy', (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )),
    ('X-Content-Type-Options', 'nosniff'),
    ('X-Frame-Options', 'DENY'),
    ('Referrer-Policy', 'same-origin'),
    ('Permissions-Policy', 'camera=(), geolocation=(), microphone=()'),
    ('Cross-Origin-Opener-Policy', 'same-origin'),
    ('Cross-Origin-Resource-Policy', 'same-origin'),
    ('Cache-Control', 'no-store'),
)
_FORM = 'application/x-www-form-urlencoded'
_BYTES, _FIELDS = 16 * 1024, 20
_UNSHOWN = ('password', 'new')
"""Fields that are never sent back."""


class Site:
    """The pages of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._rendering = rendering()
        self._files = self._rendering.files
        self._paths: dict[str, dict[str, Page]] = {}
        for page in TABLE:
            self._paths.setdefault(page.path, {})[page.method] = page

    def serves(self, path: str) -> bool:
        """Whether there is a page, or a file of one, at that path."""
        return path in self._paths or path in self._files

    def respond(self, req: Request) -> Any:
        """The answer; raises what is wrong with the request as a whole."""
        path, method = req.environ['PATH_INFO'], req.environ['REQUEST_METHOD']
        if path in self._files:
            return self._files.respond(req)
        verbs = self._paths.get(path)
        if verbs is None:
            raise NotFoundHere()
        page = verbs.get('GET' if method == 'HEAD' else method)
        if page is None:
            raise MethodNotAllowed(method[:16], headers={'Allow': ', '.join([*verbs, 'HEAD'])})
        return self._answer(page, req)

    def _answer(self, page: Page, req: Request) -> Response:
        call, status, problem = Call(req, self._hub, NOBODY), 200, None
        fields: dict[str, str] = {}
        try:
            if page.method == 'POST':
                _check_own(req)
                fields = _fields(req)
            shown = page.function(View(call, fields))
        except (Unavailable, Refused) as error:
            problem = as_problem(of_store(error, req.environ.get('objreg.request_id', '')))
        except EXPECTED as error:
            problem = as_problem(error)
        if problem is not None:
            status, shown = problem.status, (page.form or page.function)(View(call, {}))
        return self._rendered(shown, status, fields, problem, call)

    def _rendered(
        self, shown: Shown, status: int, fields: dict[str, str], problem: Problem | None, call: Call
    ) -> Response:
        error = problem.detail if problem else ''
        typed = {name: text for name, text in fields.items() if name not in _UNSHOWN}
        body = self._rendering.page(shown, typed=typed, error=error)
        retry = [(name, text) for name, text in (problem.headers if problem else {}).items() if name == 'Retry-After']
        headers = [('Content-Type', 'text/html; charset=utf-8'), *HEADERS, *retry, *call.headers]
        return Response(status=status, headerlist=headers, body=body)


def _check_own(req: Request) -> None:
    """Raise a problem unless a page of this hub sent the form, as the browser says it."""
    if req.environ.get('HTTP_ORIGIN') == 'null' or not browser.is_own(req):
        raise forbidden('the form did not come from a page of this hub: open the page again, and send it from there')


def _fields(req: Request) -> dict[str, str]:
    """What was typed; raises a problem."""
    kind: str = req.headers.get('Content-Type', '')
    if kind.partition(';')[0].strip().lower() != _FORM:
        raise Problem(415, 'media-type', f'the form is to be {_FORM}')
    data = req.body_file.read(_BYTES + 1)
    if len(data) > _BYTES:
        raise Problem(413, 'too-large', f'the form has more than {_BYTES} bytes')
    try:
        pairs = parse_qsl(
            data.decode('ascii'), keep_blank_values=True, errors='strict', max_num_fields=_FIELDS
        )
    except ValueError as error:
        raise bad_request('that is not a form') from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise bad_request('a field is there twice')
    return fields
