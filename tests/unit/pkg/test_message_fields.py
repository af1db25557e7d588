import pytest

from service.pkg.message_fields import count_header, short_text, text_header, trace_header

TRACE = f"00-{'4bf92f3577b34da6a3ce929d0e0e4736'}-{'00f067aa0ba902b7'}-01"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("m-1", True),
        ("é" * 127, True),
        ("x" * 255, True),
        ("\udcff", True),  # a byte that is no UTF-8
        ("x" * 256, False),
        ("é" * 128, False),
        ("\ud800", False),
        (b"m-1", False),
        (7, False),
        (None, False),
    ],
)
def test_a_property_is_copied_if_it_can_be_written(value: object, *, kept: bool) -> None:
    assert short_text(value) == (value if kept else None)


@pytest.mark.parametrize(
    ("value", "kept"),
    [("x" * 8, True), ("é" * 4, True), ("x" * 9, False), ("é" * 5, False), ("\udcff", False), (b"x", False)],
)
def test_a_header_is_copied_if_it_is_text_of_some_bytes(value: object, *, kept: bool) -> None:
    assert text_header({"a": value}, "a", 8) == ({"a": value} if kept else {})
    assert text_header({}, "a", 8) == {}


@pytest.mark.parametrize(
    ("value", "kept"),
    [(1, True), (9, True), (10, False), (0, False), (-1, False), (2**63 - 1, False), (True, False)]
    + [(each, False) for each in ("1", 1.0, None, [1], b"1")],
)
def test_a_number_is_copied_if_it_can_be_true(value: object, *, kept: bool) -> None:
    assert count_header({"n": value}, "n", 9) == ({"n": value} if kept else {})


@pytest.mark.parametrize("value", [TRACE.upper(), f"{TRACE} secret", b"x", 1, "", None])
def test_a_trace_is_copied_and_nothing_that_only_claims_to_be_one(value: object) -> None:
    assert trace_header({"traceparent": TRACE}) == {"traceparent": TRACE}
    assert trace_header({"traceparent": value}) == {}
