import os
import platform
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools.setup import machine
from tools.setup.errors import SetupError


def pretend(monkeypatch: pytest.MonkeyPatch, system: str, processor: str, libc: str = "glibc") -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: processor)
    monkeypatch.setattr(platform, "libc_ver", lambda: (libc, "2.36"))


@pytest.mark.parametrize(
    ("system", "processor"), [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]
)
def test_machines_that_the_lock_has_files_for(
    monkeypatch: pytest.MonkeyPatch, system: str, processor: str
) -> None:
    pretend(monkeypatch, system, processor)
    machine.require_support()  # raises nothing

    assert (sys.platform, platform.machine()) == (system, processor)


@pytest.mark.parametrize(
    ("system", "processor", "libc"),
    [
        ("linux", "riscv64", "glibc"),
        ("linux", "i686", "glibc"),
        ("linux", "x86_64", ""),
        ("darwin", "x86_64", ""),
        ("win32", "AMD64", ""),
    ],
)
def test_others_are_told_what_to_take(
    monkeypatch: pytest.MonkeyPatch, system: str, processor: str, libc: str
) -> None:
    pretend(monkeypatch, system, processor, libc)

    with pytest.raises(SetupError, match=f"no ready-made packages for {system} on {processor}.*: take"):
        machine.require_support()


def test_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=20_000_000))

    with pytest.raises(SetupError, match="has 20 MB left, and 700 MB are needed: make room"):
        machine.require_room(tmp_path / ".venv")


def test_what_the_old_environment_takes_is_room_for_the_new_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    monkeypatch.setattr(machine, "_MEGABYTES_NEEDED", 1)
    library = tmp_path / ".venv" / "lib" / "big.so"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"\x01" * 1_500_000)
    machine.require_room(tmp_path / ".venv")  # raises nothing

    (tmp_path / "cached").hardlink_to(library)
    with pytest.raises(SetupError, match="has 0 MB left"):
        machine.require_room(tmp_path / ".venv")


def test_another_set_up_may_remove_the_old_environment_meanwhile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    monkeypatch.setattr(os, "walk", lambda folder: [(folder, [], ["gone"])])

    with pytest.raises(SetupError, match="has 0 MB left"):
        machine.require_room(tmp_path / ".venv")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="There is no folder"):
        machine.require_room(tmp_path / "nowhere" / ".venv")
