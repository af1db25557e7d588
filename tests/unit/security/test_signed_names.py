import base64

import pytest

from service.infrastructure.security.signed_names import is_signed, name_in, signed

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
NAME = b"somebody"


def token_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_token_holds_its_name_and_a_mac_of_32_bytes() -> None:
    token = signed(NAME, KEY)

    assert token.startswith(token_of(NAME)[:-1])
    assert len(token) == len(token_of(NAME + bytes(32)))
    assert name_in(token) == NAME


def test_the_mac_is_that_of_the_rfc() -> None:
    """RFC 4231, test case 2."""
    mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert signed(b"what do ya want for nothing?", b"Jefe") == token_of(
        b"what do ya want for nothing?" + bytes.fromhex(mac)
    )


def test_whichever_of_the_keys_has_signed_it() -> None:
    token = signed(NAME, KEY)

    assert is_signed(token, NAME, [KEY])
    assert is_signed(token, NAME, [OTHER_KEY, KEY])
    assert not is_signed(token, NAME, [OTHER_KEY])
    assert not is_signed(token, NAME, [])
    assert not is_signed(token, b"somebody else", [KEY])


def test_whose_a_name_is_does_not_matter_to_who_reads_it() -> None:
    assert name_in(token_of(NAME + bytes(32))) == NAME


@pytest.mark.parametrize("text", ["", "a", "?" * 60, token_of(bytes(32)), token_of(bytes(31))])
def test_what_is_no_token_has_no_name(text: str) -> None:
    assert name_in(text) == b""


@pytest.mark.parametrize(
    ("size", "characters", "is_read"), [(74, 99, True), (75, 100, True), (76, 102, False)]
)
def test_what_is_longer_than_any_of_ours_is_not_looked_at(
    size: int, characters: int, *, is_read: bool
) -> None:
    token = token_of(b"n" * size)

    assert len(token) == characters
    assert bool(name_in(token)) is is_read
