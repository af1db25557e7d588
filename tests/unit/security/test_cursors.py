import base64
import string

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from service.app.paging import CursorInvalid
from service.infrastructure.security.cursors import SealedCursors
from service.infrastructure.security.root_key import Purpose, RootKey
from tests.any_text import CHARACTERS, TEXT
from tests.fakes.keys import in_use

KEY = b"k" * 32
CURSORS = SealedCursors(in_use(KEY))
QUERY = '["profile.list",{}]'
POSITION = "0193a5b0-7c1e-7d3a-9b5f-3f8e2a6c4d10"
ALPHABET = string.ascii_letters + string.digits + "-_"


def spelt(data: bytes) -> str:
    """Return *data* as a cursor is spelt."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read(cursor: str) -> bytes:
    """Return what is in the spelling of *cursor*."""
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def is_refused(cursor: str, query: str = QUERY, cursors: SealedCursors = CURSORS) -> bool:
    """Return whether *cursor* does not open."""
    try:
        cursors.decode(cursor, query)
    except CursorInvalid:
        return True
    return False


@given(st.text(CHARACTERS, max_size=254), TEXT)
def test_a_position_comes_back_as_it_was(position: str, query: str) -> None:
    cursor = CURSORS.encode(position, query)

    assert CURSORS.decode(cursor, query) == position
    assert SealedCursors(in_use(KEY)).decode(cursor, query) == position
    assert set(cursor) <= set(ALPHABET)


def test_nothing_of_a_position_is_seen() -> None:
    cursors = {CURSORS.encode("ada@example.org", QUERY) for _ in range(1000)}

    assert len(cursors) == 1000
    assert not any(b"ada" in read(each) or b"example" in read(each) for each in cursors)
    assert len({read(each)[:12] for each in cursors}) == 1000
    # Neither do two of the same position have anything in common but their length.
    assert len({read(each)[12:] for each in cursors}) == 1000
    assert len({len(each) for each in cursors}) == 1


def test_every_bit_counts() -> None:
    data = read(CURSORS.encode(POSITION, QUERY))
    changed = [
        data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
        for place in range(len(data))
        for bit in range(8)
    ]

    assert [each for each in changed if not is_refused(spelt(each))] == []


def test_every_other_character_at_every_place_is_refused() -> None:
    cursor = CURSORS.encode(POSITION, QUERY)
    for place, character in enumerate(cursor):
        for other in (ALPHABET + "+/=. \0\u00e9").replace(character, ""):
            assert is_refused(cursor[:place] + other + cursor[place + 1 :])


@pytest.mark.parametrize("length", range(4))
def test_one_cursor_has_one_spelling(length: int) -> None:
    position = "x" * length
    cursor = next(text for _ in range(10_000) if "-" in (text := CURSORS.encode(position, QUERY)))
    others = [
        cursor.replace("-", "+"),
        f"{cursor}=",
        f"{cursor}==",
        f" {cursor}",
        f"{cursor}\n",
        f"{cursor[:7]}\n{cursor[7:]}",
        *(cursor[:-1] + last for last in ALPHABET if last != cursor[-1]),
    ]

    assert CURSORS.decode(cursor, QUERY) == position
    assert [each for each in others if not is_refused(each)] == []


def test_truncated_and_longer_ones_are_refused() -> None:
    cursor = CURSORS.encode(POSITION, QUERY)
    shorter = [cursor[:length] for length in range(len(cursor))]
    longer = [cursor + "A", cursor + "AAAA", cursor * 2, cursor * 4, "A" * 1024, "A" * 2**20, cursor * 10_000]

    assert [each for each in (*shorter, *(cursor[each:] for each in range(1, 20)), *longer)
            if not is_refused(each)] == []  # fmt: skip


@pytest.mark.parametrize(
    "query",
    ["", " ", QUERY + " ", QUERY[:-1], QUERY.upper(), '["post.list",{}]', '["profile.list",{"a":null}]'],
)
def test_a_cursor_of_another_query_is_refused(query: str) -> None:
    assert is_refused(CURSORS.encode(POSITION, query))
    assert is_refused(CURSORS.encode(POSITION, QUERY), query)


def test_a_cursor_of_another_key_is_refused() -> None:
    for key in (b"x" * 32, b"k" * 31 + b"l", b"\0" * 32):
        assert is_refused(SealedCursors(in_use(key)).encode(POSITION, QUERY))


def test_a_cursor_that_was_made_with_the_root_key_is_refused() -> None:
    """The root key has other uses: what is made with it there must mean nothing here."""
    root, nonce = RootKey(KEY), bytes(12)
    forged = ChaCha20Poly1305(root.secret).encrypt(nonce, POSITION.encode(), QUERY.encode())

    with pytest.raises(CursorInvalid):
        SealedCursors(in_use(root.derive(Purpose.CURSORS))).decode(spelt(nonce + forged), QUERY)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "A",
        "AA",
        "none",
        "null",
        "0",
        "\0",
        "\u00e9",
        "\U0010ffff",
        "\ud800",
        "=" * 8,
        "A" * 38,
        "A" * 39,
        '{"$gt": ""}',
        "eyJhbGciOiJub25lIn0.e30.",
        POSITION,
        "x" * 2**20,
        "\u00e9" * 2**20,
    ],
    ids=lambda cursor: ascii(cursor[:12]),
)
def test_garbage_is_refused(cursor: str) -> None:
    assert is_refused(cursor)


@given(TEXT | st.text(ALPHABET, max_size=1024) | st.binary(max_size=768).map(spelt))
def test_any_text_is_invalid_and_nothing_worse(text: str) -> None:
    assert is_refused(text)


def test_the_longest_position_of_all_is_taken_back() -> None:
    longest = "\u00e9" * 127

    assert len(cursor := CURSORS.encode(longest, QUERY)) <= 1024
    assert CURSORS.decode(cursor, QUERY) == longest
