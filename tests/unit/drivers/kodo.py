"""A Qiniu Kodo in this process, on loopback: what its maker documents of its HTTP interface, strictly.

Nothing here is the real thing.  It verifies every signature (upload tokens and their scope, the authorization of
requests that manage objects, download URLs and their expiry), every checksum, and the rules of parts; an object
appears whole or not at all.  Each service listens on a port of its own, as each has a host of its own there.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import re
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, pairwise
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from tests.unit.drivers.services import Answered, Request, Services, Told

ACCESS, SECRET, BUCKET = 'access', 'hush-hush', 'bucket'
MIB = 1024**2
_FORM = 'application/x-www-form-urlencoded'


@dataclass
class Object:
    """An object as it was written."""

    data: bytes
    meta: dict[str, str] = field(default_factory=dict)
    put_time: int = field(default_factory=lambda: time.time_ns() // 100)

    @property
    def hash(self) -> str:
        """Of its content, as Kodo's is."""
        return base64.urlsafe_b64encode(b'\x16' + hashlib.sha1(self.data).digest()).decode()


class Kodo(Services):
    """The server, and what it holds."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.uploads: dict[tuple[str, str], dict[int, tuple[str, bytes]]] = {}
        self._numbers = count(1)
        super().__init__({'up': self._up, 'rs': self._rs, 'rsf': self._rsf, 'io': self._io})

    def options(self, **given: Any) -> dict[str, Any]:
        """What a store is made with."""
        return {
            'bucket': BUCKET, 'access_key': ACCESS, 'secret_key': SECRET, 'up_endpoint': self.urls['up'],
            'rs_endpoint': self.urls['rs'], 'rsf_endpoint': self.urls['rsf'], 'domain': self.urls['io'],
            'part_size': MIB, 'read_timeout': 5, **given,
        }

    def begin(self) -> None:
        super().begin()
        self.objects.clear()
        self.uploads.clear()

    # Uploads.

    def _up(self, request: Request) -> Any:
        if request.path == '/' and request.method == 'POST':
            return self._form(request)
        kind, _, token = request.headers.get('authorization', '').partition(' ')
        found = re.fullmatch('/buckets/([^/]+)/objects/([^/]+)/uploads(?:/([^/]+))?(?:/([0-9]+))?', request.path)
        if kind != 'UpToken' or not found:
            raise Answered(401 if found else 404, 'bad token' if found else 'no such route')
        key = base64.urlsafe_b64decode(found[2]).decode()
        self._check_token(token, found[1], key)
        with self.lock:
            return self._of_upload(request, key, found[3], found[4])

    def _of_upload(self, request: Request, key: str, id: str | None, number: str | None) -> Any:
        if not id:
            id = f'upload-{next(self._numbers)}=='
            self.uploads[key, id] = {}
            return {'uploadId': id, 'expireAt': int(time.time()) + 7 * 86400}
        parts = self.uploads.get((key, id))
        if parts is None:
            raise Answered(612, 'no such uploadId')
        if number:
            return self._part(request, parts, int(number))
        if request.method == 'POST':
            return self._completed(json.loads(request.body), parts, key, id)
        if request.method == 'DELETE':
            del self.uploads[key, id]
            return {}
        return {'uploadId': id, 'parts': [{'partNumber': at, 'etag': one[0]} for at, one in sorted(parts.items())]}

    def _part(self, request: Request, parts: dict[int, tuple[str, bytes]], number: int) -> Any:
        md5 = hashlib.md5(request.body).hexdigest()
        if not 1 <= number <= 10_000 or not request.body:
            raise Answered(400, 'invalid part')
        if request.headers.get('content-md5', md5) != md5:
            raise Answered(406, 'md5 mismatch')
        parts[number] = (Object(request.body).hash, request.body)
        return {'etag': parts[number][0], 'md5': md5}

    def _completed(self, told: dict[str, Any], parts: dict[int, tuple[str, bytes]], key: str, id: str) -> Any:
        wanted = told['parts']
        if not wanted or any(one['partNumber'] >= two['partNumber'] for one, two in pairwise(wanted)):
            raise Answered(400, 'invalid parts')
        chosen = [parts.get(one['partNumber'], ('', b'')) for one in wanted]
        if any(etag != one['etag'] or not etag for (etag, _), one in zip(chosen, wanted, strict=True)):
            raise Answered(400, 'invalid part etag')
        if any(len(data) < MIB for _, data in chosen[:-1]):
            raise Answered(400, 'part too small')
        if not all(name.startswith('x-qn-meta-') for name in told.get('metadata', {})):
            raise Answered(400, 'invalid metadata')
        del self.uploads[key, id]
        self.objects[key] = Object(b''.join(data for _, data in chosen), told.get('metadata', {}))
        return {'hash': self.objects[key].hash, 'key': key}

    def _form(self, request: Request) -> Any:
        fields = _fields(request)
        key, data = fields['key'].decode(), fields['file']
        policy = self._check_token(fields['token'].decode(), BUCKET, key)
        if 'crc32' in fields and int(fields['crc32']) != zlib.crc32(data):
            raise Answered(406, 'crc32 mismatch')
        written = Object(data)
        with self.lock:
            there = self.objects.get(key)
            # only what is new may be written; the same bytes count as written
            if policy.get('insertOnly') and there is not None and there.hash != written.hash:
                raise Answered(614, 'file exists')
            self.objects[key] = written
        return {'hash': written.hash, 'key': key}

    def _check_token(self, token: str, bucket: str, key: str) -> dict[str, Any]:
        access, signature, encoded = (*token.split(':'), '', '')[:3]
        if access != ACCESS or not hmac.compare_digest(signature, _signed(encoded)):
            raise Answered(401, 'bad token')
        policy: dict[str, Any] = json.loads(base64.urlsafe_b64decode(encoded))
        if policy['deadline'] < time.time():
            raise Answered(401, 'expired token')
        if policy['scope'].partition(':')[0] != BUCKET:
            raise Answered(631, 'no such bucket')
        if policy['scope'] != f'{bucket}:{key}':
            raise Answered(403, "key doesn't match with scope")
        if len(key.encode()) > 750:
            raise Answered(400, 'key too long')
        return policy

    # Management.

    def _rs(self, request: Request) -> Any:
        self._check_authorization(request)
        with self.lock:
            if request.path == '/batch' and request.method == 'POST':
                operations = [value for name, value in parse_qsl(request.body.decode()) if name == 'op']
                if len(operations) > 1000:
                    raise Answered(400, 'too many operations')
                return self._batch(operations)
            return self._operation(request.path)

    def _batch(self, operations: list[str]) -> Told:
        told: list[dict[str, Any]] = []
        for operation in operations:
            try:
                told.append({'code': 200, 'data': self._operation(operation)})
            except Answered as answer:
                told.append({'code': answer.status, 'data': {'error': answer.told}})
        return 298 if any(one['code'] != 200 for one in told) else 200, {}, json.dumps(told).encode()

    def _operation(self, path: str) -> Any:
        name, source, *rest = path[1:].split('/')
        found = self._entry(source)
        if name not in ('stat', 'delete', 'copy'):
            raise Answered(400, 'no such operation')
        if found not in self.objects:
            raise Answered(612, 'no such file or directory')
        if name == 'delete':
            del self.objects[found]
        if name == 'copy':
            target = self._entry(rest[0])
            if target in self.objects and rest[1:] != ['force', 'true']:
                raise Answered(614, 'file exists')
            self.objects[target] = Object(self.objects[found].data, self.objects[found].meta)
        return self._described(self.objects[found]) if name == 'stat' else {}

    @staticmethod
    def _described(one: Object) -> dict[str, Any]:
        meta = {'x-qn-meta': one.meta} if one.meta else {}
        return {'fsize': len(one.data), 'hash': one.hash, 'putTime': one.put_time, 'type': 0, **meta}

    @staticmethod
    def _entry(encoded: str) -> str:
        bucket, _, key = base64.urlsafe_b64decode(encoded).decode().partition(':')
        if bucket != BUCKET:
            raise Answered(631, 'no such bucket')
        return key

    def _rsf(self, request: Request) -> Any:
        self._check_authorization(request)
        query = dict(parse_qsl(request.target.partition('?')[2]))
        if query['bucket'] != BUCKET:
            raise Answered(631, 'no such bucket')
        prefix, delimiter = query.get('prefix', ''), query.get('delimiter', '')
        after, limit = _after(query.get('marker', '')), int(query.get('limit', 1000))
        if not 1 <= limit <= 1000:
            raise Answered(400, 'invalid limit')
        lines: dict[str, Any] = {}
        with self.lock:
            for key in sorted(self.objects, key=str.encode):
                if key.startswith(prefix) and key.encode() > after.encode():
                    cut = key.find(delimiter, len(prefix)) if delimiter else -1
                    if len(lines) == limit and (cut < 0 or key[:cut + 1] not in lines):
                        break
                    lines[key if cut < 0 else key[:cut + 1]] = None if cut >= 0 else self.objects[key]
                    last = key
            else:
                last = ''
        items = [{'key': key, **self._described(one)} for key, one in lines.items() if one is not None]
        common = [key for key, one in lines.items() if one is None]
        marker = base64.urlsafe_b64encode(json.dumps({'c': 0, 'k': last}).encode()).decode() if last else ''
        return {'marker': marker, 'items': items or None, **({'commonPrefixes': common} if common else {})}

    @staticmethod
    def _check_authorization(request: Request) -> None:
        dated = request.headers.get('x-qiniu-date', '')
        lines = [
            f'{request.method} {request.target}', f'Host: {request.host}',
            f'Content-Type: {request.headers["content-type"]}', f'X-Qiniu-Date: {dated}', '',
            request.body.decode() if request.headers['content-type'] == _FORM else '',
        ]
        if request.headers.get('authorization') != f'Qiniu {ACCESS}:{_signed(chr(10).join(lines))}':
            raise Answered(401, 'bad token')
        asked_at = datetime.strptime(dated, '%Y%m%dT%H%M%SZ').replace(tzinfo=UTC).timestamp()
        if abs(asked_at - time.time()) > 900:
            raise Answered(401, 'request expired')

    # Downloads.

    def _io(self, request: Request) -> Told:
        if request.method not in ('GET', 'HEAD'):
            raise Answered(405, 'method not allowed')
        signed, _, token = f'http://{request.host}{request.target}'.rpartition('&token=')
        if token != f'{ACCESS}:{_signed(signed)}':
            raise Answered(401, 'bad token')
        if int(parse_qs(urlsplit(signed).query)['e'][-1]) < time.time():
            raise Answered(401, 'token expired')
        with self.lock:
            found = self.objects.get(unquote(request.path[1:]))
        if found is None:
            raise Answered(404, 'Document not found')
        headers = {'Content-Type': 'application/octet-stream', 'ETag': f'"{found.hash}"'}
        wanted = re.fullmatch('bytes=([0-9]+)-([0-9]*)', request.headers.get('range', ''))
        if not wanted:
            return 200, headers, found.data
        start, end = int(wanted[1]), min(int(wanted[2] or 2**63), len(found.data) - 1)
        if start > end:
            raise Answered(416, 'range not satisfiable')
        span = {'Content-Range': f'bytes {start}-{end}/{len(found.data)}'}
        return 206, headers | span, found.data[start:end + 1]


def _signed(text: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(SECRET.encode(), text.encode(), 'sha1')).decode()


def _after(marker: str) -> str:
    if not marker:
        return ''
    try:
        told = json.loads(base64.urlsafe_b64decode(marker))
        return str(told['k'])
    except (ValueError, LookupError, TypeError):
        raise Answered(640, 'invalid marker') from None


def _fields(request: Request) -> dict[str, bytes]:
    """The parts of a form, by name."""
    boundary = re.fullmatch('multipart/form-data; boundary=([0-9a-f]+)', request.headers['content-type'])
    if not boundary:
        raise Answered(400, 'not a form')
    before, *parts, end = (b'\r\n' + request.body).split(f'\r\n--{boundary[1]}'.encode())
    if before or end != b'--\r\n':
        raise Answered(400, 'the form is cut')
    fields = {}
    for part in parts:
        head, _, value = part.partition(b'\r\n\r\n')
        name = re.search('; name="([a-z0-9]+)"', head.decode())
        assert name is not None
        fields[name[1]] = value
    return fields


@contextlib.contextmanager
def kodo() -> Iterator[Kodo]:
    """A server, closed at the end."""
    server = Kodo()
    try:
        yield server
    finally:
        server.close()
