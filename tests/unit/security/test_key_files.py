"""Keys that others could have read, or put there, are not used."""

import os
from pathlib import Path
from typing import Any

import pytest

from service.infrastructure.security.key_files import NoSigningKeys, write_secret
from service.infrastructure.security.keys import load_keys, new_key
from service.infrastructure.security.root_key_files import load_root_keys, new_root_key
from tests.builders import NOON


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of keys, as it is made."""
    return new_key(tmp_path / "keys", NOON).parent


def signing_key(folder: Path) -> Path:
    return next(folder.glob("*.pem"))


def refresh_key(folder: Path) -> Path:
    return folder / "refresh.key"


def later_root_key(folder: Path) -> Path:
    """Return the one that is there, or a new one."""
    return next(folder.glob("*.root"), None) or new_root_key(folder, NOON)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602, 0o601, 0o666])
@pytest.mark.parametrize(
    ("file", "load"),
    [(signing_key, load_keys), (refresh_key, load_root_keys), (later_root_key, load_root_keys)],
)
def test_a_key_that_others_can_read_is_refused_and_named(folder: Path, file, load, mode: int) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    file(folder).chmod(mode)

    with pytest.raises(NoSigningKeys, match=rf"{file(folder).name} has mode 0{mode:o}, so others could"):
        load(folder)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_that_only_its_owner_can_read_is_used(folder: Path, mode: int) -> None:
    for file in (signing_key(folder), refresh_key(folder), later_root_key(folder)):
        file.chmod(mode)

    assert load_keys(folder)
    assert len(load_root_keys(folder)) == 2


def test_a_group_may_read_what_root_has_mounted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid():
        pytest.skip("only root can make files of root's")
    monkeypatch.setattr(os, "geteuid", lambda: 10_001)
    signing_key(folder).chmod(0o440)

    assert load_keys(folder)

    signing_key(folder).chmod(0o444)
    with pytest.raises(NoSigningKeys, match="0640"):
        load_keys(folder)


def test_what_root_makes_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    """Workers, who are not root, have to read it."""
    if os.geteuid():
        pytest.skip("only root can give files away")
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    os.chown(folder, 10_001, 10_002)
    made = [new_key(folder, NOON), new_root_key(folder, NOON), refresh_key(folder)]

    assert [(each.stat().st_uid, each.stat().st_gid) for each in made] == [(10_001, 10_002)] * 3
    assert {each.stat().st_mode & 0o777 for each in made} == {0o600}


def test_a_link_is_judged_by_what_it_leads_to(folder: Path, tmp_path: Path) -> None:
    # As Kubernetes mounts secrets.
    real = signing_key(folder).rename(tmp_path / "real")
    (folder / "linked.pem").symlink_to(real)

    assert load_keys(folder)

    real.chmod(0o644)
    with pytest.raises(NoSigningKeys, match=r"linked\.pem has mode 0644"):
        load_keys(folder)


def test_a_folder_that_others_can_write_to_is_refused(folder: Path) -> None:
    folder.chmod(0o707)

    for load in (load_keys, load_root_keys):
        with pytest.raises(NoSigningKeys, match="Others can write to"):
            load(folder)


def test_a_key_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that starts in the middle of `keys new` reads the folder."""
    seen: list[bool] = []
    fdopen = os.fdopen

    def noted(*args: Any) -> Any:
        seen.append((tmp_path / "a.root").exists())
        return fdopen(*args)

    monkeypatch.setattr(os, "fdopen", noted)
    path = write_secret(tmp_path / "a.root", b"secret")

    assert seen == [False]
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"secret", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_replaces_no_other(tmp_path: Path) -> None:
    path = write_secret(tmp_path / "a.root", b"secret")
    with pytest.raises(FileExistsError):
        write_secret(path, b"another")

    assert path.read_bytes() == b"secret"
    assert list(tmp_path.iterdir()) == [path]
