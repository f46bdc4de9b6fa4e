"""``stores.yml``: which stores there are, by name.

Each is a section with its ``driver`` and the options of that driver (docs/configuration.md), and two that all have::

    default:
      driver: s3
      preset: ceph
      endpoint: https://rgw.example.net
      bucket: ${BUCKET:-registry}
      access_key: ${S3_ACCESS_KEY}
      secret_key_file: /run/secrets/s3
      retry:
        attempts: 4
      cache:
        memory: 64 MiB

``${NAME}`` is taken from the environment, and ``${NAME:-text}`` says what it is when it is not set; ``${here}`` is the
folder of the file.  ``<option>_file`` names a file that holds the value of an option.  Around each driver lie the
stores that time its calls, make them again (``retry``, `objreg.wrap.retry`) and remember small objects (``cache``,
`objreg.wrap.cache`); the last two take ``false``.

Some drivers are stores around others (``prefix``, ``split``, …), which they name; those are timed and tried again each
by itself, and only the outermost one has a cache.
"""

from __future__ import annotations

import inspect
import os
import re
import types
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml

from objreg.config import ConfigError, as_bool, as_seconds, as_size, close_match
from objreg.store import Store
from objreg.wrap.cache import CachedStore
from objreg.wrap.retry import Policy, RetryingStore
from objreg.wrap.timing import TimedStore

Made = TypeVar('Made')

_VARIABLE = re.compile(r'\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}')
_UNSAID = object()
_COMMON = ('cache', 'driver', 'retry')
_SHOWN = (
    'path', 'preset', 'account', 'bucket', 'container', 'prefix', 'endpoint', 'auth_url', 'region', 'store', 'second',
    'names', 'blobs',
)
_CACHE = {'memory': as_size, 'seconds': as_seconds, 'tag_seconds': as_seconds}
_RETRY = {'attempts': as_size, 'pause': as_seconds, 'longest_pause': as_seconds, 'seconds': as_seconds}


def load_store(path: str, name: str) -> Store:
    """The store that the file at `path` calls `name`, wrapped; nothing is asked of it yet.  Raises `ConfigError`."""
    section = _section(path, name)
    store = _load(path, name, ())
    cache = section.get('cache', _UNSAID)
    if cache is _UNSAID:
        # several processes serve a folder, and each would show for a while what another deleted, to save microseconds
        cache = not store.capabilities.local
    caching = _switch(substituted(cache, f'{path}: [{name}] cache', _folder(path)), _CACHE, f'{path}: [{name}] cache')
    return store if caching is None else CachedStore(store, **caching)


def _load(path: str, name: str, within: tuple[str, ...]) -> Store:
    """The store without a cache; `within` are the names of those around it."""
    if name in within:
        raise ConfigError(f'{path}: [{within[-1]}]: {" > ".join((*within, name))} is a circle')
    section = _section(path, name)
    where = f'{path}: [{name}]'
    options = {
        option: substituted(value, f'{where} {option}', _folder(path))
        for option, value in section.items() if option != 'cache'
    }
    retry = options.pop('retry', _UNSAID)
    driver = _driver(options.pop('driver', ''), where)
    around = [option for option, given in _parameters(driver).items() if given.annotation is Store]
    for option in around:
        if option in options:
            options[option] = _load_inner(path, options[option], f'{where} {option}', (*within, name))
    made = _made(driver, options, where)
    made.name = name
    is_driver = not around or made.has_server
    store: Store = TimedStore(made) if is_driver else made
    store.name = name
    retrying = _switch(is_driver if retry is _UNSAID else retry, _RETRY, f'{where} retry')
    return store if retrying is None else RetryingStore(store, _tried(lambda: Policy(**retrying), f'{where} retry'))


def _load_inner(path: str, name: Any, where: str, within: tuple[str, ...]) -> Store:
    if not isinstance(name, str):
        raise ConfigError(f'{where}: {name!r} is not the name of a store')
    known = _sections(path)
    if name not in known:
        raise ConfigError(f'{where}: there is no store {name!r}; {close_match(name, known)}')
    return _load(path, name, within)


def _parameters(driver: Callable[..., Store]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(driver, eval_str=True).parameters


def describe(path: str, name: str) -> str:
    """The store of that name in a few words, none of them secret: ``s3 bucket=registry endpoint=…``."""
    section = _section(path, name)
    shown = {option: section[option] for option in _SHOWN if option in section}
    said = [f'{option}={substituted(value, option, _folder(path))}' for option, value in shown.items()]
    return ' '.join([str(section.get('driver', '')), *said])


def store_names(path: str) -> list[str]:
    """The stores of the file."""
    return sorted(_sections(path))


def _folder(path: str) -> str:
    return os.path.dirname(os.path.abspath(path))


def _sections(path: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise ConfigError(f'{path}: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path}: not YAML: {" ".join(str(error).split())}') from error
    if not isinstance(document, dict) or not all(isinstance(name, str) for name in document):
        raise ConfigError(f'{path}: a section for each store is needed, with its options')
    return document


def _section(path: str, name: str) -> dict[str, Any]:
    sections = _sections(path)
    if name not in sections:
        raise ConfigError(f'{path}: there is no store {name!r}; {close_match(name, sections)}')
    section = sections[name]
    if not isinstance(section, dict) or not all(isinstance(option, str) for option in section):
        raise ConfigError(f'{path}: [{name}] needs options, at least driver')
    return section


def substituted(value: Any, where: str, here: str) -> Any:
    """The value with its variables replaced, in all depths; raises `ConfigError`, which begins with `where`."""
    if isinstance(value, dict):
        return {key: substituted(inner, f'{where}.{key}', here) for key, inner in value.items()}
    if not isinstance(value, str):
        return value

    def replacement(found: re.Match[str]) -> str:
        variable, default = found.groups()
        given = here if variable == 'here' else os.environ.get(variable, default)
        if given is None:
            raise ConfigError(f'{where}: the environment variable {variable} is not set')
        return given

    return _VARIABLE.sub(replacement, value)


def drivers() -> dict[str, EntryPoint]:
    """The drivers that are installed, by name."""
    return {point.name: point for point in entry_points(group='objreg.drivers')}


def _driver(name: Any, where: str) -> Callable[..., Store]:
    known = drivers()
    if not name:
        raise ConfigError(f'{where} driver: needed; there is {", ".join(sorted(known))}')
    if not isinstance(name, str) or name not in known:
        raise ConfigError(f'{where} driver: there is no {name!r}; {close_match(str(name), known)}')
    try:
        driver: Callable[..., Store] = known[name].load()
    except ImportError as error:
        hint = ''.join(f"; pip install 'objreg[{extra}]'" for extra in known[name].extras)
        raise ConfigError(f'{where} driver: {name} needs what is not installed: {error}{hint}') from error
    return driver


def _made(driver: Callable[..., Store], options: dict[str, Any], where: str) -> Store:
    """The driver with its options, each of the type that its signature says."""
    parameters = _parameters(driver)
    converted: dict[str, Any] = {}
    for given, value in options.items():
        if isinstance(value, Store):
            converted[given] = value
            continue
        in_file = given not in parameters and given.endswith('_file')
        option = given.removesuffix('_file') if in_file else given
        if option not in parameters:
            hint = close_match(option, [*parameters, *_COMMON])
            raise ConfigError(f'{where} {given}: there is no such option; {hint}')
        text = content_of(value, f'{where} {given}') if in_file else value
        converted[option] = _as(parameters[option].annotation, text, f'{where} {given}')
    for option, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and option not in converted:
            raise ConfigError(f'{where} {option}: needed')
    return _tried(lambda: driver(**converted), where)


def _tried(make: Callable[[], Made], where: str) -> Made:
    try:
        return make()
    except ValueError as error:  # begins with the option
        raise ConfigError(f'{where} {error}') from error


def content_of(path: Any, where: str) -> str:
    """What a file says, without white space around it; raises `ConfigError`, which begins with `where`."""
    try:
        return Path(path).read_text(encoding='utf-8').strip()
    except (OSError, UnicodeDecodeError, TypeError) as error:
        raise ConfigError(f'{where}: {path}: {getattr(error, "strerror", None) or error}') from error


def _as(annotation: Any, value: Any, where: str) -> Any:
    """The value as what an option is: text, yes or no, a number or size, or seconds (a float)."""
    wanted = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    if value is None:
        raise ConfigError(f'{where}: has no value')
    try:
        for kind, convert in ((bool, as_bool), (int, as_size), (float, as_seconds)):
            if kind in wanted:
                return convert(value)
    except (ConfigError, AttributeError, TypeError) as error:
        raise ConfigError(f'{where}: {error}') from error
    if not isinstance(value, str | int | float):
        raise ConfigError(f'{where}: {value!r} is not text')
    return str(value)


def _switch(value: Any, known: Mapping[str, Callable[[Any], Any]], where: str) -> dict[str, Any] | None:
    """What is said of ``retry`` or ``cache``: true, false, or options; None when it is off."""
    if not isinstance(value, dict):
        try:
            return {} if as_bool(value) else None
        except (ConfigError, AttributeError) as error:
            raise ConfigError(f'{where}: {value!r} is neither true, false nor options') from error
    options = {}
    for option, text in value.items():
        if option not in known:
            raise ConfigError(f'{where}.{option}: there is no such option; {close_match(str(option), known)}')
        try:
            options[option] = known[option](text)
        except (ConfigError, TypeError) as error:
            raise ConfigError(f'{where}.{option}: {error}') from error
    return options
