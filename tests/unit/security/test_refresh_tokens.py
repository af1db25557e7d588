import base64
import hashlib
import hmac
import string
import struct
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.session import RefreshTokenInvalid
from service.infrastructure.security.refresh_tokens import MacRefreshTokens

KEY, FORMER_KEY = b"k" * 32, b"f" * 32
TOKENS = MacRefreshTokens(KEY, FORMER_KEY)
SESSION = uuid4()
ALPHABET = string.ascii_letters + string.digits + "-_"


def written(version: int, key: bytes = KEY) -> str:
    """Return a token as somebody with *key* would write it."""
    name = struct.pack(">B16sI", version, SESSION.bytes, 7)
    return base64.urlsafe_b64encode(name + hmac.digest(key, name, hashlib.sha256)).rstrip(b"=").decode()


@given(st.uuids(), st.integers(0, 2**32 - 1))
def test_a_token_names_session_and_step(session: UUID, generation: int) -> None:
    token = TOKENS.issue(session, generation)

    assert TOKENS.read(token) == (session, generation)
    assert token == TOKENS.issue(session, generation)
    assert set(token) <= set(ALPHABET)


def test_every_other_character_at_every_place_is_refused() -> None:
    token = TOKENS.issue(SESSION, 7)
    for place, character in enumerate(token):
        for other in (ALPHABET + "+/=. \0\u00e9").replace(character, ""):
            with pytest.raises(RefreshTokenInvalid):
                TOKENS.read(token[:place] + other + token[place + 1 :])


def test_one_token_has_one_spelling() -> None:
    token = next(text for generation in range(1000) if "-" in (text := TOKENS.issue(SESSION, generation)))

    for other in (token.replace("-", "+"), token + "=", f" {token}", f"{token}\n"):
        with pytest.raises(RefreshTokenInvalid):
            TOKENS.read(other)


def test_truncated_and_longer_ones_are_refused() -> None:
    token = TOKENS.issue(SESSION, 7)
    for other in [*(token[:length] for length in range(len(token))), token + "A", token * 2, token * 15_000]:
        with pytest.raises(RefreshTokenInvalid):
            TOKENS.read(other)


def test_the_token_of_a_foreign_key_or_version_is_refused() -> None:
    assert TOKENS.read(written(2)) == (SESSION, 7)

    for other in (written(2, b"x" * 32), written(0), written(1), written(2, FORMER_KEY), written(3)):
        with pytest.raises(RefreshTokenInvalid):
            TOKENS.read(other)


def test_the_tokens_of_the_former_version_stay_good() -> None:
    assert TOKENS.read(written(1, FORMER_KEY)) == (SESSION, 7)
    assert TOKENS.issue(SESSION, 7) == written(2)


@given(st.text() | st.text(ALPHABET, min_size=71, max_size=71))
def test_any_text_is_invalid_and_nothing_worse(text: str) -> None:
    with pytest.raises(RefreshTokenInvalid):
        TOKENS.read(text)


def encoded(name: bytes, key: bytes = KEY, mac: bytes | None = None) -> str:
    """Return *name* and its MAC as a token is encoded."""
    mac = hmac.digest(key, name, hashlib.sha256) if mac is None else mac
    return base64.urlsafe_b64encode(name + mac).rstrip(b"=").decode()


def payload(version: int = 2, session: UUID = SESSION, generation: int = 7) -> bytes:
    return struct.pack(">B16sI", version, session.bytes, generation)


@pytest.mark.parametrize("generation", [0, 1, 7, 2**32 - 1])
def test_a_token_is_what_the_format_says_and_reads_back(generation: int) -> None:
    token = TOKENS.issue(SESSION, generation)

    assert token == encoded(payload(generation=generation))
    assert TOKENS.read(token) == (SESSION, generation)


def test_one_step_has_one_token() -> None:
    assert TOKENS.issue(SESSION, 1) == MacRefreshTokens(KEY, FORMER_KEY).issue(SESSION, 1)
    others = {
        TOKENS.issue(SESSION, 2),
        TOKENS.issue(uuid4(), 1),
        MacRefreshTokens(b"x" * 32, FORMER_KEY).issue(SESSION, 1),
    }
    assert len(others | {TOKENS.issue(SESSION, 1)}) == 4


@pytest.mark.parametrize(
    "token",
    [
        encoded(payload(version=0)),
        encoded(payload(version=1)),
        encoded(payload(), key=FORMER_KEY),
        encoded(payload(version=3)),
        encoded(payload(), key=b"x" * 32),
        encoded(payload(), mac=bytes(32)),
        encoded(payload(), mac=b""),
        encoded(b"", mac=bytes(53)),
        encoded(payload() + b"\0"),
        encoded(payload())[:-1],
        encoded(payload()) + "A",
        encoded(payload()) + "=",
        " " + encoded(payload())[1:],
        "\u00e9" + encoded(payload())[1:],
        "\u0661" * len(encoded(payload())),
        "!" * len(encoded(payload())),
        "." + encoded(payload())[1:],
        "",
        "A",
        "A" * 1_000_000,
        "\ud800",
    ],
    ids=range(21),
)
def test_anything_else_is_invalid(token: str) -> None:
    with pytest.raises(RefreshTokenInvalid):
        TOKENS.read(token)


def test_every_character_counts() -> None:
    token = TOKENS.issue(SESSION, 7)
    for place, character in enumerate(token):
        other = "B" if character == "A" else "A"
        with pytest.raises(RefreshTokenInvalid):
            TOKENS.read(token[:place] + other + token[place + 1 :])


def test_a_token_in_another_spelling_is_refused() -> None:
    token = next(
        each
        for each in (TOKENS.issue(SESSION, generation) for generation in range(100))
        if "-" in each or "_" in each
    )
    respelt = token.replace("-", "+").replace("_", "/")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    with pytest.raises(RefreshTokenInvalid):
        TOKENS.read(respelt)
    with pytest.raises(RefreshTokenInvalid):  # the lowest bits of the last character stand for nothing
        TOKENS.read(token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1])
