"""What servers of the Swift API do differently, as one table; the driver asks it and never the name of a server.

Both entries are tested against the real server.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """How a server differs from Swift itself."""

    if_none_match: bool = True
    """``If-None-Match: *`` is looked at (though several of many racing writers win); else `if_absent` costs a HEAD."""
    readable_manifests: bool = True
    """A large object tells its segments.  Else those of one that is replaced stay until its key is deleted."""
    whole_copies: bool = True
    """A copy of a large object has bytes of its own.  Else it has the same segments: they are read and written."""
    consistent_list: bool = False
    """A listing shows what was written before it began."""
    key_of_account: bool = False
    """TempURLs are signed with a key of the account, not with one of the container."""
    digests: tuple[str, ...] = ('sha1',)
    """What a TempURL may be signed with, where ``/info`` does not say."""


PRESETS = {
    'swift': Preset(),
    'ceph': Preset(
        if_none_match=False, readable_manifests=False, whole_copies=False, consistent_list=True, key_of_account=True,
    ),
}


def preset(name: str) -> Preset:
    """The preset of that name; ValueError names the ones there are."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f'preset: {name!r} is not one of {", ".join(sorted(PRESETS))}') from None
