"""A hub by which people log in at a provider that runs in the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from objreg.hub import outbound
from tests.browsers import Browser
from tests.hubs import Site
from tests.openid import OpenId, logins


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> OpenId:
    made = OpenId()
    monkeypatch.setattr(outbound, 'ask', made.ask)
    return made


@pytest.fixture
def site(tmp_path: Path, provider: OpenId) -> Site:
    """Whoever the provider knows has an account, and its groups mean something."""
    site = Site(tmp_path, hub=logins(
        tmp_path, teams={'platform': 'acme/core', 'staff': 'acme', 'both': ['acme/core', 'acme/ops']},
        administrators='hub-admins',
    ))
    site.user('olga')
    site.organisation('acme', 'olga')
    for team in ('core', 'ops'):
        site.hub.organisations.add_team('acme', team, by='olga')
    return site


@pytest.fixture
def browser(site: Site) -> Browser:
    return Browser(site)
