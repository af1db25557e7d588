"""The root keys, one file each, in the folder of the keys that access tokens are signed with."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from service.infrastructure.security.key_files import (
    NoSigningKeys,
    check_owned,
    file_name,
    made_at,
    read_secret,
    write_secret,
)
from service.infrastructure.security.root_key import RootKey

# Its first use gave it the name. It is the oldest whatever its file says: backups do not keep that.
_FIRST: Final = "refresh.key"
_SUFFIX: Final = ".root"
_BYTES: Final = 32


def new_root_key(folder: Path, now: datetime) -> Path:
    """Write one more root key into *folder*, readable by its owner alone, and return its path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = RootKey(os.urandom(_BYTES), now)
    return write_secret(folder / file_name(now, key.kid, _SUFFIX), key.secret)


def make_first_root_key(folder: Path) -> None:
    """Write a root key into *folder*, unless there is one: without it all refresh tokens die."""
    if not _paths(folder):
        with suppress(FileExistsError):  # made just now, by somebody else
            write_secret(folder / _FIRST, os.urandom(_BYTES))


def load_root_keys(folder: Path) -> Sequence[RootKey]:
    """Return the root keys in *folder*, the oldest first.

    Raises:
        NoSigningKeys: There is none, a file is no root key, or others could read it or put one there; says
            which and what to do.

    """
    check_owned(folder)
    keys = tuple(sorted(map(_load, _paths(folder)), key=lambda key: key.since))
    if not keys:
        raise NoSigningKeys(f"No root key in {folder}: make one with `profilectl keys new`.")
    return keys


def root_key_files(folder: Path) -> Mapping[str, Path]:
    """Return the file of each root key in *folder*, by the name of the key."""
    return {_load(path).kid: path for path in _paths(folder)}


def _paths(folder: Path) -> Sequence[Path]:
    first = folder / _FIRST
    return [*([first] if first.exists() else []), *sorted(folder.glob(f"*{_SUFFIX}"))]


def _load(path: Path) -> RootKey:
    secret = read_secret(path)
    if len(secret) != _BYTES:
        raise NoSigningKeys(f"{path} has to hold {_BYTES} random bytes.")
    return RootKey(secret, None if path.name == _FIRST else made_at(path))
