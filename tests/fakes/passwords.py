"""Passwords without the work, but with a count of it."""

from service.app.auth.passwords import PasswordHasher


def fake_hash(password: bytes) -> str:
    """Return what `FakePasswords` makes of *password*."""
    return f"hash of {password.hex()}"


class FakePasswords(PasswordHasher):
    """Hashes at once, and counts, so that tests can compare amounts of work."""

    def __init__(self) -> None:
        self.hashed = 0
        self.verified = 0

    async def hash(self, password: bytes) -> str:
        self.hashed += 1
        return fake_hash(password)

    async def verify(self, password: bytes, hashed: str | None) -> bool:
        self.verified += 1
        return hashed == fake_hash(password)
