"""What mutants of `service/domain/passwords.py` would get wrong."""

import pytest

from service.domain.errors import Invalid
from service.domain.passwords import (
    MAX_BYTES,
    MIN_BYTES,
    PasswordMalformed,
    PasswordTooLong,
    PasswordTooShort,
    new_password_bytes,
)


@pytest.mark.parametrize("length", range(8))
def test_fewer_than_8_bytes_are_too_short(length: int) -> None:
    with pytest.raises(PasswordTooShort):
        new_password_bytes("a" * length)


@pytest.mark.parametrize("length", [8, 9, 15, 64, 72])
def test_8_to_72_bytes_are_taken_whole(length: int) -> None:
    assert new_password_bytes("a" * length) == b"a" * length


@pytest.mark.parametrize("length", [73, 74, 1000])
def test_more_than_72_bytes_are_too_long(length: int) -> None:
    with pytest.raises(PasswordTooLong):
        new_password_bytes("a" * length)


def test_the_bounds_are_those_of_the_documentation() -> None:
    assert (MIN_BYTES, MAX_BYTES) == (8, 72)


@pytest.mark.parametrize("error", [PasswordTooShort, PasswordTooLong, PasswordMalformed])
def test_a_refusal_blames_the_password(error: type[Invalid]) -> None:
    assert error.field == "password"
