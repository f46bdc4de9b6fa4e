"""What S3 servers do differently, as one table; the `s3` driver asks it and never the name of a server.

`ceph` and `swift` are tested against the real server; the others say what their makers document, on the careful side
where they are silent.  Any entry can be overridden in ``stores.yml`` where the driver has an option of that name.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024**2
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Preset:
    """How a server differs from the plainest one that could still serve."""

    endpoint: str | None = None
    """Where it is, with ``{region}`` in it where that matters; empty: boto3 knows; None: `endpoint` is needed."""
    region: str = 'us-east-1'
    """What requests are signed for, unless the option `region` says it."""
    addressing: str = 'path'
    """Whether the bucket is part of the path or of the host's name."""
    conditional_put: bool = False
    """``If-None-Match: *`` is atomic: of many racing writers exactly one wins."""
    if_none_match: bool = False
    """``If-None-Match: *`` is honoured, atomically or not; otherwise `if_absent` costs a HEAD."""
    max_copy: int | None = 5 * GIB
    """The largest object that CopyObject takes, in bytes; None: as large as objects get."""
    part_copy: bool = True
    """UploadPartCopy works, for what CopyObject does not take."""
    delete_many: int = 1000
    """How many keys a DeleteObjects takes; 1: it is not there."""
    max_parts: int = 10_000
    """How many parts a multipart upload may have."""
    consistent_list: bool = True
    """A listing shows what was written before it began."""


PRESETS = {
    # no region: boto3 takes that of its environment, and follows the bucket
    'aws': Preset(endpoint='', region='', addressing='virtual', conditional_put=True, if_none_match=True),
    # copies share the bytes, at any size
    'ceph': Preset(conditional_put=True, if_none_match=True, max_copy=None),
    'minio': Preset(conditional_put=True, if_none_match=True),
    # copies are rewrites at any size; multi-object delete and part copies are not in its XML API
    'gcs': Preset(
        endpoint='https://storage.googleapis.com', region='auto', max_copy=None, part_copy=False, delete_many=1
    ),
    'qiniu': Preset(endpoint='https://s3.{region}.qiniucs.com', region='cn-east-1'),
    # path style is denied
    'oss': Preset(
        endpoint='https://s3.oss-{region}.aliyuncs.com', region='cn-hangzhou', addressing='virtual', max_copy=GIB
    ),
    'r2': Preset(region='auto', conditional_put=True, if_none_match=True),
    # s3api: If-None-Match is looked at, but of several racing writers several win; max_upload_part_num is 1,000
    'swift': Preset(if_none_match=True, max_parts=1000, consistent_list=False),
}


def preset(name: str) -> Preset:
    """The preset of that name; ValueError names the ones there are."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f'preset: {name!r} is not one of {", ".join(sorted(PRESETS))}') from None
