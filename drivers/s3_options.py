"""Options of the `s3` driver; what is wrong with one is a ValueError that begins with its name."""

from __future__ import annotations

_ENCRYPTIONS = ('AES256', 'aws:kms')


def addressing(style: str) -> str:
    """How requests name the bucket."""
    if style not in ('path', 'virtual', 'auto'):
        raise ValueError(f'addressing: {style!r} is not path, virtual or auto')
    return style


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
