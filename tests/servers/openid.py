"""oidc-provider, a certified OpenID provider, as a process; up in about a second.  tests/install-npm.sh installs it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from tests.servers.process import Missing, need
from tests.servers.registries import ROOT, Server

CLIENT, SECRET = 'objreg', 'a secret of the client: 100% + more'
_INSTALLED = ROOT / '.cache/npm'
_ACTION = re.compile(r'<form[^>]* action="([^"]+)"')


class OpenIdProvider(Server):
    """One that sends browsers back to these redirect URIs; `people` are claims by subject, and may be said again."""

    name = 'openid'

    def __init__(self, folder: Path, *redirects: str) -> None:
        super().__init__(folder)
        self._redirects = redirects

    @property
    def issuer(self) -> str:
        """Who its tokens are from."""
        return f'http://127.0.0.1:{self.port}'

    def know(self, people: Mapping[str, Mapping[str, Any]]) -> None:
        """Who there is from now on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / 'people.json').write_text(json.dumps(people))

    def command(self) -> list[str]:
        need('node')
        installed = sorted(_INSTALLED.glob('oidc-provider-*/complete'))
        if not installed:
            raise Missing('oidc-provider is not installed (tests/install-npm.sh installs it)')
        program = installed[-1].parent / 'node_modules/oidc-provider/lib/index.js'
        return [
            'node', '--no-warnings', str(ROOT / 'tests/servers/openid.mjs'), str(program), str(self.port),
            str(self.folder / 'people.json'), SECRET, *self._redirects,
        ]


def log_in(browser: requests.Session, url: str, subject: str) -> requests.Response:
    """Go there, log in at the provider as somebody, agree to what it asks, and follow it back; the last answer."""
    answer = browser.get(url, timeout=30)
    for form in ({'prompt': 'login', 'login': subject, 'password': 'any'}, {'prompt': 'consent'}):
        found = _ACTION.search(answer.text)
        if found is not None:  # none where it knows him already, and what he agreed to
            answer = browser.post(urljoin(answer.url, found[1]), form, timeout=30)
    return answer
