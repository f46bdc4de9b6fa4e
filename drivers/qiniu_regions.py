"""Where the services of Qiniu Kodo are, region by region, as their maker documents it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_S3_NAMES = {
    'z0': 'cn-east-1', 'cn-east-2': 'cn-east-2', 'z1': 'cn-north-1', 'z2': 'cn-south-1', 'na0': 'us-north-1',
    'as0': 'ap-southeast-1', 'ap-southeast-2': 'ap-southeast-2', 'ap-southeast-3': 'ap-southeast-3',
}
"""The regions, and what they are called in the names of buckets' own domains."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """URLs of the services, without a slash at their ends."""

    up: str
    """Takes uploads."""
    rs: str
    """Tells of objects, copies and deletes them."""
    rsf: str
    """Lists them."""
    domain: str
    """Serves what a bucket holds."""
    public_domain: str
    """The same, as clients reach it."""


def endpoints(
    region: str, bucket: str, *, up: str, rs: str, rsf: str, domain: str, public_domain: str
) -> Endpoints:
    """Those of a region, but for the ones that are given; ValueError begins with the option that is wrong."""
    if region and region not in _S3_NAMES:
        raise ValueError(f'region: {region!r} is not one of {", ".join(sorted(_S3_NAMES))}')
    given = {'up_endpoint': up, 'rs_endpoint': rs, 'rsf_endpoint': rsf, 'domain': domain}
    if not region and not all(given.values()):
        missing = ', '.join(option for option, url in given.items() if not url)
        raise ValueError(f'region: needed, or else {missing}')
    usual = {
        'up_endpoint': 'https://up.qiniup.com' if region == 'z0' else f'https://up-{region}.qiniup.com',
        'rs_endpoint': f'https://rs-{region}.qiniuapi.com',
        'rsf_endpoint': f'https://rsf-{region}.qiniuapi.com',
        'domain': f'https://{bucket}.kodo-{_S3_NAMES.get(region)}.qiniucs.com',
    }
    urls = {option: _url(option, url or usual[option]) for option, url in given.items()}
    return Endpoints(
        urls['up_endpoint'], urls['rs_endpoint'], urls['rsf_endpoint'], urls['domain'],
        _url('public_domain', public_domain or urls['domain']),
    )


def _url(option: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ('http', 'https') or not parts.netloc or parts.query or parts.fragment:
        raise ValueError(f'{option}: {url!r} is not http://… or https://…')
    return url.rstrip('/')
