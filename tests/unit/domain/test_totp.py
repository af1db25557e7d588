from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from service.domain.totp import (
    code_at,
    is_code,
    matching_step,
    new_recovery_code,
    new_secret,
    recovery_digest,
    step_at,
    uri_of,
    written,
)

# RFC 4226, appendix D, and RFC 6238, appendix B (of whose eight digits ours are the last six).
SECRET = b"12345678901234567890"
HOTP = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
TOTP = {
    59: "287082",
    1_111_111_109: "081804",
    1_111_111_111: "050471",
    1_234_567_890: "005924",
    2_000_000_000: "279037",
    20_000_000_000: "353130",
}


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_codes_are_those_of_the_rfcs() -> None:
    assert [code_at(SECRET, step) for step in range(10)] == HOTP
    assert {seconds: code_at(SECRET, step_at(at(seconds))) for seconds in TOTP} == TOTP


@pytest.mark.parametrize(("off", "is_good"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_a_step_off(off: int, *, is_good: bool) -> None:
    code = code_at(SECRET, step_at(at(1_111_111_111 + off)))

    assert (matching_step(SECRET, code, at(1_111_111_111)) is not None) is is_good


def test_a_code_of_a_step_that_was_used_is_good_no_more() -> None:
    now = at(1_111_111_111)
    step = step_at(now)

    assert matching_step(SECRET, code_at(SECRET, step), now, step - 1) == step
    assert matching_step(SECRET, code_at(SECRET, step), now, step) is None
    assert matching_step(SECRET, code_at(SECRET, step - 1), now, step) is None
    assert matching_step(SECRET, code_at(SECRET, step + 1), now, step) == step + 1


@pytest.mark.parametrize(
    "text", ["", "12345", "1234567", "\N{FULLWIDTH DIGIT ONE}" * 6, "\ud800" * 6, "\0" * 6]
)
def test_what_is_no_code_is_of_no_step(text: str) -> None:
    """What is not ASCII made `hmac.compare_digest` fail, and so the request."""
    assert matching_step(SECRET, text, at(1_111_111_111)) is None


def test_an_app_gets_all_that_it_needs() -> None:
    uri = urlsplit(uri_of(SECRET, "Engines & Co", "ada@example.org"))

    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Engines%20%26%20Co:ada%40example.org")
    assert parse_qs(uri.query) == {
        "secret": ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"],
        "issuer": ["Engines & Co"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }
    assert written(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert len({new_secret() for _ in range(10)}) == 10
    assert len(new_secret()) == 20


def test_a_recovery_code_is_known_however_it_is_typed_and_for_its_user_alone() -> None:
    code, ada = new_recovery_code(), UUID(int=1)
    digest = recovery_digest(ada, code)

    assert len(code) == 19
    for typed in (code.upper(), code.replace("-", ""), f" {code.replace('-', ' ')} "):
        assert recovery_digest(ada, typed) == digest
    assert recovery_digest(UUID(int=2), code) != digest
    assert recovery_digest(ada, new_recovery_code()) != digest


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("123456", True), ("000000", True), ("12345", False), ("1234567", False), ("12345a", False)],
)
def test_what_looks_like_a_code_of_an_app(text: str, *, is_one: bool) -> None:
    assert is_code(text) is is_one
    assert not is_code("\u0661\u0662\u0663\u0664\u0665\u0666")
