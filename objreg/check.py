"""What ``objreg check-config`` looks at: sections, options, secrets, and whether the stores can be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from objreg import pipeline, server, stores
from objreg.config import ConfigError
from objreg.errors import RegistryError
from objreg.store import StoreError


@dataclass
class Found:
    """Lines for people: what is wrong, and what was looked at."""

    problems: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)


def check(path: str, *, offline: bool = False) -> Found:
    """Check the pipeline of that file, its server and its stores; nothing is written but a probe by the store."""
    found = Found(problems=pipeline.problems(path))
    if found.problems:
        return found
    try:
        application = pipeline.load(path)
        server.settings(application, **pipeline.server_options(path))
    except ConfigError as error:
        found.problems.append(f'{path}: [server:main] {error}' if not str(error).startswith(path) else str(error))
        return found
    except StoreError as error:  # of a folder, where bodies are to be kept
        found.problems.append(str(error))
        return found
    names = [getattr(layer, 'name', type(layer).__name__.lower()) for layer in pipeline.layers(application)]
    found.checked.append(f'{path}: {" > ".join(names)}')
    for file in sorted({registry.stores for registry in pipeline.registries(application)}):
        for name in stores.store_names(file):
            _check_store(found, file, name, offline)
    if not offline and not found.problems:  # layers that use a store would only say the same again
        for layer in pipeline.layers(application):
            _check_layer(found, path, layer)
    return found


def _check_store(found: Found, file: str, name: str, offline: bool) -> None:
    try:
        store = stores.load_store(file, name)
        if not offline:
            store.check()
        store.close()
    except ConfigError as error:
        found.problems.append(str(error))
    except StoreError as error:
        found.problems.append(f'{_shown(file)}: [{name}] {str(error).removeprefix(f"{name}: ")}')
    else:
        found.checked.append(f'{_shown(file)}: [{name}] {stores.describe(file, name)}')


def _check_layer(found: Found, path: str, layer: Any) -> None:
    function = getattr(layer, 'check', None)
    if function is None:
        return
    try:
        function()
    except (ConfigError, StoreError, RegistryError, OSError) as error:
        found.problems.append(f'{path}: [{type(layer).__name__.lower()}] {error}')


def _shown(file: str) -> str:
    """The path as short as it can be said from here."""
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file
