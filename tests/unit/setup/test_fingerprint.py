import shutil
import sys
from pathlib import Path

import pytest

from tools.setup.fingerprint import fingerprint

ROOT = Path(__file__).parents[3]
FILES = ("requirements-dev.lock", "requirements-build.lock", "pyproject.toml", "contracts/pyproject.toml")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "contracts").mkdir()
    for file in FILES:
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


@pytest.mark.parametrize("file", FILES)
def test_it_changes_with_every_file_that_is_installed_from(root: Path, file: str) -> None:
    before = fingerprint(root / ".venv", root)
    path = root / file
    path.write_text(path.read_text().replace('version = "0', 'version = "1') + "# changed\n")

    assert fingerprint(root / ".venv", root) != before


def test_it_does_not_change_with_settings_of_tools(root: Path) -> None:
    before = fingerprint(root / ".venv", root)
    path = root / "pyproject.toml"
    path.write_text(path.read_text().replace("line-length = 110", "line-length = 90"))

    assert fingerprint(root / ".venv", root) == before


def test_it_changes_with_the_python(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(root / ".venv", root)
    monkeypatch.setattr(sys, "base_prefix", "/opt/python")

    assert fingerprint(root / ".venv", root) != before


def test_it_changes_with_the_place(root: Path) -> None:
    assert fingerprint(root / ".venv", root) != fingerprint(root / ".venv-3.13", root)
