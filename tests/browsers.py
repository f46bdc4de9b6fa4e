"""A browser that asks a `Site`: it keeps cookies, and says where it is."""

from __future__ import annotations

import json
from http.cookies import SimpleCookie
from typing import Any

from objreg.http import Response
from tests.hubs import HOST, Site, password


class Browser:
    """One, with its own cookies; `said` is what it sends with each request of a page of the hub."""

    def __init__(self, site: Site, scheme: str = 'https') -> None:
        self.site = site
        self.cookies: dict[str, str] = {}
        self.scheme = scheme
        self.said = {'HTTP_ORIGIN': f'{scheme}://{HOST}'}

    def ask(self, method: str, path: str, document: Any = None, **environ: Any) -> Response:
        """One request; keeps the cookies of the answer."""
        given: dict[str, Any] = {'wsgi.url_scheme': self.scheme, 'CONTENT_TYPE': 'application/json', **self.said}
        given.update(environ)
        given = {name: value for name, value in given.items() if value is not None}
        if self.cookies:
            given.setdefault('HTTP_COOKIE', '; '.join(f'{name}={value}' for name, value in self.cookies.items()))
        answer = self.site.ask(method, path, b'' if document is None else json.dumps(document).encode(), **given)
        for header in answer.headers.getall('Set-Cookie'):
            for name, morsel in SimpleCookie(header).items():
                if morsel['max-age'] == '0':
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer

    def log_in(self, user: str, secret: str = '') -> Response:
        """By a password, that of the user if no other is given."""
        return self.ask('POST', '/api/v1/session', {'name': user, 'password': secret or password(user)})

    @property
    def user(self) -> str:
        """Who the hub says is logged in; '' nobody."""
        answer = self.ask('GET', '/api/v1/session')
        assert answer.status_code in (200, 401), answer.body
        return str(answer.json['user']) if answer.status_code == 200 else ''
