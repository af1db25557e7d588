import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.email import Email
from service.domain.errors import Invalid
from service.domain.password import (
    MAX_BYTES,
    MIN_CHARACTERS,
    MOST_BYTES,
    PasswordMalformed,
    PasswordTooLong,
    PasswordTooShort,
    new_password_bytes,
    password_bytes,
    personal_words,
)
from tests.any_text import CHARACTERS

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]), max_size=100)
ENCODABLE_TEXT = st.text(CHARACTERS, max_size=40)


def taken(password: str) -> bytes | None:
    """Return the bytes of *password*, or `None` if it is refused."""
    try:
        return password_bytes(password)
    except Invalid:
        return None


@given(ANY_TEXT)
def test_any_text_becomes_at_most_72_bytes_without_nul_or_is_refused(text: str) -> None:
    encoded = taken(text)

    assert encoded is None or (len(encoded) <= 72 and b"\0" not in encoded)


@given(ENCODABLE_TEXT, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_two_keyboards_write_one_password(text: str, form: str) -> None:
    spelling = unicodedata.normalize(form, text)  # type: ignore[arg-type]

    assert taken(spelling) == taken(text)


@given(ENCODABLE_TEXT, ENCODABLE_TEXT)
def test_different_passwords_stay_different(one: str, other: str) -> None:
    same = unicodedata.normalize("NFKC", one) == unicodedata.normalize("NFKC", other)
    encoded = taken(one)

    assert encoded is None or (encoded == taken(other)) is same


@pytest.mark.parametrize("password", ["a" * 72, "\u00e9" * 36, "\u20ac" * 24, "\U0001f511" * 18])
def test_72_bytes_are_taken_and_73_are_not(password: str) -> None:
    assert password_bytes(password) == password.encode()

    with pytest.raises(PasswordTooLong):
        password_bytes(password + "a")


def test_bytes_are_counted_after_normalisation() -> None:
    assert len(password_bytes("e\u0301" * 36)) == 72

    with pytest.raises(PasswordTooLong):
        password_bytes("\ufdfa" * 3)


def test_a_new_password_has_8_characters_at_least_as_it_is_hashed() -> None:
    assert new_password_bytes("12345678") == b"12345678"
    assert new_password_bytes("\u00e9" * 8) == ("\u00e9" * 8).encode()

    with pytest.raises(PasswordTooShort):
        new_password_bytes("1234567")
    with pytest.raises(PasswordTooShort):
        new_password_bytes("e\u0301" * 7)  # 14 that become 7


def test_an_old_password_may_be_short() -> None:
    assert password_bytes("1") == b"1"


@pytest.mark.parametrize("password", ["12345678\0", "\x0012345678", "pass\ud800word", "\udfff" * 8])
def test_nul_and_lone_surrogates_are_refused(password: str) -> None:
    with pytest.raises(PasswordMalformed):
        new_password_bytes(password)


def test_spaces_and_case_count() -> None:
    assert len({password_bytes(each) for each in ("pass word", " pass word", "Pass word", "pass  word")}) == 4


def test_personal_words_are_what_others_can_know_the_longest_first() -> None:
    email = Email.parse("Ada.King@Mail.Example.org")

    assert personal_words("Augusta", "Byron", email) == (
        "ada.king@mail.example.org",
        "mail.example.org",
        "ada.king",
        "Augusta",
        "Byron",
        "mail",
    )


@pytest.mark.parametrize(("name", "is_one"), [("A", False), ("Al", False), ("Ali", True)])
def test_words_of_two_letters_are_in_too_many_passwords_to_be_personal(name: str, *, is_one: bool) -> None:
    words = personal_words(name, name, Email.parse("x@y.zz"))

    assert (name in words) is is_one
    assert words[0] == "x@y.zz"


@pytest.mark.parametrize("length", range(8))
@pytest.mark.parametrize("character", ["a", "\u00e9", "\U0001f511"])
def test_fewer_than_8_characters_are_too_short(character: str, length: int) -> None:
    with pytest.raises(PasswordTooShort):
        new_password_bytes(character * length)


@pytest.mark.parametrize("length", [8, 9, 15, 64, 72])
def test_8_characters_to_72_bytes_are_taken_whole(length: int) -> None:
    assert new_password_bytes("a" * length) == b"a" * length


@pytest.mark.parametrize("length", [73, 74, 1000])
def test_more_than_72_bytes_are_too_long(length: int) -> None:
    with pytest.raises(PasswordTooLong):
        new_password_bytes("a" * length)


def test_the_bounds_are_those_of_the_documentation() -> None:
    assert (MIN_CHARACTERS, MAX_BYTES, MOST_BYTES) == (8, 72, 1024)


@pytest.mark.parametrize("most", [72, 1024])
def test_what_cannot_become_short_enough_is_refused_before_any_work_on_it(most: int) -> None:
    """Else it would be looked at, and be malformed."""
    with pytest.raises(PasswordMalformed):
        password_bytes("\0" * (4 * most), most)
    for length in (4 * most + 1, 5 * most + 1):
        with pytest.raises(PasswordTooLong):
            password_bytes("\0" * length, most)


@pytest.mark.parametrize("error", [PasswordTooShort, PasswordTooLong, PasswordMalformed])
def test_a_refusal_blames_the_password(error: type[Invalid]) -> None:
    assert error.field == "password"
