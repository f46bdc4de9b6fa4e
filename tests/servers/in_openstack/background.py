"""An application as a server of its own, left running: what `identity.py` and `image.py` have in common."""

from __future__ import annotations

import os
import sys
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import waitress
from sqlalchemy import event
from sqlalchemy.engine import Engine

TIMEOUT = 60
LARGEST = 16 * 1024**3


def apart(work: Callable[[], object], log: Path, *, stays: bool = False) -> int:
    """Do it in a forked child, whose output goes to `log`: options of these programs are global, and set once.

    Waits for its end, or, if it `stays`, returns its pid at once.
    """
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setsid()
            file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(file, 1)
            os.dup2(file, 2)
            work()
            status = 0
        except SystemExit as error:
            status = int(bool(error.code))
        except BaseException:
            traceback.print_exc()
        finally:
            # whatever it was, this child must not go on as its parent
            sys.stdout.flush()
            os._exit(status)
    if not stays and os.waitpid(pid, 0)[1]:
        sys.exit(f'failed, see {log}:\n{log.read_text(errors="replace")[-2000:]}')
    return pid


def serve(name: str, folder: Path, port: int, application: Callable[[], Any]) -> None:
    """Serve what `application` makes, until it is killed; see `wait`."""
    def work() -> None:
        sys.argv = [name]  # these programs look there
        event.listen(Engine, 'begin', take_turns)
        waitress.serve(
            application(), host='127.0.0.1', port=port, threads=8, max_request_body_size=LARGEST, ident=None,
        )

    pid = apart(work, folder / f'{name}.log', stays=True)
    (folder / f'{name}.pid').write_text(str(pid))


def take_turns(connection: Any) -> None:
    """Wait at the start of a transaction: SQLite lets none that has read wait until it may write, but fails it."""
    if 'in_transaction' not in connection.info:  # which oslo.db looks at, before it begins otherwise
        connection.exec_driver_sql('BEGIN IMMEDIATE')
        connection.info['in_transaction'] = True


def wait(folder: Path, **ports: int) -> None:
    """Until all of these servers answer; the end of one before that is the end of the attempt."""
    deadline = time.monotonic() + TIMEOUT
    while not all(map(is_up, ports.values())):
        for name in ports:
            if os.waitpid(int((folder / f'{name}.pid').read_text()), os.WNOHANG)[0]:
                sys.exit(f'{name} died:\n{(folder / f"{name}.log").read_text(errors="replace")[-2000:]}')
        if time.monotonic() > deadline:
            sys.exit(f'not up after {TIMEOUT} s, see {folder}')
        time.sleep(0.05)


def is_up(port: int) -> bool:
    """Whether a server answers, were it with an error."""
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/', timeout=10):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
