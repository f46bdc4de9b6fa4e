"""What ``objreg check-config`` finds wrong is said once."""

from __future__ import annotations

import shutil
from pathlib import Path

from objreg.check import check

ROOT = Path(__file__).resolve().parents[2]


def test_a_store_that_cannot_be_used_is_one_sentence_though_layers_need_it_too(tmp_path: Path) -> None:
    shutil.copy(ROOT / 'paste.ini', tmp_path)
    (tmp_path / 'stores.yml').write_text(
        'default: {driver: s3, bucket: b, endpoint: "http://127.0.0.1:9", access_key: a, secret_key: s, retry: false}'
    )
    [problem] = check(str(tmp_path / 'paste.ini')).problems
    assert '[default]' in problem and 'endpoint cannot be reached' in problem
