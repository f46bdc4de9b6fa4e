"""A server that speaks the Swift API, and a container on it that one test has for itself."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from objreg.drivers.swift import MIB, SwiftStore


@dataclass(frozen=True)
class SwiftServer:
    """How to reach it: options of the `swift` driver."""

    options: dict[str, Any]
    settings: dict[str, str] = field(default_factory=dict)
    """All that its start told."""

    def make_container(self) -> Container:
        """A new, empty one, made as an operator makes it."""
        container = Container(self, f'test-{secrets.token_hex(6)}')
        container.own.setup()
        return container


@dataclass(frozen=True)
class Container:
    """A container of a server, and the one of its segments."""

    server: SwiftServer
    name: str
    more: dict[str, Any] = field(default_factory=lambda: {'part_size': MIB, 'large': '.*'})

    @property
    def options(self) -> dict[str, Any]:
        """What the `swift` driver (a section of ``stores.yml``) takes, with small segments, anywhere."""
        return {**self.plain_options, **self.more}

    @property
    def plain_options(self) -> dict[str, Any]:
        """The same without what is only for tests of the driver."""
        return {'container': self.name, **self.server.options}

    def store(self, **other: Any) -> SwiftStore:
        """A store object on it."""
        return SwiftStore(**{**self.options, **other})

    @cached_property
    def own(self) -> SwiftStore:
        """One by which it is looked at."""
        return self.store()

    def allow_reading(self, user: str) -> None:
        """Let another user read it and list it."""
        self.own.account.ask('POST', self.name, headers={'X-Container-Read': f'{user},.rlistings'})

    def names(self, container: str = '') -> list[str]:
        """All names in it, or in another container."""
        found: list[str] = []
        while lines := self.own.listed(container or self.name, {'marker': found[-1] if found else ''}, ''):
            found += [line['name'] for line in lines]
        return found

    def staying_segments(self) -> list[str]:
        """The segments that do not expire by themselves."""
        name = f'{self.name}_segments'
        return [
            segment for segment in self.names(name)
            if 'x-delete-at' not in self.own.account.ask('HEAD', name, segment).headers
        ]

    def empty(self) -> None:
        """Delete all that is in it."""
        for container in (self.name, f'{self.name}_segments'):
            self.own.delete_names(container, self.names(container))

    def remove(self) -> None:
        """Remove it with all that is in it."""
        self.empty()
        for container in (self.name, f'{self.name}_segments'):
            self.own.account.ask('DELETE', container)
        self.own.close()
