import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from profile_contracts.fields import (
    Cursor,
    Email,
    EmailPrefix,
    Id,
    Limit,
    Name,
    ObjectId,
    Secret,
    Text,
    Timestamp,
    Title,
    Version,
)
from tests.any_text import CHARACTERS

NAME: TypeAdapter[str] = TypeAdapter(Name)
TEXT: TypeAdapter[str] = TypeAdapter(Text)
CANARY = "canary-4711"


def fits(kind: Any, value: object) -> bool:
    """Return whether *value* is one of that *kind*."""
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Ada", "Ada"),
        ("  Ada \t\n", "Ada"),
        ("\u00a0Ada\u3000", "Ada"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("Mary Ann", "Mary Ann"),
        ("Henry \u2163", "Henry \u2163"),
        ("\u0410\u0434\u0430", "\u0410\u0434\u0430"),
    ],
)
def test_names_are_trimmed_and_composed(sent: str, kept: str) -> None:
    assert NAME.validate_python(sent) == kept


@given(st.text(CHARACTERS, max_size=120))
def test_a_name_that_is_taken_is_tidy(text: str) -> None:
    if fits(Name, text):
        name = NAME.validate_python(text)

        assert name == name.strip() == unicodedata.normalize("NFC", name)
        assert 1 <= len(name) <= 100
        assert NAME.validate_python(name) == name


@pytest.mark.parametrize(
    ("value", "fitting"),
    [
        ("A", True),
        ("x" * 100, True),
        ("  " + "x" * 100 + "  ", True),
        ("e\u0301" * 100, True),
        ("x" * 101, False),
        ("", False),
        ("   ", False),
        ("A\u0000da", False),
        ("A\nda", False),
        ("A\u001bda", False),
        ("A\u0085da", False),
        (1, False),
        (None, False),
        (b"Ada", False),
        (["Ada"], False),
    ],
)
def test_a_name_has_1_to_100_printable_characters(value: object, *, fitting: bool) -> None:
    assert fits(Name, value) is fitting


@pytest.mark.parametrize(
    ("value", "fitting"),
    [
        ("A", True),
        ("x" * 200, True),
        ("\U0001f469" * 200, True),
        ("e\u0301" * 200, True),
        (" " + "x" * 200 + "\n", True),
        ("x" * 201, False),
        ("\U0001f469" * 201, False),
        ("", False),
        (" \t\n", False),
        ("A\nB", False),
        ("A\tB", False),
        ("A\u0000B", False),
        ("A\u009fB", False),
        (1, False),
    ],
)
def test_a_title_has_1_to_200_printable_characters(value: object, *, fitting: bool) -> None:
    assert fits(Title, value) is fitting


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("One\n\tTwo", "One\n\tTwo"),
        ("One\r\nTwo\r\n\r\nThree\r\n", "One\nTwo\n\nThree"),
        ("\n  One \n", "One"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("One\u2028Two", "One\u2028Two"),
    ],
)
def test_texts_are_trimmed_and_composed_and_keep_their_lines(sent: str, kept: str) -> None:
    assert TEXT.validate_python(sent) == kept


@pytest.mark.parametrize(
    ("value", "fitting"),
    [
        ("x" * 20_000, True),
        ("\U0001f469" * 20_000, True),
        ("e\u0301" * 20_000, True),
        ("x\r\n" * 10_000, True),
        ("x" * 20_001, False),
        ("", False),
        (" \r\n\t", False),
        (1, False),
        (None, False),
        (["A"], False),
    ],
)
def test_a_text_has_1_to_20000_characters(value: object, *, fitting: bool) -> None:
    assert fits(Text, value) is fitting


def test_a_text_has_no_control_characters_but_line_feeds_and_tabs() -> None:
    control = {chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"}

    assert {each for each in control if fits(Text, f"A{each}B")} == {"\n", "\t"}
    assert all(fits(Text, f"A{chr(code)}B") for code in (0x20, 0x7E, 0xA0, 0xAD, 0x200B, 0x10FFFF))


@given(st.text(CHARACTERS, max_size=120))
def test_a_text_that_is_taken_stays_as_it_is_when_it_is_sent_again(text: str) -> None:
    if fits(Text, text):
        kept = TEXT.validate_python(text)

        assert kept == kept.strip() == unicodedata.normalize("NFC", kept)
        assert TEXT.validate_python(kept) == kept


@pytest.mark.parametrize("kind", [Title, Text])
@pytest.mark.parametrize("written", [rb'"\ud800"', rb'"A\udfffB"', b'"\xed\xa0\x80"'])
def test_half_a_character_is_no_json(kind: Any, written: bytes) -> None:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(kind).validate_json(written)
    assert error.value.errors()[0]["type"] == "json_invalid"


@pytest.mark.parametrize(
    ("kind", "value", "fitting"),
    [
        (Email, "a@b", True),
        (Email, "a@", False),
        (Email, "a" * 252 + "@b", True),
        (Email, "a" * 253 + "@b", False),
        (Secret, "", False),
        (Version, 0, False),
        (Version, 1, True),
        (Version, 2**53 - 1, True),
        (Version, 2**53, False),
        (Version, 1.0, False),
        (Version, True, False),
        (Version, "1", False),
        (Limit, 0, False),
        (Limit, 1, True),
        (Limit, 100, True),
        (Limit, 101, False),
        (Limit, 1.0, False),
        (Limit, True, False),
        (Limit, "1", False),
        (Cursor, "", False),
        (Cursor, "x" * 1024, True),
        (Cursor, "x" * 1025, False),
        (EmailPrefix, "", False),
        (EmailPrefix, "  ", False),
        (EmailPrefix, "@", True),
        (EmailPrefix, "\U0010ffff", True),
        (EmailPrefix, "x" * 254, True),
        (EmailPrefix, "x" * 255, False),
        (EmailPrefix, "a\0", False),
        (ObjectId, "6741f0a2c3b4d5e6f7a8b9c0", True),
        (ObjectId, "6741F0A2C3B4D5E6F7A8B9C0", False),
        (ObjectId, "6741f0a2c3b4d5e6f7a8b9c", False),
        (ObjectId, "6741f0a2c3b4d5e6f7a8b9c0\n", False),
        (Id, "0193a5b0-7c1e-7d3a-9b5f-3f8e2a6c4d10", False),
    ],
)
def test_bounds_are_taken_and_no_more(kind: Any, value: object, *, fitting: bool) -> None:
    assert fits(kind, value) is fitting


@pytest.mark.parametrize(("length", "fitting"), [(1, True), (1024, True), (1025, False)])
def test_a_secret_has_up_to_1024_characters(length: int, *, fitting: bool) -> None:
    try:
        TypeAdapter(Secret).validate_json(f'"{"x" * length}"')
    except ValidationError:
        taken = False
    else:
        taken = True

    assert taken is fitting


def test_a_secret_is_kept_as_typed_and_never_shown() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Secret)
    secret = adapter.validate_json(f'"  {CANARY} "')

    assert secret.get_secret_value() == f"  {CANARY} "
    assert CANARY not in f"{secret} {secret!r} {adapter.dump_python(secret)}"


def test_a_secret_is_written_out_in_json_only() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Secret)

    assert adapter.dump_json(adapter.validate_json(f'"{CANARY}"')) == f'"{CANARY}"'.encode()


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 22, 9, 30, tzinfo=UTC), "2026-11-22T09:30:00.000Z"),
        (datetime(2026, 11, 22, 9, 30, 1, 7000, tzinfo=UTC), "2026-11-22T09:30:01.007Z"),
        (datetime(2026, 11, 22, 9, 30, 1, 7999, tzinfo=UTC), "2026-11-22T09:30:01.007Z"),
        (datetime(2026, 11, 22, 1, tzinfo=timezone(timedelta(hours=2))), "2026-11-21T23:00:00.000Z"),
    ],
)
def test_a_time_is_written_in_utc_with_milliseconds(moment: datetime, text: str) -> None:
    adapter: TypeAdapter[datetime] = TypeAdapter(Timestamp)

    assert adapter.dump_json(moment) == f'"{text}"'.encode()
    assert abs(adapter.validate_json(f'"{text}"') - moment) < timedelta(milliseconds=1)


def test_a_time_without_a_zone_is_refused() -> None:
    assert not fits(Timestamp, datetime(2026, 11, 22, 9, 30))  # noqa: DTZ001 - the point of it
