"""A container of Azure's Blob Storage that one test has for itself."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from azure.storage.blob import generate_container_sas

from objreg.drivers.azure import MIB, AzureStore


@dataclass(frozen=True)
class AzureContainer:
    """Its name, and how to reach its account: options of the `azure` driver."""

    name: str
    of_account: dict[str, Any]

    @classmethod
    def made(cls, of_account: dict[str, Any]) -> AzureContainer:
        """A new, empty one, made as an operator makes it."""
        container = cls(f'test-{secrets.token_hex(6)}', of_account)
        assert container.own.setup() != []
        return container

    @property
    def plain_options(self) -> dict[str, Any]:
        """What the `azure` driver (a section of ``stores.yml``) takes."""
        return {'container': self.name, **self.of_account}

    @property
    def options(self) -> dict[str, Any]:
        """The same with small parts, for tests of the driver."""
        return {**self.plain_options, 'part_size': MIB}

    def store(self, **other: Any) -> AzureStore:
        """A store object on it."""
        return AzureStore(**{**self.options, **other})

    @cached_property
    def own(self) -> AzureStore:
        """One by which it is looked at."""
        return self.store()

    def signature(self, permission: str) -> str:
        """A SAS for it, valid for an hour: ``rl`` reads and lists."""
        return generate_container_sas(
            self.of_account['account'], self.name, self.of_account['account_key'], permission=permission,
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )

    @contextlib.contextmanager
    def using(self, **other: Any) -> Iterator[AzureStore]:
        """The same, closed at the end."""
        with contextlib.closing(self.store(**other)) as store:
            yield store

    def names(self, *more: str) -> list[str]:
        """The names of all blobs in it, with `more` of those that listings do not show."""
        return [blob.name for blob in self.own.account.container.list_blobs(include=list(more))]

    def empty(self) -> None:
        """Delete all that listings show."""
        self.own.delete(self.names())

    def remove(self) -> None:
        """Remove it with all that is in it."""
        self.own.account.container.delete_container()
        self.own.close()
