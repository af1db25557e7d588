"""Files that hold secret keys: who may read them, and when they were made."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkstemp
from typing import Final

_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
_RETIRED: Final = ".retired"
_PART: Final = ".part"
_NOT_OWNERS: Final = stat.S_IRWXG | stat.S_IRWXO
_NOT_EVEN_ROOTS: Final = stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO
_WRITTEN_BY_OTHERS: Final = stat.S_IWOTH


class NoSigningKeys(Exception):
    """The folder does not hold the keys that are needed."""


def file_name(made_at: datetime, kid: str, suffix: str) -> str:
    """Return the name of the file of a key, which `made_at` reads."""
    return f"{made_at:{_STAMP}}-{kid}{suffix}"


def made_at(path: Path) -> datetime:
    """Return the time in the name of a file of ours; of any other file, that of its last change."""
    try:
        return datetime.strptime(path.name.partition("-")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def write_secret(path: Path, content: bytes) -> Path:
    """Write *content* to a new file that its owner alone may read; return its path.

    It is there whole or not at all: a worker that starts in this moment reads the folder. What root writes
    is given to the folder's owner: the user of the workers that are to read it.

    Raises:
        FileExistsError

    """
    descriptor, part = mkstemp(_PART, dir=path.parent)  # with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            if os.geteuid() == 0:
                folder = path.parent.stat()
                os.fchown(descriptor, folder.st_uid, folder.st_gid)
            file.write(content)
        path.hardlink_to(part)
    finally:
        Path(part).unlink()
    return path


def read_secret(path: Path) -> bytes:
    """Return what is in *path*, if nobody else could have read it, or raise `NoSigningKeys`.

    PostgreSQL's rule for its key: 0600 or less, or 0640 if root owns it, as secrets are mounted that a
    group is to read.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        by_group = status.st_uid == 0 != os.geteuid()
        if status.st_mode & (_NOT_EVEN_ROOTS if by_group else _NOT_OWNERS):
            mode = "0640" if by_group else "0600"
            raise NoSigningKeys(
                f"{path} has mode {stat.S_IMODE(status.st_mode):04o}, so others could have read it: make new "
                f"keys, or give it {mode} if only you have access to the machine."
            )
        return file.read()


def check_owned(folder: Path) -> None:
    """Raise `NoSigningKeys` if others could put a key of their own into *folder*, to sign tokens with."""
    if folder.is_dir() and folder.stat().st_mode & _WRITTEN_BY_OTHERS:
        raise NoSigningKeys(f"Others can write to {folder}, and so sign tokens: give it mode 0700.")


def retire(path: Path) -> Path:
    """Take the key in *path* out of use, and return the file it is kept in."""
    return path.rename(path.with_suffix(_RETIRED))
