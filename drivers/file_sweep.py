"""What processes that died left in the staging folder of the `file` driver: found, and deleted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from objreg.drivers.file_root import STAGING, Root


def sweep(root: Root, before: float) -> int:
    """Delete what was last written before that time, seconds since the epoch; how many files it was."""
    count = 0
    for entry in _entries(f'{root.path}/{STAGING}'):
        with contextlib.suppress(FileNotFoundError):  # somebody finished it meanwhile
            inside = [*_entries(entry.path)] if entry.is_dir(follow_symlinks=False) else []
            if any(one.stat(follow_symlinks=False).st_mtime >= before for one in (entry, *inside)):
                continue
            if entry.is_dir(follow_symlinks=False):
                root.drop_folder(f'{STAGING}/{entry.name}')
                count += len(inside)
            else:
                root.drop(f'{STAGING}/{entry.name}')
                count += 1
    return count


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from found
    except FileNotFoundError:
        return
