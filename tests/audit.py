"""Known holes in the dependencies: ``python -m tests.audit``.

Without a network nothing can be known: that is said, and is no failure.
"""

from __future__ import annotations

import json
import subprocess
import sys


def main() -> int:
    """Exit status 1 for a hole, 0 otherwise."""
    done = subprocess.run(
        [sys.executable, '-m', 'pip_audit', '--local', '--format=json', '--progress-spinner=off', '--timeout=10'],
        capture_output=True, text=True, check=False,
    )
    try:
        found = json.loads(done.stdout)['dependencies']
    except (ValueError, KeyError):
        print(f'audit: could not ask: {(done.stderr.strip().splitlines() or ["no answer"])[-1]}')
        return 0
    asked = [dependency for dependency in found if 'vulns' in dependency]
    for dependency in asked:
        for hole in dependency['vulns']:
            fixed = ', '.join(hole['fix_versions']) or 'no version yet'
            print(f'audit: {dependency["name"]} {dependency["version"]}: {hole["id"]}, mended in {fixed}')
    if not asked:
        print('audit: the package index knows nothing of holes; nothing was audited')
        return 0
    print(f'audit: {len(asked)} packages, {len(found) - len(asked)} unknown to the index')
    return int(any(dependency['vulns'] for dependency in asked))


if __name__ == '__main__':
    sys.exit(main())
