"""What S3 servers do differently, as one table; the `s3` driver asks it and never the name of a server.

`ceph` and `swift` are tested against the real server; the others say what their makers document.  The defaults are the
careful side, for where they are silent.  Any entry can be overridden in ``stores.yml`` where the driver has an option
of that name.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024**2
GIB = 1024**3
_5_GB = 5 * 10**9
"""What "5 GB" is at least."""


@dataclass(frozen=True, slots=True)
class Preset:
    """How a server differs from the plainest one that could still serve."""

    endpoint: str | None = None
    """Where it is, with ``{region}`` in it where that matters; empty: boto3 knows; None: `endpoint` is needed."""
    region: str | None = 'us-east-1'
    """What requests are signed for, unless the option says it; empty: boto3 knows; None: the option is needed."""
    addressing: str = 'path'
    """Whether the bucket is part of the path or of the host's name."""
    conditional_put: bool = False
    """``If-None-Match: *`` is atomic: of many racing writers exactly one wins."""
    if_none_match: bool = False
    """``If-None-Match: *`` is honoured, atomically or not; otherwise `if_absent` costs a HEAD."""
    content_md5: bool = True
    """A body carries its MD5, since nobody says that the server checks the SHA-256 that the signature carries."""
    max_put: int = _5_GB
    """The largest object that PutObject takes, in bytes."""
    max_copy: int | None = _5_GB
    """The largest object that CopyObject takes, in bytes; None: as large as objects get."""
    part_copy: bool = True
    """UploadPartCopy works, for what CopyObject does not take."""
    delete_many: int = 1000
    """How many keys a DeleteObjects takes; 1: it is not there."""
    max_parts: int = 10_000
    """How many parts a multipart upload may have."""
    list_v2: bool = True
    """ListObjectsV2 is there, with ``start-after``; otherwise ListObjects is asked."""
    consistent_list: bool = False
    """A listing shows what was written before it began."""


PRESETS = {
    # no region: boto3 takes that of its environment, and follows the bucket
    'aws': Preset(
        endpoint='', region='', addressing='virtual', conditional_put=True, if_none_match=True, content_md5=False,
        max_put=5 * GIB, consistent_list=True,
    ),
    # copies share the bytes, at any size
    'ceph': Preset(
        conditional_put=True, if_none_match=True, content_md5=False, max_put=5 * GIB, max_copy=None,
        consistent_list=True,
    ),
    'minio': Preset(
        conditional_put=True, if_none_match=True, content_md5=False, max_put=5 * GIB, consistent_list=True,
    ),
    # copies are rewrites at any size, and there are no part copies; a multi-object delete is documented, but of late
    'gcs': Preset(
        endpoint='https://storage.googleapis.com', region='auto', max_put=5 * GIB, max_copy=None, part_copy=False,
        delete_many=1, consistent_list=True,
    ),
    'qiniu': Preset(endpoint='https://s3.{region}.qiniucs.com', region='cn-east-1'),
    # path style is denied
    'oss': Preset(
        endpoint='https://s3.oss-{region}.aliyuncs.com', region='cn-hangzhou', addressing='virtual', max_copy=GIB,
        consistent_list=True,
    ),
    # ListObjectsV2 came late, and not to every cloud that is built with OBS
    'obs': Preset(
        endpoint='https://obs.{region}.myhuaweicloud.com', region=None, addressing='virtual', list_v2=False,
    ),
    # the largest PUT is a part's smallest size short of 5 GiB
    'r2': Preset(
        region='auto', conditional_put=True, if_none_match=True, max_put=5 * GIB - 5 * MIB, consistent_list=True,
    ),
    # an account is in one region, whose name is part of the bucket's endpoint
    'b2': Preset(endpoint='https://s3.{region}.backblazeb2.com', region=None),
    # overwritten and deleted objects may be seen for a while
    'wasabi': Preset(endpoint='https://s3.{region}.wasabisys.com', content_md5=False),
    # s3api: If-None-Match is looked at, but of several racing writers several win; max_upload_part_num is 1,000
    'swift': Preset(if_none_match=True, content_md5=False, max_put=5 * GIB, max_parts=1000),
}


def preset(name: str) -> Preset:
    """The preset of that name; ValueError names the ones there are."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f'preset: {name!r} is not one of {", ".join(sorted(PRESETS))}') from None
