"""What a store that was made before a server forked its workers does in them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.unit.drivers.scripted import Answer, scripted

_FORKING = """
import json, os, sys
from importlib import import_module
module, driver, options = sys.argv[1:]
store = getattr(import_module(module), driver)(**json.loads(options))
store.put('k', b'')
child = os.fork()
if child == 0:
    store.put('k', b'')
    os._exit(0)
status = os.waitpid(child, 0)[1]
store.put('k', b'')
store.close()
sys.exit(os.waitstatus_to_exitcode(status))
"""
_KEYS = {'bucket': 'b', 'access_key': 'a', 'secret_key': 's'}
_ACCOUNT = {'account': 'a', 'container': 'c', 'account_key': base64.b64encode(b'a key').decode()}
_WRITTEN = {'ETag': '"e"', 'Last-Modified': 'Tue, 24 Nov 2026 04:49:05 GMT'}


@pytest.mark.parametrize(('driver', 'urls', 'options', 'answer'), [
    ('azure.AzureStore', ['endpoint'], _ACCOUNT, Answer(201, headers=_WRITTEN)),
    ('gcs.GcsStore', ['endpoint'], {'bucket': 'b', 'credentials': 'anonymous'}, Answer(200, b'{}')),
    (
        'qiniu.QiniuStore', ['up_endpoint', 'rs_endpoint', 'rsf_endpoint', 'domain'], _KEYS,
        Answer(200, b'{}', {'X-Reqid': 'told'}),
    ),
    ('s3.S3Store', ['endpoint'], {**_KEYS, 'preset': 'ceph'}, Answer()),
])
def test_a_forked_worker_does_not_speak_through_its_parents_connection(
    driver: str, urls: list[str], options: dict[str, Any], answer: Answer
) -> None:
    module, name = driver.split('.')
    with scripted(keep_alive=True) as server:
        server.will(answer, answer, answer)
        given = json.dumps({**options, **dict.fromkeys(urls, server.url)})
        subprocess.run(
            [sys.executable, '-c', _FORKING, f'objreg.drivers.{module}', name, given], check=True, timeout=60
        )
        assert len(server.asked) == 3
        assert server.connections == 2
