"""What mutants of `service/infrastructure/crypto/refresh_tokens.py` would get wrong."""

import base64
import hashlib
import hmac
import struct
from uuid import UUID, uuid4

import pytest

from service.domain.sessions import RefreshTokenInvalid
from service.infrastructure.crypto.refresh_tokens import MacRefreshTokens

KEY = bytes(range(32))
TOKENS = MacRefreshTokens(KEY)
SESSION = UUID("0193a5b0-9d2f-7c4b-8e60-51a7d3f0b2c8")


def written(name: bytes, key: bytes = KEY, mac: bytes | None = None) -> str:
    """Return *name* and its MAC as a token is written."""
    mac = hmac.digest(key, name, hashlib.sha256) if mac is None else mac
    return base64.urlsafe_b64encode(name + mac).rstrip(b"=").decode()


def named(version: int = 1, session: UUID = SESSION, step: int = 7) -> bytes:
    return struct.pack(">B16sI", version, session.bytes, step)


@pytest.mark.parametrize("step", [0, 1, 7, 2**32 - 1])
def test_a_token_is_what_the_format_says_and_reads_back(step: int) -> None:
    token = TOKENS.issue(SESSION, step)

    assert token == written(named(step=step))
    assert TOKENS.read(token) == (SESSION, step)


def test_one_step_has_one_token() -> None:
    assert TOKENS.issue(SESSION, 1) == MacRefreshTokens(KEY).issue(SESSION, 1)
    others = {
        TOKENS.issue(SESSION, 2),
        TOKENS.issue(uuid4(), 1),
        MacRefreshTokens(b"x" * 32).issue(SESSION, 1),
    }
    assert len(others | {TOKENS.issue(SESSION, 1)}) == 4


@pytest.mark.parametrize(
    "token",
    [
        written(named(version=0)),
        written(named(version=2)),
        written(named(), key=b"x" * 32),
        written(named(), mac=bytes(32)),
        written(named(), mac=b""),
        written(b"", mac=bytes(53)),
        written(named() + b"\0"),
        written(named())[:-1],
        written(named()) + "A",
        written(named()) + "=",
        " " + written(named())[1:],
        "\u00e9" + written(named())[1:],
        "\u0661" * len(written(named())),
        "!" * len(written(named())),
        "." + written(named())[1:],
        "",
        "A",
        "A" * 1_000_000,
        "\ud800",
    ],
    ids=range(19),
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


def test_one_token_has_one_spelling() -> None:
    token = next(
        each for each in (TOKENS.issue(SESSION, step) for step in range(100)) if "-" in each or "_" in each
    )
    respelt = token.replace("-", "+").replace("_", "/")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    with pytest.raises(RefreshTokenInvalid):
        TOKENS.read(respelt)
    with pytest.raises(RefreshTokenInvalid):  # the lowest bits of the last character stand for nothing
        TOKENS.read(token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1])
