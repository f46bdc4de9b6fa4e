"""Whether this machine and the server agree on the time, which TempURLs and the expiry of uploads rest on."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from time import time

from objreg.store import Refused

_TOLERATED = 300.0
"""Seconds by which the two may differ; S3 refuses requests at 15 minutes."""


def check_clock(told: str, doing: str) -> None:
    """Raise `Refused` when the time of an answer (its header ``Date``) is far from this machine's."""
    try:
        ahead = time() - parsedate_to_datetime(told).timestamp()
    except ValueError:
        return  # a server that does not say
    if abs(ahead) > _TOLERATED:
        way = 'ahead of' if ahead > 0 else 'behind'
        raise Refused(
            f"{doing}: this machine's clock is {abs(ahead):.0f} s {way} the server's, so that TempURLs end too early or"
            ' too late; set it, by NTP'
        )
