"""How the first version of the API spells the names of repositories.

It knows a namespace and a name, and a name alone is in the namespace ``library``.  So ``NAME`` of the second version is
``library/NAME`` of the first, and either spelling is understood; more components than two are one name whose slashes
are quoted where a slash would mean something else.  What the second version calls ``library/NAME`` is another
repository than its ``NAME``, and has no name in the first.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from objreg.errors import NameInvalid
from objreg.hub.names import LIBRARY
from objreg.names import check_name
from objreg.v1.errors import V1Error

_LIBRARY = f'{LIBRARY}/'


def from_path(name: str) -> str:
    """The name that the second version knows, of one in a path (decoded); raises 400."""
    rest = name.removeprefix(_LIBRARY)
    try:
        return check_name(name if '/' in rest else rest)
    except NameInvalid as error:
        raise V1Error(400, 'Invalid repository name') from error


def from_token(text: str) -> str:
    """The same, of one that `to_token` made; raises 400."""
    return from_path(unquote(text))


def to_token(name: str) -> str:
    """As it is written in a token: ``library/app``, ``team/app``, ``team/a%2Fb``."""
    namespace, slash, rest = name.partition('/')
    return f'{namespace}/{quote(rest, safe="")}' if slash else _LIBRARY + namespace
