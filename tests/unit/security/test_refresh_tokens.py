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
from service.infrastructure.security.root_key import Purpose, RootKey
from tests.any_text import TEXT
from tests.builders import NOON
from tests.fakes.keys import FakeRootKeyring

FIRST, SECOND = RootKey(b"f" * 32), RootKey(b"s" * 32, NOON)
KEY, FORMER_KEY = SECOND.derive(Purpose.REFRESH_TOKENS), FIRST.derive(Purpose.REFRESH_TOKENS)
FOREIGN = RootKey(b"x" * 32, NOON)
TOKENS = MacRefreshTokens(FakeRootKeyring(FIRST, SECOND))
SESSION = uuid4()
ALPHABET = string.ascii_letters + string.digits + "-_"


def former(version: int, key: bytes) -> str:
    """Return a token as a former version with *key* would write it: it does not name the key."""
    return encoded(struct.pack(">B16sI", version, SESSION.bytes, 7), key)


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


def is_refused(token: str, *roots: RootKey) -> bool:
    """Return whether a worker with these root keys refuses *token*."""
    try:
        MacRefreshTokens(FakeRootKeyring(*roots)).read(token)
    except RefreshTokenInvalid:
        return True
    return False


def test_the_tokens_of_former_versions_stay_good() -> None:
    for token in (former(1, FIRST.secret), former(2, FORMER_KEY)):
        assert TOKENS.read(token) == (SESSION, 7)
        # But only while the key that they were made with is in use.
        assert is_refused(token, SECOND)


def test_what_does_not_name_its_key_is_of_the_first_one() -> None:
    for token in (former(1, SECOND.secret), former(2, KEY), former(1, FORMER_KEY), former(3, KEY)):
        assert is_refused(token, FIRST, SECOND)


def test_a_token_names_its_key_and_is_good_while_that_is_in_use() -> None:
    old = MacRefreshTokens(FakeRootKeyring(FIRST)).issue(SESSION, 7)
    new = TOKENS.issue(SESSION, 7)

    assert [decoded(each)[1:9].hex() for each in (old, new)] == [FIRST.kid, SECOND.kid]
    assert TOKENS.read(old) == TOKENS.read(new) == (SESSION, 7)
    assert is_refused(old, SECOND)
    assert is_refused(new, FIRST)
    assert is_refused(new, FIRST, FOREIGN)


def test_a_token_under_the_name_of_another_key_is_refused() -> None:
    assert is_refused(encoded(payload(root=FIRST), KEY), FIRST, SECOND)
    assert is_refused(encoded(payload(root=FOREIGN), KEY), FIRST, SECOND)


@given(TEXT | st.text(ALPHABET, min_size=82, max_size=82))
def test_any_text_is_invalid_and_nothing_worse(text: str) -> None:
    with pytest.raises(RefreshTokenInvalid):
        TOKENS.read(text)


def encoded(name: bytes, key: bytes = KEY, mac: bytes | None = None) -> str:
    """Return *name* and its MAC as a token is encoded."""
    mac = hmac.digest(key, name, hashlib.sha256) if mac is None else mac
    return base64.urlsafe_b64encode(name + mac).rstrip(b"=").decode()


def decoded(token: str) -> bytes:
    """Return what is spelt in *token*."""
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def payload(version: int = 3, session: UUID = SESSION, generation: int = 7, root: RootKey = SECOND) -> bytes:
    return struct.pack(">B8s16sI", version, bytes.fromhex(root.kid), session.bytes, generation)


@pytest.mark.parametrize("generation", [0, 1, 7, 2**32 - 1])
def test_a_token_is_what_the_format_says_and_reads_back(generation: int) -> None:
    token = TOKENS.issue(SESSION, generation)

    assert token == encoded(payload(generation=generation))
    assert TOKENS.read(token) == (SESSION, generation)


def test_one_step_has_one_token() -> None:
    assert TOKENS.issue(SESSION, 1) == MacRefreshTokens(FakeRootKeyring(SECOND)).issue(SESSION, 1)
    others = {
        TOKENS.issue(SESSION, 2),
        TOKENS.issue(uuid4(), 1),
        MacRefreshTokens(FakeRootKeyring(FOREIGN)).issue(SESSION, 1),
    }
    assert len(others | {TOKENS.issue(SESSION, 1)}) == 4


@pytest.mark.parametrize(
    "token",
    [
        encoded(payload(version=0)),
        encoded(payload(version=1)),
        encoded(payload(version=2)),
        encoded(payload(), key=FORMER_KEY),
        encoded(payload(), key=SECOND.secret),
        encoded(payload(version=4)),
        encoded(payload(), key=b"x" * 32),
        encoded(payload(), mac=bytes(32)),
        encoded(payload(), mac=b""),
        encoded(b"", mac=bytes(61)),
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
    ids=range(23),
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
