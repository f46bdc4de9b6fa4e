"""A server that speaks S3, and a bucket on it that one test has for itself."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class S3Server:
    """How to reach it, and the preset of the `s3` driver that fits it."""

    preset: str
    endpoint: str
    access_key: str
    secret_key: str
    settings: dict[str, str]
    """All that its start told, the ways other than S3 included."""

    @cached_property
    def client(self) -> Any:
        """A plain client, for what tests do behind the driver's back."""
        import boto3  # here: unit tests, which load this module too, start sooner
        from botocore.config import Config

        return boto3.session.Session().client(
            's3', endpoint_url=self.endpoint, aws_access_key_id=self.access_key, region_name='us-east-1',
            aws_secret_access_key=self.secret_key, config=Config(s3={'addressing_style': 'path'}),
        )

    def make_bucket(self) -> Bucket:
        """A new, empty one."""
        bucket = Bucket(self, f'test-{secrets.token_hex(6)}')
        self.client.create_bucket(Bucket=bucket.name)
        return bucket


@dataclass(frozen=True)
class Bucket:
    """A bucket of a server."""

    server: S3Server
    name: str

    @property
    def options(self) -> dict[str, str]:
        """What the `s3` driver (a section of ``stores.yml``) takes."""
        return {
            'bucket': self.name, 'preset': self.server.preset, 'endpoint': self.server.endpoint,
            'access_key': self.server.access_key, 'secret_key': self.server.secret_key,
        }

    def allow_reading(self, user: str) -> None:
        """Let another user read it and list it."""
        arn = f'arn:aws:s3:::{self.name}'
        statement = {
            'Effect': 'Allow', 'Principal': {'AWS': [user]}, 'Action': ['s3:ListBucket', 's3:GetObject'],
            'Resource': [arn, f'{arn}/*'],
        }
        policy = json.dumps({'Version': '2012-10-17', 'Statement': [statement]})
        self.server.client.put_bucket_policy(Bucket=self.name, Policy=policy)

    def uploads(self) -> list[dict[str, str]]:
        """The unfinished multipart uploads."""
        found: list[dict[str, str]] = self.server.client.list_multipart_uploads(Bucket=self.name).get('Uploads', [])
        return found

    def keys(self) -> list[str]:
        """All keys."""
        pages = self.server.client.get_paginator('list_objects_v2').paginate(Bucket=self.name)
        return [found['Key'] for page in pages for found in page.get('Contents', [])]

    def empty(self) -> None:
        """Delete all that is in it."""
        client, keys = self.server.client, self.keys()
        for upload in self.uploads():
            client.abort_multipart_upload(Bucket=self.name, Key=upload['Key'], UploadId=upload['UploadId'])
        for at in range(0, len(keys), 1000):
            objects = [{'Key': key} for key in keys[at:at + 1000]]
            client.delete_objects(Bucket=self.name, Delete={'Objects': objects, 'Quiet': True})

    def remove(self) -> None:
        """Remove it with all that is in it."""
        self.empty()
        self.server.client.delete_bucket(Bucket=self.name)
