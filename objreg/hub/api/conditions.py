"""``ETag``, ``If-None-Match`` and ``If-Match`` (RFC 9110 section 13): of what an answer says, whoever made it.

``If-Match`` keeps somebody from overwriting what he has not seen: it is compared with what is there when the request
comes.  No store here compares and writes in one step, so of two who do so in the very same moment both may pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from objreg.http import Request
from objreg.hub.api.problems import Problem


def tag_of(body: bytes) -> str:
    """The validator of an answer."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_known(req: Request, tag: str) -> bool:
    """Whether who asks has that answer."""
    return _names(req.environ.get('HTTP_IF_NONE_MATCH', ''), tag, weakly=True)


def check_match(req: Request, current: Callable[[], bytes | None]) -> None:
    """Raise 412 if the request is for something else than what `current` gives; None there is nothing."""
    asked = req.environ.get('HTTP_IF_MATCH')
    if asked is None:
        return
    body = current()
    if body is None or not _names(asked, tag_of(body), weakly=False):
        raise Problem(412, 'changed', 'it is not what it was: look at it again')


def _names(header: str, tag: str, *, weakly: bool) -> bool:
    given = [one.strip() for one in header.split(',')]
    return '*' in given or any((one.removeprefix('W/') if weakly else one) == tag for one in given)
