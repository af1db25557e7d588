"""Keys without files."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.infrastructure.security.keyring import Keyring
from service.infrastructure.security.keys import SigningKey
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
