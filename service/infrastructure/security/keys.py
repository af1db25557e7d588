"""The keys that access tokens are signed with: one PEM file each, in a folder."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
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

from service.infrastructure.security import base64url
from service.infrastructure.security.key_files import (
    NoSigningKeys,
    check_owned,
    file_name,
    made_at,
    read_secret,
    retire,
    write_secret,
)
from service.infrastructure.security.root_key_files import make_first_root_key, root_key_files

_SUFFIX: Final = ".pem"


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
        return cls(private, base64url.encode(hashlib.sha256(canonical).digest()), made_at)

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
    make_first_root_key(folder)
    key = SigningKey.of(Ed25519PrivateKey.generate(), now)
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return write_secret(folder / file_name(now, key.kid, _SUFFIX), pem)


def load_keys(folder: Path) -> tuple[SigningKey, ...]:
    """Return the keys in *folder*, the oldest first.

    Raises:
        NoSigningKeys: There is none, a file is no Ed25519 key, or others could read it or put one there; says
            which and what to do.

    """
    check_owned(folder)
    paths = sorted(folder.glob(f"*{_SUFFIX}"))
    keys = tuple(sorted(map(_load, paths), key=lambda key: key.made_at))
    if not keys:
        msg = f"No signing key in {folder}: make one with `profilectl keys new`."
        raise NoSigningKeys(msg)
    return keys


def retire_key(folder: Path, kid: str) -> Path:
    """Take the key *kid*, for access tokens or a root key, out of use; return the file it is kept in.

    Raises:
        NoSigningKeys: There is no such key, or it is the last one of its kind.

    """
    kinds = (
        (_signing_key_files, "key", "profilectl keys new"),
        (root_key_files, "root key", "profilectl keys new --root"),
    )
    for files_in, kind, how in kinds:
        files = files_in(folder)
        if kid in files and len(files) == 1:
            raise NoSigningKeys(f"{kid} is the last {kind}: make another one first, with `{how}`.")
        if kid in files:
            return retire(files[kid])
    raise NoSigningKeys(f"No key {kid} in {folder}.")


def _signing_key_files(folder: Path) -> Mapping[str, Path]:
    return {_load(path).kid: path for path in sorted(folder.glob(f"*{_SUFFIX}"))}


def _load(path: Path) -> SigningKey:
    msg = f"{path} is not an unencrypted Ed25519 private key in PEM."
    try:
        private = load_pem_private_key(read_secret(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoSigningKeys(msg) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise NoSigningKeys(msg)
    return SigningKey.of(private, made_at(path))


def _x(private: Ed25519PrivateKey) -> str:
    return base64url.encode(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
