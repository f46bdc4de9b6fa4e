"""The operating system as the `file` driver sees it: watched, made to fail, or stopped with the process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from objreg.drivers import file, file_copy, file_list, file_root, file_upload
from objreg.testing.faults import Stop

_MODULES = (file, file_copy, file_list, file_root, file_upload)


def tree(root: str | Path) -> list[str]:
    """All that is in a folder, directories too."""
    return sorted(
        os.path.relpath(os.path.join(folder, name), root)
        for folder, folders, files in os.walk(root) for name in (*folders, *files)
    )


class System:
    """Stands in the place of the module `os`."""

    WATCHED = frozenset({
        'open', 'write', 'fsync', 'replace', 'rename', 'link', 'unlink', 'mkdir', 'makedirs', 'rmdir', 'truncate',
        'listdir', 'copy_file_range', 'sendfile', 'pread', 'read', 'readlink', 'lseek',
    })

    def __init__(self, stop_at: int = 0) -> None:
        self.made: list[str] = []
        self.answers: dict[str, OSError | int] = {}
        """What calls return or raise, in place of doing anything."""
        self.replaced: dict[str, Callable[..., Any]] = {}
        """What is called in their place, with the real one as its first argument."""
        self.is_stopped = False
        self._stop_at = stop_at

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return (lambda *args, **named: self._call(name, real, args, named)) if name in self.WATCHED else real

    def _call(self, name: str, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self.made.append(name)
        if self.is_stopped or len(self.made) == self._stop_at:
            self.is_stopped = True
            raise Stop(name)
        answer = self.answers.get(name)
        if isinstance(answer, OSError):
            raise answer
        if answer is not None:
            return answer
        return self.replaced[name](real, *args, **named) if name in self.replaced else real(*args, **named)


@contextlib.contextmanager
def system(stop_at: int = 0) -> Iterator[System]:
    """A block in which the driver gets its system from here; with `stop_at` the process ends at the call so numbered.

    Once it has ended, no call does anything, so that no tidying up hides what a real end would leave.
    """
    watched = System(stop_at)
    _give(watched)
    try:
        with contextlib.suppress(*([Stop] if stop_at else [])):
            yield watched
    finally:
        _give(os)


def _give(system: object) -> None:
    for module in _MODULES:
        vars(module)['os'] = system
