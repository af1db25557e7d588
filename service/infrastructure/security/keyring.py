"""The signing keys in use, and how one follows the other without a gap."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from service.app.clock import Clock
from service.infrastructure.security.keys import SigningKey, load_keys

# Gateways keep the public keys for ten minutes: a new key signs once they all have it. A new root key, which
# only workers have to know, waits as long.
PUBLISHED_AHEAD: Final = timedelta(minutes=15)
LOOK_AGAIN: Final = timedelta(seconds=10)


class Keyring:
    """The keys in a folder. All of them verify; the newest one that everybody knows signs.

    Args:
        folder: As `keys.new_key` and `keys.retire_key` leave it.

    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._keys = {key.kid: key for key in load_keys(folder)}

    @property
    def keys(self) -> Sequence[SigningKey]:
        """The keys whose tokens are valid, the oldest first."""
        return tuple(self._keys.values())

    @property
    def signer(self) -> SigningKey:
        """The key to sign with now."""
        known_since = self._clock.now() - PUBLISHED_AHEAD
        known = [key for key in self.keys if key.made_at <= known_since]
        return known[-1] if known else self.keys[0]

    def find(self, kid: str) -> SigningKey | None:
        """Return the key of that name."""
        return self._keys.get(kid)

    def reload(self) -> bool:
        """Read the folder again; return whether the keys have changed.

        Raises:
            NoSigningKeys: The folder is not usable; the keys stay as they were.

        """
        before = self._keys
        self._keys = {key.kid: key for key in load_keys(self._folder)}
        return self._keys.keys() != before.keys()

    async def look(self, publish: Callable[[Sequence[str], Sequence[str]], Awaitable[None]]) -> None:
        """Read the folder again; if the keys have changed, *publish* their names before and after that.

        Raises:
            NoSigningKeys: The folder is not usable; the keys stay as they were.

        """
        before = [key.kid for key in self.keys]
        if self.reload():
            await publish(before, [key.kid for key in self.keys])
