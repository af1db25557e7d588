"""One-time tokens as names with a MAC: nothing of them is stored."""

import hashlib
import hmac
import struct
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from service.app.auth.one_time_tokens import (
    LIFETIME,
    OneTimeToken,
    OneTimeTokenInvalid,
    OneTimeTokens,
    TokenPurpose,
)
from service.app.clock import Clock
from service.infrastructure.security.signed_names import is_signed, name_in, signed
from service.pkg.key_source import KeySource

_BINDING_BYTES: Final = 16
_FORMAT: Final = struct.Struct(f">BB16sQ{_BINDING_BYTES}s")
_FORMAT_VERSION: Final = 1


class MacOneTimeTokens(OneTimeTokens):
    """Base64url of format, purpose, profile, end and binding, with an HMAC-SHA-256 of them.

    The binding is a MAC of the state of the profile: a token may be seen in a log of others, and the address
    in that state must not be guessed from it.

    Args:
        keys: 32 bytes each, the same for all workers, and for nothing else.

    """

    def __init__(self, keys: KeySource, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def issue(self, purpose: TokenPurpose, profile_id: UUID, state: str) -> str:
        """Return a token that is good for `LIFETIME`, while the profile is in that *state*."""
        current, *_ = self._keys()
        end = int((self._clock.now() + LIFETIME).timestamp())
        name = _FORMAT.pack(_FORMAT_VERSION, purpose, profile_id.bytes, end, _binding(state, current))
        return signed(name, current)

    def read(self, purpose: TokenPurpose, token: str) -> OneTimeToken:
        """Return what *token* says, or raise `OneTimeTokenInvalid`: not genuine, or its time is over."""
        name = name_in(token)
        if len(name) != _FORMAT.size or not is_signed(token, name, self._keys()):
            raise OneTimeTokenInvalid
        version, of, profile_id, end, binding = _FORMAT.unpack(name)
        is_over = self._clock.now() >= datetime.fromtimestamp(end, UTC)
        if is_over or (version, of) != (_FORMAT_VERSION, purpose):
            raise OneTimeTokenInvalid
        return OneTimeToken(UUID(bytes=profile_id), binding)

    def is_bound_to(self, token: OneTimeToken, state: str) -> bool:
        """Return whether it was issued for that *state*."""
        return any(hmac.compare_digest(token.binding, _binding(state, key)) for key in self._keys())


def _binding(state: str, key: bytes) -> bytes:
    # No name of a token begins so: this is not the MAC of one.
    text = b"state " + state.encode(errors="surrogatepass")
    return hmac.digest(key, text, hashlib.sha256)[:_BINDING_BYTES]
