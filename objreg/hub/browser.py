"""What a browser keeps and sends by itself: cookies, and from where a request came.

Over https a cookie's name begins with ``__Host-``: a browser takes such a one from this very host over https only, so
nobody on a neighbouring name, nor on the way to an http page, can plant one.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from objreg.http import Request

SESSION = ('__Host-objreg', 'objreg-session')
"""The cookie of a session: over https, and over http."""
SAFE = frozenset({'GET', 'HEAD', 'OPTIONS'})
"""Methods that change nothing."""
_PORTS = {'http': 80, 'https': 443}


def cookie(req: Request, names: tuple[str, str]) -> str:
    """What the browser kept under that name; '' for nothing, and for two: one of them is somebody else's."""
    pairs = [pair.strip().partition('=') for pair in req.environ.get('HTTP_COOKIE', '').split(';')]
    found: list[str] = [value for name, _, value in pairs if name == _name(req, names)]
    return found[0] if len(found) == 1 else ''


def keep(req: Request, names: tuple[str, str], value: str, seconds: int) -> tuple[str, str]:
    """The header by which the browser keeps that, for so long; for 0 seconds it forgets it."""
    secure = '; Secure' if req.environ['wsgi.url_scheme'] == 'https' else ''
    text = f'{_name(req, names)}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}'
    return 'Set-Cookie', text


def forget(req: Request, names: tuple[str, str]) -> tuple[str, str]:
    """The header by which it forgets it."""
    return keep(req, names, '', 0)


def is_own(req: Request, *, unsaid: bool = False) -> bool:
    """Whether a page of this hub sent the request, as browsers say it; `unsaid`: what if nothing says so.

    ``Sec-Fetch-Site`` where the browser sends it, which no page can change; else ``Origin``.
    """
    site = req.environ.get('HTTP_SEC_FETCH_SITE')
    if site is not None:
        return site in ('same-origin', 'none')
    origin = req.environ.get('HTTP_ORIGIN')
    if origin is None:
        return unsaid
    here = f'{req.environ["wsgi.url_scheme"]}://{req.environ.get("HTTP_HOST", "")}'
    return _origin(origin) == _origin(here) is not None


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what is no origin, such as ``null``."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or port is None or parts.path or parts.query or '@' in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port


def _name(req: Request, names: tuple[str, str]) -> str:
    return names[0] if req.environ['wsgi.url_scheme'] == 'https' else names[1]
