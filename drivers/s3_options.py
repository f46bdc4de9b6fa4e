"""Options of the `s3` driver, converted once; what is wrong with one is a ValueError that begins with its name."""

from __future__ import annotations

from typing import Any

_ENCRYPTIONS = ('AES256', 'aws:kms')


def needed(**options: Any) -> None:
    """Each of these must have been given."""
    for option, value in options.items():
        if not value:
            raise ValueError(f'{option}: needed')


def number(option: str, value: Any, least: float = 1) -> float:
    """A number, at least so large; text (of an environment variable) will do."""
    try:
        converted = float(value)
    except (TypeError, ValueError):
        raise ValueError(f'{option}: {value!r} is not a number') from None
    if not converted >= least:
        raise ValueError(f'{option}: {value} is less than {least}')
    return converted


def flag(option: str, value: Any) -> bool:
    """Yes or no; text will do."""
    known = {'true': True, 'yes': True, 'false': False, 'no': False}
    if str(value).lower() not in known:
        raise ValueError(f'{option}: {value!r} is neither true nor false')
    return known[str(value).lower()]


def written_as(storage_class: str, sse: str) -> dict[str, str]:
    """How objects are written, as boto3 names it."""
    named = {'StorageClass': storage_class} if storage_class else {}
    if not sse:
        return named
    kms_key = sse.removeprefix('aws:kms:') if sse.startswith('aws:kms:') else ''
    method = 'aws:kms' if kms_key else sse
    if method not in _ENCRYPTIONS:
        raise ValueError(f'sse: {sse!r} is not AES256, aws:kms or aws:kms:KEY')
    return {**named, 'ServerSideEncryption': method, **({'SSEKMSKeyId': kms_key} if kms_key else {})}
