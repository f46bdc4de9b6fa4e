"""``paste.ini``: builds the pipeline that it describes, by Paste Deploy, and says in one line what is wrong with it.

Paste Deploy hands the options of a section to the layer's constructor; what it leaves to chance is settled here: an
option that the layer does not have, a value that it does not take, and a ``store = …`` in a section that
``[DEFAULT]`` has too (Paste Deploy alone would ignore it) all have a clear end, with file, section and option.
"""

from __future__ import annotations

import configparser
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

from paste.deploy.loadwsgi import APP, FILTER, SERVER, ConfigLoader

from objreg.config import ConfigError, ValueInvalid, close_match
from objreg.registry import Registry

_SHARED = ('stores', 'store')
"""What ``[DEFAULT]`` may say, besides names that the file itself uses as ``%(name)s``."""

_KINDS = {'app': APP, 'composite': APP, 'filter': FILTER, 'filter-app': APP, 'pipeline': APP, 'server': SERVER}
_LOGGING = ('loggers', 'handlers', 'formatters', 'logger_root', 'logger', 'handler', 'formatter')
"""Sections that belong to `logging.config`."""


def load(path: str, name: str = 'main') -> WSGIApplication:
    """The application of the section ``[pipeline:main]`` (or whichever is called `name`); nothing is asked of a store.

    Raises `ConfigError`.
    """
    application: WSGIApplication = _context(path, APP, name).create()
    return application


def problems(path: str) -> list[str]:
    """What is wrong with the sections of the file, those that no pipeline uses included; a line each."""
    found: list[str] = []

    def attempt(function: Callable[[], Any]) -> Any:
        try:
            return function()
        except ConfigError as error:
            found.append(str(error))
        return None

    loader = attempt(lambda: _loader(path))
    if loader is None:
        return found
    attempt(loader.check_shared)
    for section in loader.parser.sections():
        kind, _, name = section.partition(':')
        if kind in _KINDS:
            context = attempt(partial(_checked, loader, _KINDS[kind], name))
            made = attempt(context.create) if context is not None and kind != 'server' else None
            if made is not None and kind == 'filter':
                attempt(partial(made, None))
        elif kind not in _LOGGING:
            hint = close_match(kind, _KINDS)
            found.append(f'{path}: [{section}]: there is no such kind of section; {hint}')
    return list(dict.fromkeys(found))


def server_options(path: str, name: str = 'main') -> dict[str, str]:
    """The options of ``[server:main]``; none where the file has no such section.  Raises `ConfigError`."""
    loader = _loader(path)
    if not loader.parser.has_section(f'server:{name}'):
        return {}
    return dict(_context(path, SERVER, name).local_conf)


def layers(application: Any) -> Iterator[Any]:
    """The layers of a pipeline, the outermost first, and the application at its end."""
    while application is not None:
        yield application
        application = getattr(application, 'app', None)


def registries(application: Any) -> list[Registry]:
    """The registries that a pipeline serves, each once."""
    found = {id(registry): registry for layer in layers(application)
             if isinstance(registry := getattr(layer, 'registry', None), Registry)}
    return list(found.values())


def start(application: Any) -> None:
    """Let each registry of the pipeline do what comes before its first request; raises `ConfigError`, `StoreError`."""
    for registry in registries(application):
        registry.start()


def each(application: Any, method: str) -> None:
    """Call `method` of every layer that has one: ``reload`` or ``drain``.

    What one raises keeps none of the others from it, and is raised at the end; of several, the first.
    """
    failed: list[Exception] = []
    for layer in layers(application):
        function = getattr(layer, method, None)
        if function is not None:
            try:
                function()
            except Exception as error:
                failed.append(error)
    if failed:
        raise failed[0]


def _loader(path: str) -> _Loader:
    if not Path(path).is_file():
        raise ConfigError(f'{path}: there is no such file')
    try:
        return _Loader(str(Path(path).resolve()), path)
    except (configparser.Error, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path}: {_one_line(error)}') from error


def _context(path: str, kind: Any, name: str) -> Any:
    loader = _loader(path)
    loader.check_shared()
    return _checked(loader, kind, name)


def _checked(loader: _Loader, kind: Any, name: str) -> Any:
    try:
        return loader.get_context(kind, name)
    except (LookupError, configparser.Error, ImportError, AssertionError) as error:
        raise ConfigError(f'{loader.shown}: {_one_line(error)}') from error


class _Loader(ConfigLoader):
    """Paste Deploy's, whose contexts check their options and tell where an error is."""

    def __init__(self, filename: str, shown: str) -> None:
        super().__init__(filename)
        self.shown = shown

    def check_shared(self) -> None:
        """Raise `ConfigError` for an option of ``[DEFAULT]`` that nothing could use."""
        text = Path(self.filename).read_text(encoding='utf-8')
        for option in self.parser.defaults():
            if option not in (*_SHARED, 'here', '__file__') and f'%({option})s' not in text:
                hint = close_match(option, _SHARED)
                raise ConfigError(f'{self.shown}: [DEFAULT] {option}: there is no such option; {hint}')

    def get_context(self, object_type: Any, name: str | None = None, global_conf: Any = None) -> Any:
        context = super().get_context(object_type, name, global_conf)
        if self.absolute_name(name) or context.object is None:
            return context
        section = self.find_config_section(object_type, name=name)
        self._add_overridden(section, context.local_conf)
        where = f'{self.shown}: [{section}]'
        _check_options(context.object, context.local_conf, where)
        create = context.create
        context.create = lambda: _located(create, context.local_conf, where, is_filter=object_type is FILTER)
        return context

    def _add_overridden(self, section: str, options: dict[str, str]) -> None:
        for option, default in self.parser.defaults().items():
            if option not in options and (own := self.parser.get(section, option)) != default:
                options[option] = own


def _check_options(factory: Callable[..., Any], given: dict[str, str], where: str) -> None:
    parameters = inspect.signature(factory).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    # what is not text cannot come from a file
    known = [name for name, parameter in parameters.items()
             if parameter.kind is parameter.KEYWORD_ONLY and 'str' in str(parameter.annotation)]
    for option in given:
        if option not in known:
            raise ConfigError(f'{where} {option}: there is no such option; {close_match(option, known)}')


def _located(create: Callable[[], Any], options: dict[str, str], where: str, *, is_filter: bool = False) -> Any:
    """What `create` gives; its `ConfigError` with file, section and, where it is known, the option."""
    try:
        made = create()
    except ValueInvalid as error:
        option = next((f' {name}:' for name, value in options.items() if value == error.value), '')
        raise ConfigError(f'{where}{option} {error}') from error
    except ConfigError as error:
        raise (error if error.is_located else ConfigError(f'{where} {error}')) from error
    if not is_filter:
        return made
    return lambda app: _located(lambda: made(app), options, where)


def _one_line(error: Exception) -> str:
    text = str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)
    return ' '.join(text.split())
