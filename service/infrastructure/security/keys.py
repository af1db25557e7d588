"""The keys that access tokens are signed with: one PEM file each, in a folder."""

import base64
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from service.infrastructure.security.root_key import RootKey

_SUFFIX: Final = ".pem"
# Its first use gave it the name.
_ROOT_KEY: Final = "refresh.key"
_ROOT_KEY_BYTES: Final = 32
_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
_NOT_OWNERS: Final = stat.S_IRWXG | stat.S_IRWXO
_NOT_EVEN_ROOTS: Final = stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO
_WRITTEN_BY_OTHERS: Final = stat.S_IWOTH


class NoSigningKeys(Exception):
    """The folder does not hold the keys that are needed."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key (RFC 8037).

    Attributes:
        kid: The thumbprint of its public part (RFC 7638).
        made_at: When it was made.

    """

    private: Ed25519PrivateKey = field(repr=False)
    kid: str
    made_at: datetime

    @classmethod
    def of(cls, private: Ed25519PrivateKey, made_at: datetime) -> Self:
        """Return *private* with its name."""
        members = {"crv": "Ed25519", "kty": "OKP", "x": _x(private)}
        canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
        return cls(private, _base64url(hashlib.sha256(canonical).digest()), made_at)

    def public_jwk(self) -> Mapping[str, str]:
        """Return the public part as a JSON Web Key (RFC 7517)."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": _x(self.private),
            "kid": self.kid,
            "alg": "EdDSA",
            "use": "sig",
        }


def new_key(folder: Path, now: datetime) -> Path:
    """Write a new key into *folder*, readable by its owner alone, and return its path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_root_key(folder)
    key = SigningKey.of(Ed25519PrivateKey.generate(), now)
    path = folder / f"{now:{_STAMP}}-{key.kid}{_SUFFIX}"
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return path


def load_keys(folder: Path) -> tuple[SigningKey, ...]:
    """Return the keys in *folder*, the oldest first.

    Raises:
        NoSigningKeys: There is none, a file is no Ed25519 key, or others could read it or put one there; says
            which and what to do.

    """
    _check_owned(folder)
    paths = sorted(folder.glob(f"*{_SUFFIX}"))
    keys = tuple(sorted(map(_load, paths), key=lambda key: key.made_at))
    if not keys:
        msg = f"No signing key in {folder}: make one with `profilectl keys new`."
        raise NoSigningKeys(msg)
    return keys


def retire_key(folder: Path, kid: str) -> Path:
    """Take the key *kid* out of use, and return the file it is kept in.

    Raises:
        NoSigningKeys: There is no such key, or it is the last one.

    """
    keys = {_load(path).kid: path for path in sorted(folder.glob(f"*{_SUFFIX}"))}
    if kid not in keys:
        raise NoSigningKeys(f"No key {kid} in {folder}.")
    if len(keys) == 1:
        raise NoSigningKeys(f"{kid} is the last key: make another one first, with `profilectl keys new`.")
    return keys[kid].rename(keys[kid].with_suffix(".retired"))


def load_root_key(folder: Path) -> RootKey:
    """Return the root key in *folder*, or raise `NoSigningKeys`."""
    path = folder / _ROOT_KEY
    try:
        key = _read_secret(path)
    except OSError as error:
        raise NoSigningKeys(f"No {path}: make one with `profilectl keys new`.") from error
    if len(key) != _ROOT_KEY_BYTES:
        raise NoSigningKeys(f"{path} has to hold {_ROOT_KEY_BYTES} random bytes.")
    return RootKey(key)


def _make_root_key(folder: Path) -> None:
    """Write a root key into *folder*, unless there is one: without it all refresh tokens die."""
    try:
        descriptor = os.open(folder / _ROOT_KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.urandom(_ROOT_KEY_BYTES))


def _read_secret(path: Path) -> bytes:
    """Return what is in *path*, if nobody else could have read it.

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


def _check_owned(folder: Path) -> None:
    """Raise `NoSigningKeys` if others could put a key of their own into *folder*, to sign tokens with."""
    if folder.is_dir() and folder.stat().st_mode & _WRITTEN_BY_OTHERS:
        raise NoSigningKeys(f"Others can write to {folder}, and so sign tokens: give it mode 0700.")


def _load(path: Path) -> SigningKey:
    msg = f"{path} is not an unencrypted Ed25519 private key in PEM."
    try:
        private = load_pem_private_key(_read_secret(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoSigningKeys(msg) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise NoSigningKeys(msg)
    return SigningKey.of(private, _made_at(path))


def _made_at(path: Path) -> datetime:
    """Return the time in the name of a file of ours; of any other file, that of its last change."""
    try:
        return datetime.strptime(path.name.partition("-")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _x(private: Ed25519PrivateKey) -> str:
    return _base64url(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
