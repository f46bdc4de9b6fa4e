"""Signals that come while workers are started: in processes of their own, which they may end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest

# each case in a fork of one program, as loading it takes longer than all of them
PROGRAM = '''
import os, signal, sys, threading
from objreg.server import signals
from objreg.server.workers import Workers

fork = os.fork

def say(text):
    os.write(1, f'{case} {text}\\n'.encode())

def run(when, number):
    forks, parent = [0], os.getpid()

    def forked():
        forks[0] += 1
        is_second = forks[0] == 2
        if when == 'before' and is_second:
            os.kill(parent, number)
        pid = fork()
        if when == 'after' and is_second and pid:
            os.kill(parent, number)
        if when == 'at-the-worker' and forks[0] == 3 and not pid:
            os.kill(os.getpid(), number)
        return pid

    def work():
        came = threading.Event()
        with signals.handled(lambda *_: came.set()):
            if when == 'later' and forks[0] == 3:
                os.kill(parent, number)
            while not came.wait(0.01):
                pass
        say('worker')
        if when == 'at-the-worker' and forks[0] == 3:
            os.kill(parent, signal.SIGTERM)

    os.fork = forked
    signal.alarm(20)  # a signal that is lost leaves this waiting
    say(f'status {Workers(3, work, lambda pid: None, lambda: say("stopping")).run()}')

for case in sys.argv[1:]:
    if not fork():
        run(case.split(':')[0], getattr(signal, case.split(':')[1]))
        os._exit(0)
    os.wait()
'''
CASES = {
    'before:SIGTERM': 2, 'after:SIGTERM': 2, 'after:SIGINT': 2, 'later:SIGTERM': 3, 'at-the-worker:SIGHUP': 3,
}
"""When a signal comes, and how many workers there are then."""


@pytest.fixture(scope='module')
def said() -> Mapping[str, list[str]]:
    """What each case said."""
    command = [sys.executable, '-c', PROGRAM, *CASES]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ''
    lines = [line.partition(' ') for line in done.stdout.splitlines()]
    return {case: [text for name, _, text in lines if name == case] for case in CASES}


@pytest.mark.parametrize('case', [case for case in CASES if not case.startswith('at-the-worker')])
def test_a_signal_while_workers_start_ends_those_that_were_started(said: Mapping[str, list[str]], case: str) -> None:
    """Also the one that is being forked: it is told as soon as it listens, and none is started after it."""
    assert sorted(said[case]) == ['status 0', 'stopping', *['worker'] * CASES[case]]
    assert said[case][-1] == 'status 0'


def test_a_signal_to_a_worker_that_is_not_ready_waits_until_it_is(said: Mapping[str, list[str]]) -> None:
    """SIGHUP would end it, and with it all the others."""
    assert sorted(said['at-the-worker:SIGHUP']) == ['status 0', 'stopping', 'worker', 'worker', 'worker']
