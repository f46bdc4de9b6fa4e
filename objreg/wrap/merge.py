"""One page of the listings of several stores."""

from __future__ import annotations

from collections.abc import Sequence

from objreg.store import Entry, Page


def merged(pages: Sequence[Page], limit: int) -> Page:
    """The beginning of all those pages together, in order; where several have a key, the entry of the first counts.

    Each is a page of its store for the same question.  Of a store that has more than it shows here, nothing is known
    beyond its last entry, and so nothing beyond is taken from the others.
    """
    found: dict[str, Entry] = {}
    for page in pages:
        for entry in page.entries:
            found.setdefault(entry.key, entry)
    ends = [page.entries[-1].key for page in pages if page.more and page.entries]
    entries = sorted(found.values())  # code points sort as their UTF-8 does
    if ends:
        end = min(ends)
        entries = [entry for entry in entries if entry.key <= end]
    return Page(entries[:limit], bool(ends) or len(entries) > limit)
