"""What this hub says to itself through a browser: signed by its keys, so that any node reads what another one wrote.

Each purpose has an issuer and an audience of its own.  So nothing that was sealed for one counts for another one, no
access token counts here, and nothing from here counts at a registry (CVE-2026-123710's class).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from objreg.auth.tokens import TokenInvalid, Tokens
from objreg.hub.signing import ALGORITHMS, Signing

LEEWAY = 60
"""Seconds by which the clocks of nodes may differ."""
URN = 'urn:objreg:'


class Sealed:
    """Texts of one purpose."""

    def __init__(self, signing: Signing, purpose: str, *, now: Callable[[], float] = time.time) -> None:
        self._signing = signing
        self._name = URN + purpose
        self._now = now
        self._tokens = Tokens(signing, self._name, self._name, list(ALGORITHMS), LEEWAY)

    def seal(self, claims: dict[str, Any], seconds: int) -> str:
        """A JWT with these claims, good for so long."""
        now = int(self._now())
        named = {'iss': self._name, 'aud': self._name, 'iat': now, 'exp': now + seconds}
        return self._signing.sign({**claims, **named})

    def open(self, text: str) -> dict[str, Any] | None:
        """What it says; None if this hub did not seal it for this purpose, or it is over."""
        try:
            return self._tokens.claims(text)
        except TokenInvalid:
            return None
