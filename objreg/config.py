"""Options as operators write them in ``paste.ini`` and ``stores.yml``: sizes, times, networks, yes and no."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SIZES = {'': 1, 'b': 1}
for _power, _unit in enumerate('kmgt', start=1):
    _SIZES |= {_unit: 1000**_power, f'{_unit}b': 1000**_power, f'{_unit}ib': 1024**_power}

_SECONDS = {
    '': 1, 's': 1, 'sec': 1, 'second': 1, 'm': 60, 'min': 60, 'minute': 60, 'h': 3600, 'hour': 3600, 'd': 86400,
    'day': 86400,
}
_SECONDS |= {f'{_unit}s': _seconds for _unit, _seconds in _SECONDS.items() if len(_unit) > 1}

_MEASURE = re.compile(r'([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([a-z]*)')

_YES = ('1', 'true', 'yes', 'on')
_NO = ('0', 'false', 'no', 'off')


class ConfigError(Exception):
    """The configuration cannot be used; the message is for the operator, and names the option where it is known.

    `is_located`: it names file and section too.
    """

    def __init__(self, message: str, *, is_located: bool = False) -> None:
        super().__init__(message)
        self.is_located = is_located


class ValueInvalid(ConfigError):
    """An option's value is not of its form; `value` is that value, as it was given."""

    def __init__(self, message: str, value: object) -> None:
        super().__init__(message)
        self.value = value


def _measure(value: str | float, units: dict[str, int], example: str) -> float:
    match = _MEASURE.fullmatch(str(value).strip().lower())
    if match is None or match[2] not in units:
        raise ValueInvalid(f'{value!r} is not like {example}', value)
    return float(match[1]) * units[match[2]]


def as_size(value: str | int) -> int:
    """Bytes (or a plain count): ``4096``, ``10 MiB``, ``5GB``."""
    return int(value) if isinstance(value, int) else int(_measure(value, _SIZES, '10 MiB'))


def as_seconds(value: str | float) -> float:
    """Seconds: ``0.5``, ``90``, ``5 min``, ``7 days``."""
    return _measure(value, _SECONDS, '90, 5 min or 7 days')


def as_bool(value: str | bool) -> bool:
    """Yes or no, in the words that ini files know."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _YES + _NO:
        raise ValueInvalid(f'{value!r} is none of true, false, yes, no, on, off', value)
    return word in _YES


def as_list(value: str | Iterable[str]) -> list[str]:
    """Words that are separated by white space or commas, or a list (YAML)."""
    words = re.split(r'[\s,]+', value) if isinstance(value, str) else value
    return [word for word in words if word]


def as_networks(value: str | Iterable[str]) -> list[Network]:
    """IP networks and addresses: ``10.0.0.0/8 127.0.0.1 ::1``."""
    networks = []
    for word in as_list(value):
        try:
            networks.append(ipaddress.ip_network(word))
        except ValueError as error:
            raise ValueInvalid(f'{word!r} is no network: {error}', value) from error
    return networks


def close_match(word: str, known: Iterable[str]) -> str:
    """What to add to "there is no …": a hint at the word that was meant, or at all there are."""
    known = sorted(known)
    meant = difflib.get_close_matches(word, known, n=1)
    if meant:
        return f'did you mean {meant[0]!r}?'
    return f'there is {", ".join(known)}' if known else 'there is none at all'
