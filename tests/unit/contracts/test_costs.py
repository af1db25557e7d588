"""What it costs to refuse a request is bounded: counted in characters that are composed, not by a clock."""

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from profile_contracts.fields import Email, EmailPrefix, Name, Text, Title
from profile_contracts.operations import OPERATIONS, Operation
from service.domain.email import Email as Address
from service.domain.email import EmailMalformed, email_prefix
from service.domain.password import PasswordTooLong, password_bytes

MARKS = "\u0315\u0300"
ACCEPTED = ["n\u0303" * 50, "\uff2cove \u217b", "한국어", "Zoë", "e" + "\u0301" * 30, "ﷺ"]
COSTLY = [
    "a" + MARKS * 10_000,
    (("a" + MARKS * 15) * 800)[:20_000],
    MARKS * 16,
    "\ufdfa" * 15_000,
    "\u1100\u1161\u11a8" * 6_000,
]


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that was composed, which costs the square of the longest row of marks."""
    texts: list[str] = []
    real = unicodedata.normalize

    def normalize(form: Any, text: str) -> str:
        texts.append(text)
        return real(form, text)

    monkeypatch.setattr(unicodedata, "normalize", normalize)
    return texts


def cost(texts: list[str]) -> int:
    """Return how many pairs of marks were compared at most, and characters looked at."""
    total = 0
    for text in texts:
        row = 0
        for each in text:
            row = row + 1 if unicodedata.combining(each) else 0
            total += 1 + row
    return total


@pytest.mark.parametrize("costly", COSTLY)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.queue)
def test_no_request_of_64_kib_costs_more_than_its_length_allows(
    operation: Operation[Any, Any], costly: str, composed: list[str]
) -> None:
    body = json.dumps({"x": 0, **dict.fromkeys(operation.request.model_fields, costly)})
    with pytest.raises(ValidationError):
        operation.request.model_validate_json(body)

    assert cost(composed) <= 32 * 80_000


@pytest.mark.parametrize(("kind", "longest"), [(Name, 100), (Title, 200), (Email, 254), (EmailPrefix, 254)])
def test_what_is_too_long_is_not_composed(kind: Any, longest: int, composed: list[str]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python("é" * (4 * longest + 1))

    assert composed == []


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_people_write_is_taken_and_composed(text: str) -> None:
    assert TypeAdapter(Name).validate_python(text) == unicodedata.normalize("NFC", text)


def test_31_marks_in_a_row_are_no_text() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Text).validate_python("e" + "\u0301" * 31)


@pytest.mark.parametrize(
    "work",
    [
        lambda: password_bytes(MARKS * 500),
        lambda: Address.parse("a@" + "\uff41" * 250),
        lambda: Address.parse("a@" + "\ufdfa" * 20),
        lambda: Address.parse("a@" + ".".join(["\uff41" * 63] * 5)),
    ],
)
def test_lengths_come_before_the_work(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> tuple[bytes, int]:
        raise AssertionError

    monkeypatch.setattr("encodings.idna.ToASCII", refuse)
    with pytest.raises((PasswordTooLong, EmailMalformed)):
        work()


def test_a_prefix_of_an_impossible_domain_begins_no_address() -> None:
    assert email_prefix("a@" + "\uff41" * 250) == "a@" + "a" * 250
