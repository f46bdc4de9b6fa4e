"""Signals of a process that serves; in one of its own, which they may end."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = '''
import os, signal, socket, threading
from objreg.server import Process
from waitress.adjustments import Adjustments

count = 0

def reload():
    global count
    count += 1
    os.kill(os.getpid(), signal.SIGHUP if count == 1 else signal.SIGTERM)

with socket.create_server(('127.0.0.1', 0)) as listening:
    process = Process(None, [listening], Adjustments(sockets=[listening]))
    signal.alarm(20)
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGHUP)).start()
    process.run(grace=1, reload=reload, drain=lambda: None, is_orphan=lambda: False)
print('reloaded', count)
'''


def test_a_second_sighup_while_it_reloads_is_another_reload_and_not_the_end() -> None:
    done = subprocess.run([sys.executable, '-c', PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, 'reloaded 2\n'), done.stderr
