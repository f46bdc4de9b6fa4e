"""What the hub knows of repositories: who sees them, and who works on them beside their owners."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from objreg.hub import keys, names, policy, records
from objreg.hub.policy import Role, Visibility
from objreg.hub.records import Collaborator, Namespace, Shown
from objreg.store import Exists, Store


class Repositories:
    """Those of one hub.  `visibility` is that of new ones, where their namespace says nothing else."""

    def __init__(
        self, store: Store, visibility: Visibility = Visibility.PRIVATE, *, now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._visibility = visibility
        self._now = now

    def find(
        self, name: str, *, for_member: bool = True, settings: Namespace | None = None
    ) -> policy.Repository:
        """A repository, whether it exists or not: one read, and one more for what its namespace says.

        The latter is spared where it is given, or nobody is concerned by it: `for_member` is whether a member asks.
        """
        shown = records.find(self._store, keys.visibility(name), Shown)
        if shown and not for_member and settings is None:
            return policy.Repository(name, shown.visibility, is_settled=True)
        settings = settings or self.settings(names.namespace(name))
        visibility = shown.visibility if shown else self.default(names.namespace(name), settings)
        return policy.Repository(name, visibility, Role.of(settings.members), is_settled=bool(shown))

    def default(self, namespace: str, settings: Namespace) -> Visibility:
        """Who sees a new repository of that namespace; of `LIBRARY`, everybody, as nobody owns it."""
        if settings.visibility is not None:
            return settings.visibility
        return Visibility.PUBLIC if namespace == names.LIBRARY else self._visibility

    def settings(self, namespace: str) -> Namespace:
        """What holds in a namespace."""
        return records.find(self._store, keys.namespace(namespace), Namespace) or Namespace()

    def set_settings(self, namespace: str, settings: Namespace) -> None:
        """Replace it.  Repositories that are there stay as visible as they are."""
        self._store.put(keys.namespace(namespace), settings.dump())

    def begin(self, repository: policy.Repository) -> None:
        """Somebody is about to push: from now on it stays as visible as it is, whatever its namespace says later."""
        if repository.is_settled:
            return
        shown = Shown(repository.visibility, int(self._now()))
        with contextlib.suppress(Exists):
            self._store.put(keys.visibility(repository.name), shown.dump(), if_absent=True)

    def show(self, name: str, visibility: Visibility, *, by: str) -> None:
        """Change who sees it."""
        self._store.put(keys.visibility(name), Shown(visibility, int(self._now()), by).dump())

    def collaborator(self, name: str, user: str) -> Role:
        """What he may do with this repository, as a collaborator: one read."""
        found = records.find(self._store, keys.collaborator(name, user), Collaborator)
        return Role.of(found.role) if found else Role.NONE

    def collaborators(self, name: str) -> dict[str, Role]:
        """All of them: one list call, and a read each."""
        prefix = keys.collaborators(name)
        found = [entry.key.removeprefix(prefix) for entry in self._store.list(prefix)]
        return {user: role for user in found if (role := self.collaborator(name, user))}

    def invite(self, name: str, user: str, role: str, *, by: str) -> None:
        """Make him a collaborator."""
        record = Collaborator(role=Role.of(role).name.lower(), at=int(self._now()), by=by)  # type: ignore[arg-type]
        self._store.put(keys.collaborator(name, user), record.dump())

    def dismiss(self, name: str, user: str) -> None:
        """Let him be one no more."""
        self._store.delete([keys.collaborator(name, user)])
