"""Which characters names, titles and texts may hold."""

import time
import unicodedata
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from profile_contracts.fields import Email, EmailPrefix, Name, Text, Title

FAMILY = "\U0001f469\u200d\u2764\ufe0f\u200d\U0001f469"


def fits(kind: Any, value: str) -> bool:
    """Return whether *value* is one of that *kind*."""
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


UNSEEN = "\u200b\u3164\u00ad\ufeff\u2800\u034f\u17b4\ufe0f\U000e0100\u2060\u115f\uffa0\u200d\u202e\u2028"


@pytest.mark.parametrize("unseen", UNSEEN, ids=[f"{ord(each):04X}" for each in UNSEEN])
@pytest.mark.parametrize("kind", [Name, Title, Text])
def test_nothing_is_called_by_something_that_nobody_sees(kind: Any, unseen: str) -> None:
    assert not fits(kind, unseen)
    assert not fits(kind, unseen * 3)
    assert not fits(kind, f"{unseen} {unseen}")


@pytest.mark.parametrize("kind", [Name, Title])
@pytest.mark.parametrize(
    "text",
    [
        "\u202eadmin",
        "Ada\u202e",
        "Ada\u2066Eve",
        "A\u200bda",
        "A\u00adda",
        "A\u200dda",
        "A\u200cda",
        "A\u2028da",
        "A\ue000",
        "A\ufdd0",
        "A\U0010ffff",
        "\ufe0fAda",
        "A \ufe0fda",
        "Ada\U000e0041",
        "A\u2800B",
    ],
)
def test_names_and_titles_hold_nothing_invisible(kind: Any, text: str) -> None:
    assert not fits(kind, text)


@pytest.mark.parametrize("kind", [Name, Title, Text])
@pytest.mark.parametrize(
    "text",
    [
        "O\u2019Brien-Smith, Jr.",
        "\u845b\U000e0100\u98fe",  # a name that is written with another form of a letter
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0d15\u0d4d\u200d",
        FAMILY,
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",
        "1\ufe0f\u20e3",
        "\u2764\ufe0f",
        "X \u00c6 A-12",
        "\u5f35\u3000\u4e09",
        "\u2163",
        "\u0915\u0940",
    ],
)
def test_names_that_people_have_are_taken_as_they_are(kind: Any, text: str) -> None:
    composed = unicodedata.normalize("NFC", text)

    assert TypeAdapter(kind).validate_python(text) == composed


def test_a_text_may_turn_its_direction() -> None:
    assert fits(Text, "\u05d0\u200f C++\u200e")


@pytest.mark.parametrize("kind", [Name, Title, Text, Email, EmailPrefix])
@pytest.mark.parametrize(("marks", "fitting"), [(30, True), (31, False)])
def test_a_letter_has_30_marks_at_most(kind: Any, marks: int, *, fitting: bool) -> None:
    assert fits(kind, "x@z" + "\u0315\u0316" * (marks // 2) + "\u0316" * (marks % 2)) is fitting


@pytest.mark.parametrize("kind", [Name, Title, Text, Email, EmailPrefix])
def test_marks_without_end_are_refused_in_no_time(kind: Any) -> None:
    """To put them in order took 0.3 s for 20,000: the time grows with the square of their number."""
    began = time.process_time()

    assert not fits(kind, "x@z" + "\u0315\u0316" * 10_000)
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize(("kind", "most"), [(Name, 100), (Title, 200), (Text, 20_000)])
def test_every_spelling_of_what_fits_is_taken(kind: Any, most: int) -> None:
    longest = unicodedata.normalize("NFD", "\u1f82" * most)

    assert len(longest) == 4 * most
    assert TypeAdapter(kind).validate_python(f" {longest} ") == "\u1f82" * most
    assert not fits(kind, longest + "x")


def test_what_is_far_too_long_is_called_so() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Name).validate_python("x" * 401)

    assert [each["type"] for each in caught.value.errors()] == ["string_too_long"]
