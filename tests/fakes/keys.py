"""Keys without files."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.infrastructure.security.keyring import Keyring
from service.infrastructure.security.keys import SigningKey
from service.infrastructure.security.root_key import RootKey
from service.infrastructure.security.root_keyring import RootKeyring
from service.pkg.key_source import KeySource
from tests.builders import NOON


def a_key() -> SigningKey:
    """Return a new key."""
    return SigningKey.of(Ed25519PrivateKey.generate(), NOON)


class FakeKeyring(Keyring):
    """Holds the keys it was given; the last one signs."""

    def __init__(self, *keys: SigningKey) -> None:
        self._keys = {key.kid: key for key in keys}

    @property
    def keys(self) -> Sequence[SigningKey]:
        return tuple(self._keys.values())

    @property
    def signer(self) -> SigningKey:
        return self.keys[-1]


class FakeRootKeyring(RootKeyring):
    """Holds the root keys it was given; the last one is current."""

    def __init__(self, *keys: RootKey) -> None:
        self._keys = keys

    @property
    def current(self) -> RootKey:
        return self._keys[-1]


def in_use(*keys: bytes) -> KeySource:
    """Return what says that *keys* are in use, the first one for what is made."""
    return lambda: keys
