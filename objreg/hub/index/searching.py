"""``/v1/search``, which ``docker search`` and ``podman search`` ask to this day."""

from __future__ import annotations

from objreg.http import Request, Response
from objreg.hub.index.asking import Asking
from objreg.hub.search import Reader, Search
from objreg.v1.answers import answer
from objreg.v1.errors import V1Error
from objreg.v1.routes import RouteV1

_USUAL, _MOST = 25, 100
_LAST_PAGE = 1000
_LONGEST = 200


class Searching:
    """Answers by whatever `Search` finds."""

    def __init__(self, search: Search, asking: Asking) -> None:
        self._search = search
        self._asking = asking

    def find(self, req: Request, route: RouteV1) -> Response:
        """A page of what who asks may pull from; no number tells of anything else."""
        asker = self._asking.who(req, bearer=True)
        also = asker.token.repository if asker.token and asker.token.may('pull', asker.token.repository) else ''
        words = req.GET.get('q', '')[:_LONGEST]
        limit, page = min(_number(req, 'n', _USUAL), _MOST), min(_number(req, 'page', 1), _LAST_PAGE)
        found = self._search.find(words, Reader(asker.identity, also, asker.is_open), limit, page)
        return answer({
            'query': words, 'num_results': found.total, 'num_pages': page + found.more, 'page': page,
            'page_size': limit, 'results': [{
                'name': one.name, 'description': one.description, 'star_count': one.star_count,
                'is_official': one.is_official, 'is_automated': False, 'is_trusted': False,
            } for one in found.results],
        })


def _number(req: Request, name: str, usual: int) -> int:
    text = req.GET.get(name, '') or str(usual)
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise V1Error(400, f'{name} is not a number from 1')
    return int(text[:9])
