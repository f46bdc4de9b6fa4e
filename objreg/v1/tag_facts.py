"""What is said of a tag besides its image: when it was pushed, and by what.

A client of the first version tells that by its ``User-Agent``; of one of the second the image's JSON tells some of it.
"""

from __future__ import annotations

import re
import time
from typing import Any

import msgspec

from objreg import keys
from objreg.errors import ManifestUnknown
from objreg.repository import Repository
from objreg.store import NotFound
from objreg.v1.call import Call
from objreg.v1.from_v2 import NoImages

_WORD = re.compile(r'([a-z_-]{1,32})/(\S{1,128})', re.ASCII)
_NAMES = {'docker': 'docker_version', 'go': 'docker_go_version', 'arch': 'arch', 'kernel': 'kernel', 'os': 'os'}


class TagFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What told it: the digest that the tag named then, and the facts."""

    digest: str
    at: int
    facts: dict[str, str]


def note(call: Call, tag: str) -> None:
    """Keep what the client says of itself, for a tag that it just pushed."""
    repository = call.view.registry.repository(call.route.name)
    found = {_NAMES[name]: value for name, value in _WORD.findall(call.req.user_agent or '') if name in _NAMES}
    for name in ('arch', 'os', 'kernel'):
        if name in found:
            found[name] = found[name].lower()
    put(repository, tag, TagFacts(str(repository.tagged(tag).digest), int(time.time()), found))


def put(repository: Repository, tag: str, facts: TagFacts) -> None:
    """Keep that of a tag, in the place of what was said before."""
    repository.store.put(keys.tag_facts(repository.name, tag), msgspec.json.encode(facts))


def facts_of(call: Call, tag: str) -> dict[str, Any]:
    """In the form of the first version; of what is not there, nothing is known."""
    repository = call.view.registry.repository(call.route.name)
    facts: dict[str, Any] = {
        'last_update': None, 'docker_version': None, 'docker_go_version': None, 'arch': 'amd64', 'os': 'linux',
        'kernel': None,
    }
    try:
        digest = str(repository.tagged(tag).digest)
    except ManifestUnknown:
        return facts
    noted = _noted(repository, tag)
    if noted is not None and noted.digest == digest:
        return {**facts, 'last_update': noted.at, **noted.facts}
    times = [keys.history_time(entry.key) for entry in repository.store.list(keys.history_of(repository.name, tag))]
    if times:
        facts['last_update'] = max(times) // 10**9
    try:
        document = call.view.of_tag(repository, tag).document()
    except (ManifestUnknown, NoImages):
        return facts
    found = {'docker_version': 'docker_version', 'architecture': 'arch', 'os': 'os'}
    return facts | {
        ours: document[theirs] for theirs, ours in found.items() if isinstance(document.get(theirs), str)
    }


def _noted(repository: Repository, tag: str) -> TagFacts | None:
    try:
        return msgspec.json.decode(repository.store.read(keys.tag_facts(repository.name, tag)), type=TagFacts)
    except (NotFound, msgspec.DecodeError):
        return None
