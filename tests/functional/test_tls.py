"""A push over HTTPS, through nginx with the configuration of examples/nginx."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.clients.programs import run, two_platforms
from tests.servers.process import free_ports, is_listening
from tests.servers.registries import EVERYBODY, ROOT, Objreg


@pytest.fixture
def https(tmp_path: Path) -> Iterator[tuple[str, Path, Objreg]]:
    """The host and port of nginx, its certificate, and the registry behind it."""
    key, certificate, port = tmp_path / 'key.pem', tmp_path / 'certs/ca.crt', free_ports(1)
    certificate.parent.mkdir()
    run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-days', '2',
        '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost')
    options = {**EVERYBODY, 'filter:proxy': {'trusted': '127.0.0.1'}}
    with Objreg(tmp_path / 'objreg', {'driver': 'file', 'path': str(tmp_path / 'store')}, options=options) as server:
        site = (ROOT / 'examples/nginx/objreg.conf').read_text()
        for pattern, text in (
            (r'listen 443 ssl', f'listen 127.0.0.1:{port} ssl'), (r'127\.0\.0\.1:5000', f'127.0.0.1:{server.port}'),
            (r'/etc/ssl/registry\.crt', str(certificate)), (r'/etc/ssl/registry\.key', str(key)),
        ):
            site, count = re.subn(pattern, text, site)
            assert count == 1, pattern
        (tmp_path / 'site.conf').write_text(site)
        (tmp_path / 'nginx.conf').write_text(
            f'daemon off; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log; user root;\n'
            f'events {{}}\nhttp {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;'
            f' fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;\n'
            f'include {tmp_path}/site.conf; }}\n'
        )
        process = subprocess.Popen(['/usr/sbin/nginx', '-c', str(tmp_path / 'nginx.conf'), '-p', str(tmp_path)])
        try:
            deadline = time.monotonic() + 20
            while not is_listening(port):
                assert process.poll() is None and time.monotonic() < deadline, (tmp_path / 'error.log').read_text()
                time.sleep(0.05)
            yield f'localhost:{port}', certificate, server
        finally:
            process.terminate()
            process.wait(20)


def test_an_image_goes_in_and_out_by_https(https: tuple[str, Path, Objreg], tmp_path: Path) -> None:
    host, certificate, server = https
    layout, digest = two_platforms(tmp_path / 'layout')
    run('skopeo', 'copy', '-q', '--all', '--dest-cert-dir', certificate.parent, f'oci:{layout.path}:multi',
        f'docker://{host}/team/app:1')
    assert server.must('HEAD', '/v2/team/app/manifests/1')['Docker-Content-Digest'] == digest
    run('skopeo', 'copy', '-q', '--all', '--src-cert-dir', certificate.parent, f'docker://{host}/team/app:1',
        f'oci:{tmp_path}/back:multi')
    # the log names the client, not the proxy, and no Location led around it
    assert '"PATCH /v2/team/app/blobs/uploads/' in server.log.read_text()
