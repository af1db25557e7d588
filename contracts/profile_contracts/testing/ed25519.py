"""Ed25519 signatures (RFC 8032, 5.1) in plain Python, so that tests need no library for them.

Its time tells about the key: good for tests, and for nothing else.
"""

from dataclasses import dataclass
from hashlib import sha512
from typing import Final, Self

_P: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27_742_317_777_372_353_535_851_937_790_883_648_493
_D: Final = -121_665 * pow(121_666, -1, _P) % _P

# A point in extended coordinates: x = X/Z, y = Y/Z, x * y = T/Z.
Point = tuple[int, int, int, int]
_ZERO: Final[Point] = (0, 1, 1, 0)
_X: Final = 0x216936D3_CD6E53FE_C0A4E231_FDD6DC5C_692CC760_9525A7B2_C9562D60_8F25D51A
_Y: Final = 4 * pow(5, -1, _P) % _P
_BASE: Final[Point] = (_X, _Y, 1, _X * _Y % _P)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key.

    Attributes:
        scalar: Its secret number.
        prefix: What makes the nonce of each signature.
        public: The public key, 32 bytes.

    """

    scalar: int
    prefix: bytes
    public: bytes

    @classmethod
    def of(cls, seed: bytes) -> Self:
        """Return the key that 32 random bytes stand for."""
        digest = sha512(seed).digest()
        scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
        return cls(scalar, digest[32:], _encoded(_times(scalar)))

    def sign(self, message: bytes) -> bytes:
        """Return the signature of *message*, 64 bytes."""
        nonce = _number(self.prefix, message)
        commitment = _encoded(_times(nonce))
        response = (nonce + _number(commitment, self.public, message) * self.scalar) % _ORDER
        return commitment + response.to_bytes(32, "little")


def _number(*parts: bytes) -> int:
    return int.from_bytes(sha512(b"".join(parts)).digest(), "little") % _ORDER


def _times(factor: int) -> Point:
    """Return the base point, added up so many times."""
    total, power = _ZERO, _BASE
    while factor:
        if factor & 1:
            total = _sum(total, power)
        power = _sum(power, power)
        factor >>= 1
    return total


def _sum(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0])
    b = (one[1] + one[0]) * (other[1] + other[0])
    c = 2 * one[3] * other[3] * _D
    d = 2 * one[2] * other[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")
