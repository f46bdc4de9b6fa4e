"""What becomes of the repositories of an account that ends."""

from __future__ import annotations

from typing import Literal

from objreg.hub import catalog
from objreg.hub.api.call import Call
from objreg.hub.api.problems import Problem

Repositories = Literal['refuse', 'keep']


def refuse_with_repositories(call: Call, namespace: str, repositories: Repositories) -> None:
    """A problem that names some repositories of a namespace, if it has any and they are not to be kept."""
    found = [] if repositories == 'keep' else catalog.some(call.hub.store, namespace)
    if found:
        raise Problem(
            409, 'repositories', f'there are repositories, such as {", ".join(found[:3])}: delete them first, or say '
            'repositories=keep, and they become the administrators\'', repositories=found,
        )
