"""What `encrypt` costs: bytes a second of one processor, and memory, beside the folder that it lies around.

    python -m benchmarks.encrypt
"""

from __future__ import annotations

import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from objreg.drivers.file import FileStore
from objreg.store import CHUNK, Store
from objreg.wrap.encrypt import EncryptStore

SIZE = 256 * 1024**2
ROUNDS = 5


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder, 'body')
        body.write_bytes(os.urandom(1024**2) * (SIZE // 1024**2))
        plain = FileStore(f'{folder}/plain', sync=False)
        sealed = EncryptStore(store=FileStore(f'{folder}/sealed', sync=False), key='a1' * 32)
        for what, call in (
            ('put a file', lambda store: put(store, body, stream=False)),
            ('put a stream', lambda store: put(store, body, stream=True)),
            ('get', get),
        ):
            rates = [best(call, store) for store in (plain, sealed)]
            print(f'{what:14}{rates[0]:8.0f} MiB/s {rates[1]:8.0f} MiB/s   ratio {rates[1] / rates[0]:.2f}')
        print(f'memory        {peak(lambda: get(sealed)):8.0f} KiB at most of a get, '
              f'{peak(lambda: put(sealed, body, stream=True)):.0f} KiB of a put')


def put(store: Store, body: Path, *, stream: bool) -> None:
    """Write it once."""
    with body.open('rb') as file:
        store.put('blobs/x', iter(lambda: file.read(CHUNK), b'') if stream else file, SIZE)


def get(store: Store) -> None:
    """Read it once."""
    with store.get('blobs/x') as content:
        for _ in content:
            pass


def best(call: Callable[[Store], None], store: Store) -> float:
    """MiB a second of the processor, of the best round: whatever else the machine does only makes it slower."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call(store)
        seconds.append(time.process_time() - began)
    return SIZE / 1024**2 / min(seconds)


def peak(call: Callable[[], None]) -> float:
    """KiB that Python holds at most during a call."""
    tracemalloc.start()
    call()
    found = tracemalloc.get_traced_memory()[1] / 1024
    tracemalloc.stop()
    return found


if __name__ == '__main__':
    main()
