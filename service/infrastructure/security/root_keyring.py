"""The root keys in use, and how one follows the other without a gap."""

from collections.abc import Sequence
from pathlib import Path

from service.app.clock import Clock
from service.infrastructure.security.keyring import PUBLISHED_AHEAD
from service.infrastructure.security.root_key import Purpose, RootKey
from service.infrastructure.security.root_key_files import load_root_keys


class RootKeyring:
    """The root keys in a folder. What any of them made is accepted; one of them makes.

    Args:
        folder: As `new_root_key` and `retire_key` leave it.

    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._keys = load_root_keys(folder)

    @property
    def keys(self) -> Sequence[RootKey]:
        """The keys in use, the oldest first."""
        return self._keys

    @property
    def current(self) -> RootKey:
        """The key to make something with now: the newest one that every worker has read."""
        read_since = self._clock.now() - PUBLISHED_AHEAD
        known = [key for key in self.keys if key.since <= read_since]
        return known[-1] if known else self.keys[0]

    def derived(self, purpose: Purpose) -> Sequence[bytes]:
        """Return the keys for *purpose*: the first one for what is made, and all to recognise it by."""
        current = self.current
        others = [key for key in self.keys if key is not current]
        return [key.derive(purpose) for key in (current, *others)]

    def former(self) -> Sequence[bytes]:
        """Return what version 0.1 made digests of commands with: the first key as it is, if it is in use."""
        return [key.secret for key in self.keys if key.is_first]

    async def look(self) -> None:
        """Read the folder again.

        Raises:
            NoSigningKeys: The folder is not usable; the keys stay as they were.

        """
        self._keys = load_root_keys(self._folder)
