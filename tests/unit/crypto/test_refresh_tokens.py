import base64
import hashlib
import hmac
import string
import struct
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.sessions import RefreshTokenInvalid
from service.infrastructure.crypto.refresh_tokens import MacRefreshTokens

KEY = b"k" * 32
TOKENS = MacRefreshTokens(KEY)
SESSION = uuid4()
ALPHABET = string.ascii_letters + string.digits + "-_"


def written(version: int, key: bytes = KEY) -> str:
    """Return a token as somebody with *key* would write it."""
    name = struct.pack(">B16sI", version, SESSION.bytes, 7)
    return base64.urlsafe_b64encode(name + hmac.digest(key, name, hashlib.sha256)).rstrip(b"=").decode()


@given(st.uuids(), st.integers(0, 2**32 - 1))
def test_a_token_names_session_and_step(session: UUID, step: int) -> None:
    token = TOKENS.issue(session, step)

    assert TOKENS.read(token) == (session, step)
    assert token == TOKENS.issue(session, step)
    assert set(token) <= set(ALPHABET)


def test_every_other_character_at_every_place_is_refused() -> None:
    token = TOKENS.issue(SESSION, 7)
    for place, character in enumerate(token):
        for other in (ALPHABET + "+/=. \0\u00e9").replace(character, ""):
            with pytest.raises(RefreshTokenInvalid):
                TOKENS.read(token[:place] + other + token[place + 1 :])


def test_one_token_has_one_spelling() -> None:
    token = next(text for step in range(1000) if "-" in (text := TOKENS.issue(SESSION, step)))

    for other in (token.replace("-", "+"), token + "=", f" {token}", f"{token}\n"):
        with pytest.raises(RefreshTokenInvalid):
            TOKENS.read(other)


def test_truncated_and_longer_ones_are_refused() -> None:
    token = TOKENS.issue(SESSION, 7)
    for other in [*(token[:length] for length in range(len(token))), token + "A", token * 2, token * 15_000]:
        with pytest.raises(RefreshTokenInvalid):
            TOKENS.read(other)


def test_the_token_of_a_foreign_key_or_version_is_refused() -> None:
    assert TOKENS.read(written(1)) == (SESSION, 7)

    for other in (written(1, b"x" * 32), written(0), written(2)):
        with pytest.raises(RefreshTokenInvalid):
            TOKENS.read(other)


@given(st.text() | st.text(ALPHABET, min_size=71, max_size=71))
def test_any_text_is_invalid_and_nothing_worse(text: str) -> None:
    with pytest.raises(RefreshTokenInvalid):
        TOKENS.read(text)
