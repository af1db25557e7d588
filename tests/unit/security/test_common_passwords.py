import pytest

from service.infrastructure.security.common_passwords import CommonPasswordList

COMMON = CommonPasswordList()


@pytest.mark.parametrize("password", ["password1", "PASSWORD1", "12345678", "iloveyou", "Qwerty123"])
def test_what_is_guessed_first_is_listed_in_whatever_case(password: str) -> None:
    assert password in COMMON


@pytest.mark.parametrize("password", ["correct horse battery", "", "\ud800", "x" * 10_000])
def test_what_is_not_is_not(password: str) -> None:
    assert password not in COMMON
