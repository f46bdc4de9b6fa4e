"""The test servers themselves: they come up, are shared, and are gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import state
from tests.servers.buckets import Bucket
from tests.servers.process import is_listening

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize('kind', ['ceph', 'swift'])
def test_a_bucket_is_empty_and_writable(kind: str, request: pytest.FixtureRequest) -> None:
    bucket: Bucket = request.getfixturevalue(f'{kind}_bucket')
    assert bucket.keys() == []
    bucket.server.client.put_object(Bucket=bucket.name, Key='a', Body=b'x')
    assert bucket.keys() == ['a']


def test_a_killed_run_leaves_no_server_behind(tmp_path: Path, swift_s3: object) -> None:
    code = (
        'import os, sys; from tests.servers import state; state.begin();'
        'print(state.up("swift")["S3_ENDPOINT"], flush=True); os.kill(os.getpid(), 9)'
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith('OBJREG_TEST')}
    env['TMPDIR'] = str(tmp_path)
    killed = subprocess.run([sys.executable, '-c', code], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True,
                            check=False, timeout=120)
    port = int(killed.stdout.strip().rpartition(':')[2])
    assert killed.returncode == -9
    assert _within(20, lambda: not is_listening(port) and not any(tmp_path.iterdir()))


def test_a_second_start_finds_the_first(swift_s3: object) -> None:
    assert state.up('swift') == state.up('swift')


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()
