"""A file of all users is whole, or it is not there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from service.cli import profile_transfer
from service.domain.profile import Profile
from service.infrastructure.mongo.errors import DatabaseUnavailable
from tests.builders import a_profile
from tests.unit.profilectl import profilectl, said

pytestmark = pytest.mark.usefixtures("nothing_is_set")


def names(folder: Path) -> list[str]:
    """Return what is in *folder*."""
    return [each.name for each in folder.iterdir()]


class Exporting:
    """Two users, and what is in the folder when each is read."""

    def __init__(self, folder: Path, error: Exception | None = None) -> None:
        self.folder = folder
        self.error = error
        self.seen: list[list[str]] = []

    async def handle(self) -> AsyncIterator[Profile]:
        for _ in range(2):
            self.seen.append(names(self.folder))
            yield a_profile()
        if self.error:
            raise self.error


def exports(monkeypatch: pytest.MonkeyPatch, exporting: Exporting) -> None:
    @asynccontextmanager
    async def use_cases() -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(export_profiles=exporting)

    monkeypatch.setattr(profile_transfer, "opened_use_cases", use_cases)


def test_the_file_has_its_name_once_it_is_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exports(monkeypatch, exporting := Exporting(tmp_path))
    result = profilectl("profile", "export-all", "users.jsonl")

    assert (result.exit_code, result.stdout) == (0, "2 exported.\n")
    assert exporting.seen == [["users.jsonl.part"]] * 2
    assert names(tmp_path) == ["users.jsonl"]
    file = tmp_path / "users.jsonl"
    assert (len(file.read_text().splitlines()), file.stat().st_mode & 0o777) == (2, 0o600)


def test_of_half_a_file_nothing_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exports(monkeypatch, Exporting(tmp_path, DatabaseUnavailable()))
    result = profilectl("profile", "export-all", "users.jsonl")

    assert result.exit_code == 7
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["users.jsonl", "users.jsonl.part"])
def test_no_other_file_is_written_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("of somebody else")
    exports(monkeypatch, exporting := Exporting(tmp_path))
    result = profilectl("profile", "export-all", "users.jsonl")

    assert result.exit_code == 2
    assert f"File exists: '{name}'" in said(result)
    assert exporting.seen == []
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [(name, "of somebody else")]
