"""How passwords are hashed: what each scheme costs, and what its hashes look like."""

import base64
import binascii
import hmac
import os
import re
import string
from dataclasses import dataclass
from typing import ClassVar, Final

import bcrypt
from cryptography.hazmat.primitives.kdf import argon2, scrypt

from service.domain.password import MAX_BYTES, MOST_BYTES

# Salt and digest, of 8 and 16 bytes at least.
_PARTS: Final = r"\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})"
_BCRYPT_LETTERS: Final = f"./{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}"
_BCRYPT_SALT_END: Final = len("$2b$12$") + 21
_BCRYPT: Final = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_ARGON2ID: Final = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{0,6}),t=([1-9][0-9]{0,4}),p=([1-9][0-9]?)" + _PARTS
)
_SCRYPT: Final = re.compile(r"\$scrypt\$ln=([1-9][0-9]?),r=([1-9][0-9]?),p=([1-9][0-9]?)" + _PARTS)

# A hash in the database may come from elsewhere: bcrypt's of cost 31 would keep a core busy for days.
_COSTS: Final = range(4, 16)
_MAX_MEMORY_KIB: Final = 256 * 1024  # for each thread that hashes
_MAX_ARGON2_WORK: Final = 2**20  # KiB times iterations: two seconds of a core
_MAX_SCRYPT_WORK: Final = 2**21  # blocks of 128 bytes times lanes: one second
_SALT_BYTES, _DIGEST_BYTES = 16, 32
_DUMMY: Final = b"-"


@dataclass(frozen=True, slots=True)
class Bcrypt:
    """bcrypt, which reads 72 bytes of a password at most.

    Attributes:
        cost: The base-2 logarithm of the rounds; 12 takes about 0.2 s.

    """

    cost: int
    max_bytes: ClassVar[int] = MAX_BYTES

    def hash(self, password: bytes) -> str:
        """Return a salted hash of *password*, which has at most 72 bytes and no NUL."""
        return bcrypt.hashpw(password, bcrypt.gensalt(self.cost)).decode()

    def matches(self, password: bytes, hashed: str) -> bool:
        """Return whether *hashed* was made from *password*; a longer one than can be read takes as long."""
        is_right = bcrypt.checkpw(password[:MAX_BYTES], _canonical(hashed).encode())
        return is_right and len(password) <= MAX_BYTES

    def spend(self) -> None:
        """Do the work of one hash."""
        self.hash(_DUMMY)

    def is_met_by(self, other: "Scheme | None") -> bool:
        """Return whether what *other* has made is as good. A higher cost is."""
        return isinstance(other, Bcrypt) and other.cost >= self.cost


@dataclass(frozen=True, slots=True)
class Argon2id:
    """Argon2id (RFC 9106), as long passwords as may be.

    Attributes:
        memory_kib: How much memory a hash takes.
        iterations: How often it goes through that.
        parallelism: In how many lanes the memory is parted.

    """

    memory_kib: int
    iterations: int
    parallelism: int
    max_bytes: ClassVar[int] = MOST_BYTES

    def hash(self, password: bytes) -> str:
        """Return a salted hash of *password* as a PHC string."""
        salt = os.urandom(_SALT_BYTES)
        costs = f"m={self.memory_kib},t={self.iterations},p={self.parallelism}"
        digest = self._derive(password, salt, _DIGEST_BYTES)
        return f"$argon2id$v=19${costs}${_encoded(salt)}${_encoded(digest)}"

    def matches(self, password: bytes, hashed: str) -> bool:
        """Return whether *hashed* was made from *password*."""
        salt, digest = _salt_and_digest(hashed)
        return hmac.compare_digest(digest, self._derive(password, salt, len(digest)))

    def spend(self) -> None:
        """Do the work of one hash."""
        self._derive(_DUMMY, bytes(_SALT_BYTES), _DIGEST_BYTES)

    def is_met_by(self, other: "Scheme | None") -> bool:
        """Return whether what *other* has made is as good. More memory in fewer iterations is."""
        if not isinstance(other, Argon2id):
            return False
        return other.memory_kib * other.iterations >= self.memory_kib * self.iterations

    def _derive(self, password: bytes, salt: bytes, length: int) -> bytes:
        return argon2.Argon2id(
            salt=salt,
            length=length,
            iterations=self.iterations,
            lanes=self.parallelism,
            memory_cost=self.memory_kib,
        ).derive(password)


@dataclass(frozen=True, slots=True)
class Scrypt:
    """scrypt (RFC 7914), of which hashes may come from elsewhere; none are made.

    Attributes:
        log_n: The base-2 logarithm of the cost in memory and work.
        block_size: Memory is taken in so many times 128 bytes.
        parallelism: How often all of it is done.

    """

    log_n: int
    block_size: int
    parallelism: int

    def matches(self, password: bytes, hashed: str) -> bool:
        """Return whether *hashed* was made from *password*."""
        salt, digest = _salt_and_digest(hashed)
        return hmac.compare_digest(digest, self._derive(password, salt, len(digest)))

    def spend(self) -> None:
        """Do the work of one hash."""
        self._derive(_DUMMY, bytes(_SALT_BYTES), _DIGEST_BYTES)

    def _derive(self, password: bytes, salt: bytes, length: int) -> bytes:
        n, r, p = 2**self.log_n, self.block_size, self.parallelism
        return scrypt.Scrypt(salt=salt, length=length, n=n, r=r, p=p).derive(password)


def _canonical(hashed: str) -> str:
    """Return bcrypt's *hashed* with a salt as the library takes it.

    Of the last letter of a salt, bcrypt reads two bits. Hashes from elsewhere may have others set, too.
    """
    end = _BCRYPT_SALT_END
    return hashed[:end] + _BCRYPT_LETTERS[_BCRYPT_LETTERS.index(hashed[end]) & 0b110000] + hashed[end + 1 :]


Scheme = Bcrypt | Argon2id | Scrypt

# How many kinds of hashes there may be, so that a refusal, which takes the work of all, stays bearable.
MOST_KINDS: Final = 8


def kind_of(scheme: Scheme) -> str:
    """Return what hashes are counted by: bcrypt's are one kind, as its highest cost stands for all."""
    return "bcrypt" if isinstance(scheme, Bcrypt) else str(scheme)


def scheme_of(hashed: str) -> Scheme | None:
    """Return what *hashed* was made by, or `None` if it is no hash, or one that costs too much to look at."""
    if found := _BCRYPT.fullmatch(hashed):
        return Bcrypt(int(found[1])) if int(found[1]) in _COSTS else None
    argon2id, scrypted = _ARGON2ID.fullmatch(hashed), _SCRYPT.fullmatch(hashed)
    found = argon2id or scrypted
    if found is None or not _is_base64(found[4], found[5]):
        return None
    costs = [int(each) for each in found.groups()[:3]]
    return _bearable_argon2id(*costs) if argon2id else _bearable_scrypt(*costs)


def _bearable_argon2id(memory_kib: int, iterations: int, parallelism: int) -> Argon2id | None:
    is_possible = memory_kib >= 8 * parallelism  # RFC 9106, 3.1
    is_bearable = memory_kib <= _MAX_MEMORY_KIB and memory_kib * iterations <= _MAX_ARGON2_WORK
    return Argon2id(memory_kib, iterations, parallelism) if is_possible and is_bearable else None


def _bearable_scrypt(log_n: int, block_size: int, parallelism: int) -> Scrypt | None:
    is_possible = log_n < 16 * block_size  # RFC 7914, 2
    is_bearable = 2**log_n * block_size * parallelism <= _MAX_SCRYPT_WORK
    return Scrypt(log_n, block_size, parallelism) if is_possible and is_bearable else None


def _is_base64(*parts: str) -> bool:
    try:
        return all(_decoded(each) for each in parts)
    except binascii.Error:
        return False


def _salt_and_digest(hashed: str) -> tuple[bytes, bytes]:
    *_, salt, digest = hashed.split("$")
    return _decoded(salt), _decoded(digest)


def _encoded(raw: bytes) -> str:
    """Return *raw* in base64 without padding, as PHC strings have it."""
    return base64.b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))
