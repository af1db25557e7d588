"""Passwords without the work, but with a count of it."""

from collections.abc import Callable

from service.app.auth.passwords import CommonPasswords, PasswordHasher


def fake_hash(password: bytes) -> str:
    """Return what `FakePasswords` makes of *password*."""
    return f"hash of {password.hex()}"


class FakePasswords(PasswordHasher):
    """Hashes at once, and counts, so that tests can compare amounts of work."""

    max_bytes = 72

    def __init__(self) -> None:
        self.hashed = 0
        self.verified = 0
        self.full: Exception | None = None

    async def hash(self, password: bytes) -> str:
        self.hashed += 1
        return fake_hash(password)

    async def verify(
        self, password: bytes, hashed: str | None, on_mismatch: Callable[[], None] = lambda: None
    ) -> bool:
        self.verified += 1
        matches = hashed is not None and hashed.removeprefix("old ") == fake_hash(password)
        if not matches:
            on_mismatch()
        return matches

    def ensure_capacity(self) -> None:
        if self.full:
            raise self.full

    def is_outdated(self, hashed: str) -> bool:
        return not hashed.startswith("hash of ")


class FakeCommonPasswords(CommonPasswords):
    """Knows one."""

    def __contains__(self, password: str) -> bool:
        return password.casefold() == "password123"
