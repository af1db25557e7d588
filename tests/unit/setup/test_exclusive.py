"""Whoever waits for another set-up waits for as long as one may take."""

from pathlib import Path

import pytest

from tools.setup import exclusive as module
from tools.setup import installers
from tools.setup.errors import SetupError
from tools.setup.exclusive import exclusive
from tools.setup.installers import LONGEST_SECONDS, STEP_SECONDS, Installer


def test_all_steps_of_a_set_up_have_their_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip").touch()
    steps: list[str] = []

    def run(_self: Installer, command: list[str], _environment: object) -> tuple[bool, str]:
        """Let uv hang for as long as it may."""
        steps.append(Path(command[0]).name)
        return steps[-1] != "uv", ""

    monkeypatch.setattr(installers, "ask_pip", lambda _: {})
    monkeypatch.setattr(installers, "uv_settings", lambda _: {})
    monkeypatch.setattr(Installer, "_run", run)
    installer = Installer(tmp_path, tmp_path, tmp_path / "log", 0)
    installer.make_empty("python")
    installer.install_locked()
    installer.install_ours()

    assert steps == ["python", "python", "uv", "python", "uv", "python"]
    assert len(steps) * STEP_SECONDS <= LONGEST_SECONDS


def test_a_set_up_that_takes_longer_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", 0)
    with (
        exclusive(tmp_path / ".venv"),
        pytest.raises(SetupError, match=r"Another set-up holds .*\.venv\.lock for 0 s: end it"),
        exclusive(tmp_path / ".venv"),
    ):
        pass
