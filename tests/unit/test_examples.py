"""Every example loads; nothing is asked of any network."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import bcrypt
import pytest

from objreg import pipeline, stores
from objreg.auth import rules

EXAMPLES = Path(__file__).parents[2] / 'examples'
STORES = EXAMPLES / 'stores/stores.yml'


@pytest.mark.parametrize('name', stores.store_names(str(STORES)))
def test_every_store_loads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (
        'S3_ACCESS_KEY', 'S3_SECRET_KEY', 'QINIU_ACCESS_KEY', 'QINIU_SECRET_KEY', 'AZURE_STORAGE_KEY',
    ):
        monkeypatch.setenv(variable, 'secret==')
    monkeypatch.setenv('OBJREG_KEYS', '5ec2e7' * 10 + 'abcd')
    store = stores.load_store(str(STORES), name)
    assert store.name == name
    assert not re.search('secret|5ec2e7', stores.describe(str(STORES), name))
    store.close()


@pytest.mark.parametrize('path', sorted(EXAMPLES.glob('**/*.ini')), ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_every_pipeline_loads(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DATA', str(tmp_path / 'data'))
    folder = tmp_path / 'examples' / path.parent.name
    shutil.copytree(path.parent, folder)
    shutil.copy(EXAMPLES.parent / 'stores.yml', tmp_path / 'stores.yml')
    (folder / 'htpasswd').write_text(f'alice:{bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()}\n')
    assert pipeline.problems(str(folder / path.name)) == []
    application = pipeline.load(str(folder / path.name))
    assert [*pipeline.layers(application)][-1].name == 'registry'


def test_the_rules_load() -> None:
    found = rules.load(str(EXAMPLES / 'auth/rules.yml'))
    assert found.may('', 'pull', 'public/image')
    assert not found.may('ci', 'delete', 'team/app')
