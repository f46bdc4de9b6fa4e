"""``objreg serve`` as a process: what it says, how it ends, what it answers to those who do not speak its language."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from objreg.manifest import OCI_MANIFEST
from objreg.names import Digest
from tests import documents
from tests.servers.registries import EVERYBODY, Objreg

LAYER = os.urandom(3 * 1024**2)


def start(folder: Path, *arguments: str, options: Any = None) -> Objreg:
    store = {'driver': 'file', 'path': str(folder / 'store')}
    return Objreg(folder / 'objreg', store, *arguments, options={**EVERYBODY, **(options or {})})


@contextlib.contextmanager
def connection(server: Objreg) -> Iterator[socket.socket]:
    with socket.create_connection(('127.0.0.1', server.port), timeout=20) as made:
        yield made


def all_of(connection: socket.socket) -> bytes:
    pieces = []
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b''.join(pieces)


def push(server: Objreg, name: str = 'app') -> bytes:
    manifest = documents.image(LAYER)
    for data in (documents.CONFIG, LAYER):
        server.must('POST', f'/v2/{name}/blobs/uploads/?digest={Digest.of(data)}', body=data)
    server.must('PUT', f'/v2/{name}/manifests/v1', {'Content-Type': OCI_MANIFEST}, manifest)
    return manifest


@pytest.mark.parametrize('workers', ['1', '3'])
def test_it_says_where_it_serves_and_what_to_try(tmp_path: Path, workers: str) -> None:
    with start(tmp_path, '--workers', workers) as server:
        manifest = push(server)
        for _ in range(10):
            assert server.call('GET', '/v2/app/manifests/v1')[1] == manifest
            assert server.call('GET', f'/v2/app/blobs/{Digest.of(LAYER)}')[1] == LAYER
        log = server.log.read_text()
    assert f'serves http://127.0.0.1:{server.port}' in log
    assert f'default: file path={tmp_path}/store' in log
    assert 'limits > hub > auth > ancestry > webhooks > dedup > registry' in log
    assert f'docker push localhost:{server.port}/busybox' in log
    assert 'open to   everybody who reaches it' in log
    assert 'Traceback' not in server.log.read_text()


def test_a_client_that_begins_with_tls_is_told_at_once(tmp_path: Path) -> None:
    """Docker tries TLS first with every registry that it does not know as insecure."""
    with start(tmp_path) as server:
        for hello in (b'\x16\x03\x01\x02\x00\x01', b'\x16', b'\x16\x03\x01' + os.urandom(500)):
            with connection(server) as plain:
                began = time.monotonic()
                plain.sendall(hello)
                assert all_of(plain).startswith(b'HTTP/1.0 400 Bad Request\r\n')
                assert time.monotonic() - began < 1


@pytest.mark.parametrize('sent', [
    b'GET /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc',
    b'GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
    b'POST /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n',
    b'POST /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
    b'POST /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n',
    b'POST /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nb\r\n',
    b'GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc',
    b'GET /v2/ HTTP/1.1\r\nHost: x\r\nX: a\nY: b\r\n\r\n', b'GET /v2/ HTTP/1.1\r\nHost: x\r\n X: folded\r\n\r\n',
    b'GET  /v2/ HTTP/1.1\r\n\r\n', b'\x00' * 100 + b'\r\n\r\n',
    b'GET /v2/ HTTP/9.9\r\n\r\n', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    b'GET /v2/ HTTP/1.1\r\nHost: x\r\nA: ' + b'a' * 99_999,
])
def test_no_request_is_smuggled(tmp_path: Path, sent: bytes) -> None:
    """CVE-2022-24761, CVE-2019-16785: what two parsers may take for different things is one answer, and the end."""
    with start(tmp_path, '--workers', '1') as server:
        with connection(server) as plain:
            plain.sendall(sent + b'\r\n\r\nGET /v2/smuggled/tags/list HTTP/1.1\r\nHost: x\r\n\r\n')
            plain.shutdown(socket.SHUT_WR)
            answers = all_of(plain)
        assert b' 500 ' not in answers
        assert 'GET /v2/smuggled' not in server.log.read_text() or answers.startswith(b'HTTP/1.1 200')
        assert server.call('GET', '/v2/')[0] == 200
        assert 'Traceback' not in server.log.read_text()


def test_what_follows_a_refused_request_on_its_connection_is_not_answered(tmp_path: Path) -> None:
    """CVE-2024-49768: a second request that lay in the buffer of waitress was served after the first was refused."""
    refused = b'GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n'
    with start(tmp_path, '--workers', '1') as server:
        for size in (32768, 65536):  # what is received at a time
            with connection(server) as plain:
                filler = b'X-Filler: ' + b'a' * (size - len(refused) - 14) + b'\r\n\r\n'
                plain.sendall(refused[:-2] + filler + b'GET /v2/smuggled/tags/list HTTP/1.1\r\nHost: x\r\n\r\n')
                assert all_of(plain).count(b'HTTP/1.') == 1
        assert 'smuggled' not in server.log.read_text()


@pytest.mark.parametrize('size', [1, 3, 700, 4096, 32768, 65536, 100_000])
def test_a_body_comes_whole_whatever_its_chunks(tmp_path: Path, size: int) -> None:
    """And the smallest chunks do not keep the server busy: each is copied with what lies behind it."""
    data = LAYER[:200_000] if size < 100 else LAYER
    chunks = [data[start:start + size] for start in range(0, len(data), size)]
    with start(tmp_path, '--workers', '1') as server, connection(server) as plain:
        target = f'/v2/app/blobs/uploads/?digest={Digest.of(data)}'
        began = time.monotonic()
        plain.sendall(f'POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'.encode())
        plain.sendall(b''.join(b'%x\r\n%b\r\n' % (len(chunk), chunk) for chunk in chunks) + b'0\r\n\r\n')
        assert plain.recv(100).startswith(b'HTTP/1.1 201 ')
        assert time.monotonic() - began < 10
        assert server.call('GET', f'/v2/app/blobs/{Digest.of(data)}')[1] == data


def test_slow_clients_hold_up_nobody(tmp_path: Path) -> None:
    """CVE-2007-6750: heads and bodies that never end, more of them than there are threads."""
    with start(tmp_path, '--workers', '1') as server, contextlib.ExitStack() as stack:
        for number in range(100):
            plain = stack.enter_context(connection(server))
            plain.sendall(
                b'GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: ' if number % 2
                else b'POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'
            )
        time.sleep(0.5)
        began = time.monotonic()
        for _ in range(20):
            assert server.call('GET', '/v2/')[0] == 200
        push(server)
        assert time.monotonic() - began < 5


def test_connections_that_do_nothing_are_closed(tmp_path: Path) -> None:
    options = {'server:main': {'idle': '1'}}
    with start(tmp_path, '--workers', '1', options=options) as server, connection(server) as plain:
        plain.settimeout(60)
        plain.sendall(b'GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: ')
        began = time.monotonic()
        assert all_of(plain) == b''
        assert time.monotonic() - began < 10


def test_a_manifest_that_is_too_large_is_refused_before_it_is_taken_in(tmp_path: Path) -> None:
    with start(tmp_path) as server, connection(server) as plain:
        plain.sendall(b'PUT /v2/a/manifests/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n')
        assert b' 413 ' in plain.recv(100)


def test_a_transfer_that_began_ends_after_sigterm(tmp_path: Path) -> None:
    server = start(tmp_path, '--workers', '2')
    with server:
        target = f'/v2/app/blobs/uploads/?digest={Digest.of(LAYER)}'
        with connection(server) as plain:
            plain.sendall(f'POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(LAYER)}\r\n\r\n'.encode())
            plain.sendall(LAYER[:100_000])
            time.sleep(0.3)
            os.kill(server.pid, signal.SIGTERM)
            time.sleep(0.5)
            with pytest.raises(ConnectionError):
                server.call('GET', '/v2/')
            plain.sendall(LAYER[100_000:])
            assert all_of(plain).startswith(b'HTTP/1.1 201 ')
        assert server.wait(10) == 0


def test_a_transfer_that_does_not_end_is_cut_after_the_grace(tmp_path: Path) -> None:
    options = {'server:main': {'grace': '1'}}
    with start(tmp_path, options=options) as server, connection(server) as plain:
        plain.sendall(b'POST /v2/app/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nabc')
        time.sleep(0.3)
        began = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait(10) == 0
        assert 0.5 < time.monotonic() - began < 5
    assert 'stopped with 1 transfers under way' in server.log.read_text()


def test_sigterm_at_once_after_the_start_ends_it(tmp_path: Path) -> None:
    """While it still forks its workers, too: the one between two instructions is told like the others."""
    command = start(tmp_path, '--workers', '8', '--port', '0').command()
    for attempt in range(6):
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, process_group=0) as process:
            assert process.stderr is not None
            next(line for line in process.stderr if 'serves' in line)
            time.sleep(attempt * 0.004)
            process.terminate()
            try:
                assert process.wait(10) in (0, -signal.SIGTERM)
                with pytest.raises(ProcessLookupError):  # nobody is left of its group
                    os.killpg(process.pid, 0)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize('workers', ['1', '2'])
def test_sighup_reads_secrets_again(tmp_path: Path, workers: str) -> None:
    path = tmp_path / 'htpasswd'
    path.write_text(f'alice:{bcrypt.hashpw(b"old", bcrypt.gensalt(4)).decode()}\n')
    options = {'filter:auth': {'type': 'htpasswd', 'htpasswd': str(path)}}
    with start(tmp_path, '--workers', workers, options=options) as server:
        def status(password: bytes) -> int:
            import base64
            given = base64.b64encode(b'alice:' + password).decode()
            return server.call('GET', '/v2/', {'Authorization': f'Basic {given}'})[0]

        assert (status(b'old'), status(b'new')) == (200, 401)
        path.write_text(f'alice:{bcrypt.hashpw(b"new", bcrypt.gensalt(4)).decode()}\n')
        os.kill(server.pid, signal.SIGHUP)
        time.sleep(1)
        assert {(status(b'old'), status(b'new')) for _ in range(6)} == {(401, 200)}
        path.write_text('alice:plain\n')
        os.kill(server.pid, signal.SIGHUP)
        time.sleep(1)
        assert status(b'new') == 200
        assert 'not reloaded: htpasswd' in server.log.read_text()


def test_a_worker_that_dies_is_replaced_and_none_outlives_its_watcher(tmp_path: Path) -> None:
    with start(tmp_path, '--workers', '2') as server:
        time.sleep(2.5)
        workers = server.children()
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        time.sleep(1)
        replaced = server.children()
        assert len(replaced) == 2 and workers[0] not in replaced
        assert server.call('GET', '/v2/')[0] == 200
        os.kill(server.pid, signal.SIGKILL)
        time.sleep(3)
        assert not [pid for pid in replaced if Path(f'/proc/{pid}/cmdline').exists()]


def test_metrics_are_those_of_all_processes(tmp_path: Path) -> None:
    with start(tmp_path, '--workers', '3') as server:
        threads = [threading.Thread(target=server.call, args=('GET', '/v2/')) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _, body, _ = server.call('GET', '/metrics')
        assert b'objreg_requests_total{method="GET",route="base",status="200"} 30.0' in body
        assert server.call('GET', '/readyz')[0] == 200


def test_it_serves_a_socket_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / 'sock'
    server = start(tmp_path, '--unix', str(path))
    process = subprocess.Popen(server.command(), stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 20
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with socket.socket(socket.AF_UNIX) as plain:
            plain.connect(str(path))
            plain.sendall(b'GET /v2/ HTTP/1.0\r\n\r\n')
            assert all_of(plain).startswith(b'HTTP/1.0 200 OK')
    finally:
        process.terminate()
        _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    assert f'serves unix:{path}'.encode() in told


# Mistakes


def objreg(*arguments: str | Path, cwd: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, '-m', 'objreg', *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with start(tmp_path) as server:
        status, _, told = objreg(
            'serve', tmp_path / 'objreg/paste.ini', '--port', str(server.port), cwd=tmp_path
        )
    assert (status, told) == (1, f'Error: port: 127.0.0.1:{server.port}: Address already in use\n')


def test_what_is_wrong_is_one_line_with_file_section_and_option(tmp_path: Path) -> None:
    start(tmp_path).configure()
    paste, stores = tmp_path / 'objreg/paste.ini', tmp_path / 'objreg/stores.yml'
    good = paste.read_text()
    paste.write_text(good.replace('[app:registry]', '[app:registry]\nredirct = auto'))
    expected = f"{paste}: [app:registry] redirct: there is no such option; did you mean 'redirect'?"
    assert objreg('serve', paste, cwd=tmp_path) == (1, '', f'Error: {expected}\n')
    assert objreg('check-config', paste, cwd=tmp_path) == (1, '', f'{expected}\n')
    paste.write_text(good)
    stores.write_text('default: {driver: s3, preset: ceph, endpoint: "http://127.0.0.1:9", bucket: b, access_key: a,'
                      ' secret_key: "${NOT_SET}", retry: false}')
    assert objreg('check-config', paste, cwd=tmp_path)[2] == (
        f'{stores}: [default] secret_key: the environment variable NOT_SET is not set\n'
    )
    stores.write_text(stores.read_text().replace('${NOT_SET}', 'secret'))
    status, _, told = objreg('check-config', paste, cwd=tmp_path)
    assert status == 1
    assert told.startswith('objreg/stores.yml: [default] list ') and 'endpoint cannot be reached' in told
    assert told.count('\n') == 1
    assert objreg('check-config', paste, '--offline', cwd=tmp_path)[0] == 0


def test_a_wrong_command_line_is_a_2(tmp_path: Path) -> None:
    for arguments in (['serve', '--prot', '80'], ['sreve'], ['completion', 'tcsh']):
        assert objreg(*arguments, cwd=tmp_path)[0] == 2


@pytest.mark.parametrize('shell', ['bash', 'zsh', 'fish'])
def test_shells_complete(tmp_path: Path, shell: str) -> None:
    status, script, _ = objreg('completion', shell, cwd=tmp_path)
    assert status == 0 and '_OBJREG_COMPLETE' in script


@pytest.mark.parametrize('command', [[], ['serve'], ['check-config'], ['completion']])
def test_help_has_examples(tmp_path: Path, command: list[str]) -> None:
    status, text, _ = objreg(*command, '--help', cwd=tmp_path)
    assert status == 0 and 'Examples:' in text
