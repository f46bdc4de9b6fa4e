"""What an import took, and what it could not take and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

from objreg.errors import RegistryError
from objreg.store import Damaged, NotFound, StoreError

_PATIENCE = 20
"""Failures of a store, with nothing that works between them, after which it is taken to be away."""


class NotTaken(Exception):
    """Something cannot be taken; the text says why."""


class Left(NamedTuple):
    """What was not taken, in words of the registry that it is from, and why."""

    what: str
    why: str


@dataclass
class Report:
    """Counts; objects of many threads add to it."""

    dry_run: bool = False
    repositories: int = 0
    """Those that were looked at."""
    manifests: int = 0
    images: int = 0
    """Of the first version of the API."""
    tags: int = 0
    blobs: int = 0
    bytes: int = 0
    """Of blobs that were copied."""
    on_server: int = 0
    """Of these, how many the stores copied by themselves."""
    present: int = 0
    """Manifests that were here already."""
    kept: list[str] = field(default_factory=list)
    """Tags that stay as they are here, since somebody has moved them here."""
    notes: list[str] = field(default_factory=list)
    """What an operator has to do himself."""
    left: list[Left] = field(default_factory=list)
    seconds: float = 0.0
    on_change: Callable[[Report], None] = field(default=lambda report: None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)
    _failures: int = 0

    def count(self, **more: int) -> None:
        """Add to these fields."""
        with self._lock:
            for name, number in more.items():
                setattr(self, name, getattr(self, name) + number)
            if 'repositories' not in more:
                self._failures = 0
        self.on_change(self)

    def keep(self, tag: str) -> None:
        """A tag stays."""
        with self._lock:
            self.kept.append(tag)

    def note(self, line: str) -> None:
        """Something for the operator."""
        with self._lock:
            self.notes.append(line)

    def leave(self, what: str, why: str) -> None:
        """Something cannot be taken."""
        with self._lock:
            self.left.append(Left(what, why))

    @contextmanager
    def taking(self, what: str) -> Iterator[None]:
        """Report what fails within as not taken, and go on; a store that fails always ends it."""
        try:
            yield
        except (NotTaken, RegistryError, NotFound, Damaged) as error:
            self.leave(what, reason(error))
        except StoreError as error:
            with self._lock:
                self._failures += 1
                if self._failures >= _PATIENCE:
                    raise
            self.leave(what, reason(error))

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        shown = {name: value for name, value in vars(self).items() if not name.startswith(('_', 'on_change'))}
        left = [one._asdict() for one in sorted(self.left)]
        return {**shown, 'kept': sorted(self.kept), 'left': left, 'seconds': round(self.seconds, 1)}


def reason(error: Exception) -> str:
    """Why something was not taken, in a sentence."""
    if isinstance(error, RegistryError):
        detail = error.detail
        if isinstance(detail, dict):
            detail = ', '.join(f'{key} {value}' for key, value in detail.items())
        return f'{error.message}: {detail}' if detail else error.message
    if isinstance(error, NotFound):
        return f'there is no {error}'
    return str(error)
