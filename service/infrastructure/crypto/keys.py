"""The keys that access tokens are signed with: one PEM file each, in a folder."""

import base64
import hashlib
import json
import os
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

_SUFFIX: Final = ".pem"


class NoSigningKeys(Exception):
    """The folder holds no usable signing key."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key (RFC 8037).

    Attributes:
        kid: The thumbprint of its public part (RFC 7638).

    """

    private: Ed25519PrivateKey = field(repr=False)
    kid: str

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> Self:
        """Return *private* with its name."""
        members = {"crv": "Ed25519", "kty": "OKP", "x": _x(private)}
        canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
        return cls(private, _base64url(hashlib.sha256(canonical).digest()))

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
    key = SigningKey.of(Ed25519PrivateKey.generate())
    path = folder / f"{now:%Y%m%dT%H%M%S.%fZ}-{key.kid}{_SUFFIX}"
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return path


def load_keys(folder: Path) -> tuple[SigningKey, ...]:
    """Return the keys in *folder* in the order of their names, which is that of their making.

    Raises:
        NoSigningKeys: There is none, or a file is no Ed25519 key; says which and what to do.

    """
    keys = tuple(_load(path) for path in sorted(folder.glob(f"*{_SUFFIX}")))
    if not keys:
        msg = f"No signing key in {folder}: make one with `profilectl keys new`."
        raise NoSigningKeys(msg)
    return keys


def _load(path: Path) -> SigningKey:
    msg = f"{path} is not an unencrypted Ed25519 private key in PEM."
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoSigningKeys(msg) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise NoSigningKeys(msg)
    return SigningKey.of(private)


def _x(private: Ed25519PrivateKey) -> str:
    return _base64url(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
