"""Real clients with accounts: log in, push to what is private, be refused, pull what is public, use a robot's token."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from objreg.hub.policy import Visibility
from tests.functional.clients.programs import BUSYBOX, GO, Layout, run, tar_of_busybox, two_platforms
from tests.servers.engines import Buildkitd, Containerd, Dockerd
from tests.servers.fixtures import absent
from tests.servers.process import Missing
from tests.servers.registries import Objreg, Peer

INSECURE = ['--src-tls-verify=false', '--dest-tls-verify=false']


@dataclass(frozen=True)
class Hub:
    """A hub and a registry in one process, which demands accounts; alice has one."""

    server: Objreg
    password: str

    @property
    def address(self) -> str:
        return f'127.0.0.1:{self.server.port}'

    def command(self, *words: str) -> str:
        """Run ``objreg …`` on its bucket."""
        done = subprocess.run(
            [sys.executable, '-m', 'objreg', *words, '--config', str(self.server.folder / 'paste.ini')],
            capture_output=True, text=True, check=True,
        )
        return done.stdout.strip()

    def token(self, *allow: str) -> str:
        """A token of alice's; what it may do, of what she may."""
        return self.command('token', 'add', 'alice', *(word for one in allow for word in ('--allow', one)))

    def log(self) -> str:
        return self.server.log.read_text()

    def show(self, name: str, visibility: Visibility) -> None:
        """Change who sees a repository."""
        self.command('repo', 'visibility', name, visibility.value)


def hub_of(server: Objreg) -> Hub:
    server.configure()
    made = subprocess.run(
        [sys.executable, '-m', 'objreg', 'user', 'add', 'alice', '--config', str(server.folder / 'paste.ini')],
        capture_output=True, text=True, check=True,
    )
    return Hub(server, made.stdout.strip())


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    store = {'driver': 'file', 'path': str(tmp_path / 'store')}
    with Objreg(tmp_path / 'objreg', store, options={'filter:auth': {'open': 'no'}}) as server:
        yield hub_of(server)


@pytest.fixture
def layout(tmp_path: Path) -> tuple[Layout, str]:
    """An image for two platforms, and its digest."""
    return two_platforms(tmp_path / 'layout')


def test_docker_logs_in_pushes_logs_out_and_is_refused(hub: Hub, tmp_path: Path) -> None:
    try:
        engine = Dockerd()
    except Missing as error:
        absent(str(error))
    with engine:
        env = {**engine.env, 'DOCKER_CONFIG': str(tmp_path / 'docker')}

        def docker(*words: str, fails: bool = False) -> str:
            return run('docker', *words, env=env, fails=fails)

        tar_of_busybox(tmp_path / 'image.tar')
        reference = f'{hub.address}/alice/app:1'
        docker('import', str(tmp_path / 'image.tar'), reference)
        assert 'unauthorized' in docker('login', '-u', 'alice', '-p', 'wrong password', hub.address, fails=True)
        assert 'denied' in docker('push', reference, fails=True)
        docker('login', '-u', 'alice', '-p', hub.password, hub.address)
        kept = json.loads((tmp_path / 'docker/config.json').read_text())['auths'][hub.address]
        assert 'identitytoken' in kept, 'docker keeps a refresh token, and no password'
        docker('push', '-q', reference)
        docker('logout', hub.address)
        docker('rmi', '-f', reference)
        assert 'denied' in docker('pull', reference, fails=True)
        hub.show('alice/app', Visibility.PUBLIC)
        docker('pull', '-q', reference)
        docker('login', '-u', 'alice', '-p', hub.token('pull:alice/**'), hub.address)
        assert 'denied' in docker('push', reference, fails=True), 'the token only pulls'


def test_skopeo_and_podman_log_in_push_and_pull(hub: Hub, layout: tuple[Layout, str], tmp_path: Path) -> None:
    auth = ['--authfile', tmp_path / 'auth.json']
    reference = f'docker://{hub.address}/alice/app:1'
    copy = ['skopeo', 'copy', '-q', '--all', *INSECURE]
    assert 'denied' in run(*copy, *auth, f'oci:{layout[0].path}:multi', reference, fails=True)
    run('podman', 'login', *auth, '--tls-verify=false', '-u', 'alice', '-p', hub.token(), hub.address)
    run(*copy, *auth, f'oci:{layout[0].path}:multi', reference)
    run(*copy, *auth, reference, f'oci:{tmp_path}/back:multi')
    run('skopeo', 'logout', *auth, hub.address)
    assert 'denied' in run(
        'skopeo', 'inspect', *auth, '--tls-verify=false', reference, fails=True)
    hub.show('alice/app', Visibility.PUBLIC)
    shown = json.loads(run('skopeo', 'inspect', *auth, '--tls-verify=false', reference))
    assert shown['Digest'] == layout[1]


def test_containerd_asks_by_the_form_of_oauth2(hub: Hub, layout: tuple[Layout, str]) -> None:
    try:
        engine = Containerd()
    except Missing as error:
        absent(str(error))
    reference, user = f'{hub.address}/alice/app:1', ['--user', f'alice:{hub.password}']
    run('skopeo', 'copy', '-q', '--all', *INSECURE, '--dest-creds', f'alice:{hub.password}',
        f'oci:{layout[0].path}:multi', f'docker://{reference}')
    with engine:
        def ctr(*words: str, fails: bool = False) -> str:
            return run('ctr', '--address', engine.socket, 'images', *words, fails=fails)

        pull = ['pull', '--plain-http', '--all-platforms', '--snapshotter', 'native']
        assert 'failed' in ctr(*pull, reference, fails=True)
        ctr(*pull, *user, reference)
        ctr('tag', reference, f'{hub.address}/alice/other:1')
        ctr('push', '--plain-http', *user, f'{hub.address}/alice/other:1')
    assert re.search('"POST /token" 200', hub.log())


def test_buildkit_builds_and_pushes_by_the_form_of_oauth2(hub: Hub, tmp_path: Path) -> None:
    try:
        engine = Buildkitd(GO)
    except Missing as error:
        absent(str(error))
    context = tmp_path / 'context'
    context.mkdir()
    shutil.copy(BUSYBOX, context / 'busybox')
    (context / 'Dockerfile').write_text('FROM scratch\nCOPY busybox /bin/busybox\n')
    (tmp_path / 'docker').mkdir()
    auth = base64.b64encode(f'alice:{hub.token("pull,push:alice/**")}'.encode()).decode()
    (tmp_path / 'docker/config.json').write_text(json.dumps({'auths': {hub.address: {'auth': auth}}}))
    with engine:
        def build(name: str, fails: bool = False) -> str:
            return run(
                GO / 'buildctl', '--addr', f'unix://{engine.socket}', 'build', '--frontend', 'dockerfile.v0',
                '--local', f'context={context}', '--local', f'dockerfile={context}', '--output',
                f'type=image,name={hub.address}/{name},push=true,registry.insecure=true',
                env={**os.environ, 'DOCKER_CONFIG': str(tmp_path / 'docker')}, fails=fails,
            )

        build('alice/built:1')
        # which of the two it says depends on the request of the push that was refused first
        assert re.search('denied|authorization failed', build('bob/built:1', fails=True))
    assert re.search('"POST /token" 200', hub.log())


def test_oras_crane_and_regctl_log_in(hub: Hub, layout: tuple[Layout, str], tmp_path: Path) -> None:
    env = {**os.environ, 'DOCKER_CONFIG': str(tmp_path / 'docker'), 'HOME': str(tmp_path)}
    (tmp_path / 'note').write_text('a note')
    token = hub.token('pull,push:alice/**')
    run(GO / 'oras', 'login', '--plain-http', '-u', 'alice', '-p', token, hub.address, env=env)
    run(GO / 'oras', 'push', '--plain-http', f'{hub.address}/alice/notes:1', 'note', env=env, cwd=tmp_path)
    assert 'Unauthorized' in run(
        GO / 'oras', 'push', '--plain-http', f'{hub.address}/bob/notes:1', 'note', env=env, cwd=tmp_path, fails=True)
    run(GO / 'crane', 'auth', 'login', '-u', 'alice', '-p', token, hub.address, env=env)
    run(GO / 'crane', 'copy', '--insecure', f'{hub.address}/alice/notes:1', f'{hub.address}/alice/copied:1', env=env)
    run(GO / 'regctl', 'registry', 'set', '--tls', 'disabled', hub.address, env=env)
    run(GO / 'regctl', 'registry', 'login', '-u', 'alice', '-p', token, hub.address, env=env)
    assert run(GO / 'regctl', 'tag', 'ls', f'{hub.address}/alice/copied', env=env).split() == ['1']


def test_helm_logs_in_pushes_and_pulls_a_chart(hub: Hub, tmp_path: Path) -> None:
    env = {**os.environ, 'HOME': str(tmp_path)}

    def helm(*words: str) -> str:
        return run(GO / 'helm', *words, env=env, cwd=tmp_path)

    helm('registry', 'login', '-u', 'alice', '-p', hub.token('pull,push:alice/**'), hub.address)
    helm('create', 'chart')
    helm('package', 'chart')
    helm('push', '--plain-http', 'chart-0.1.0.tgz', f'oci://{hub.address}/alice')
    (tmp_path / 'pulled').mkdir()
    helm('pull', '--plain-http', f'oci://{hub.address}/alice/chart', '--version', '0.1.0', '-d', 'pulled')
    assert (tmp_path / 'pulled/chart-0.1.0.tgz').read_bytes() == (tmp_path / 'chart-0.1.0.tgz').read_bytes()


def test_who_pulls_too_much_is_told_so_and_nobody_else(layout: tuple[Layout, str], tmp_path: Path) -> None:
    store = {'driver': 'file', 'path': str(tmp_path / 'store')}
    server = Objreg(tmp_path / 'objreg', store, '--workers', '1', options={
        'pipeline:main': {'pipeline': 'errors proxy limits hub auth usage dedup registry'},
        'filter:auth': {'open': 'no'}, 'filter:usage': {'pulls': '2 per day', 'anonymous_pulls': '1 per day'},
    })
    with server:
        hub = hub_of(server)
        reference = f'{hub.address}/alice/app:1'
        run('skopeo', 'copy', '-q', '--all', *INSECURE, '--dest-creds', f'alice:{hub.password}',
            f'oci:{layout[0].path}:multi', f'docker://{reference}')
        hub.show('alice/app', Visibility.PUBLIC)

        def crane(*words: str, who: str, fails: bool = False) -> str:
            env = {**os.environ, 'DOCKER_CONFIG': str(tmp_path / who), 'HOME': str(tmp_path)}
            return run(GO / 'crane', *words, '--insecure', env=env, fails=fails)

        crane('auth', 'login', '-u', 'alice', '-p', hub.password, hub.address, who='alice')
        crane('manifest', reference, who='nobody')
        told = crane('manifest', reference, who='nobody', fails=True)
        assert 'TOOMANYREQUESTS: the limit of pulls is reached, try again later; 1 per 1 day for 127.0.0.1' in told
        for _ in range(2):
            crane('manifest', reference, who='alice')
        assert crane('digest', reference, who='alice').strip() == layout[1], 'a HEAD costs nothing'
        told = crane('manifest', reference, who='alice', fails=True)
        assert 'TOOMANYREQUESTS: the limit of pulls is reached, try again later; 2 per 1 day for alice' in told


def test_a_namespace_that_is_full_takes_nothing_and_gives_everything(
    layout: tuple[Layout, str], tmp_path: Path
) -> None:
    store = {'driver': 'file', 'path': str(tmp_path / 'store')}
    options = {
        'pipeline:main': {'pipeline': 'errors proxy limits hub auth ancestry quota webhooks dedup registry'},
        'filter:auth': {'open': 'no'}, 'filter:quota': {'every': '10 s'},
    }

    with Objreg(tmp_path / 'objreg', store, options=options) as server:
        hub = hub_of(server)
        creds, source = f'alice:{hub.password}', f'oci:{layout[0].path}:multi'
        push = ('skopeo', 'copy', '-q', '--all', *INSECURE, '--dest-creds', creds, source)
        hub.command('quota', 'set', 'alice', '1 GB')
        run(*push, f'docker://{hub.address}/alice/app:1')
        hub.command('quota', 'set', 'alice', '1 KB')
    with Objreg(tmp_path / 'another', store, options=options) as server:  # a node that knows what the bucket says
        hub = Hub(server, hub.password)
        told, until = '', time.monotonic() + 60
        while 'denied' not in told and time.monotonic() < until:
            told = run(*push, f'docker://{hub.address}/alice/app:2', fails=None)
            time.sleep(1)
        assert 'denied: the quota of this namespace is used up' in told
        run('skopeo', 'inspect', '--tls-verify=false', '--creds', creds, f'docker://{hub.address}/alice/app:1')


def test_the_cncf_registry_trusts_this_hub(hub: Hub, layout: tuple[Layout, str], tmp_path: Path) -> None:
    """One hub, a foreign registry: it knows the hub by its certificates alone."""
    _, bundle, _ = hub.server.call('GET', '/.well-known/objreg/certificates.pem')
    (tmp_path / 'bundle.pem').write_bytes(bundle)
    peer = Peer(tmp_path / 'peer', {'filesystem': {'rootdirectory': str(tmp_path / 'peer-data')}}, cache=False, auth={
        'token': {
            'realm': f'http://{hub.address}/token', 'service': 'registry', 'issuer': 'objreg',
            'rootcertbundle': str(tmp_path / 'bundle.pem'),
        },
    })
    copy = ['skopeo', 'copy', '-q', '--all', *INSECURE]
    with peer:
        source, target = f'oci:{layout[0].path}:multi', f'docker://127.0.0.1:{peer.port}/alice/app:1'
        creds = ['--dest-creds', f'alice:{hub.password}']
        run(*copy, *creds, source, target)
        run(*copy, *creds, source, f'docker://127.0.0.1:{peer.port}/bob/app:1', fails=True)
        run('skopeo', 'inspect', '--tls-verify=false', target, fails=True)
        shown = run('skopeo', 'inspect', '--tls-verify=false', '--creds', f'alice:{hub.password}', target)
        assert json.loads(shown)['Digest'] == layout[1]

