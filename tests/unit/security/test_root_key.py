from itertools import combinations

from service.infrastructure.security.root_key import Purpose, RootKey
from tests.builders import NOON

ROOT = RootKey(bytes(range(32)))


def test_a_derived_key_is_that_of_rfc_5869() -> None:
    """Made with `openssl kdf -kdfopt digest:SHA256 -kdfopt hexkey:... -kdfopt info:... HKDF`."""
    expected = "4144b4152712de701b8f2967f7ee7716c13d0d0ac2fa02467d9fb0ff74fa7e20"

    assert ROOT.derive(Purpose.REFRESH_TOKENS).hex() == expected


def test_each_purpose_has_a_key_of_its_own() -> None:
    keys = [ROOT.secret, *(ROOT.derive(each) for each in Purpose)]

    assert {len(each) for each in keys} == {32}
    assert not [pair for pair in combinations(keys, 2) if pair[0] == pair[1]]


def test_the_secret_is_not_shown() -> None:
    assert "secret" not in repr(ROOT)


def test_a_name_has_eight_bytes_and_never_changes() -> None:
    assert ROOT.kid == ROOT.derive(Purpose.KID)[:8].hex()
    assert len(ROOT.kid) == 16


def test_the_first_key_of_all_is_older_than_any_other() -> None:
    later = RootKey(bytes(32), NOON)

    assert (ROOT.is_first, later.is_first) == (True, False)
    assert ROOT.since < later.since == NOON
