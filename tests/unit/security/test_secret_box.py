from service.infrastructure.security.secret_box import SealedSecrets
from tests.fakes.keys import in_use

KEY, OTHER = b"k" * 32, b"o" * 32
SECRET = b"12345678901234567890"


def test_what_was_sealed_is_opened_for_what_it_is_about_alone() -> None:
    box = SealedSecrets(in_use(KEY))
    sealed = box.encrypt(SECRET, "totp of Ada")

    assert box.decrypt(sealed, "totp of Ada") == SECRET
    assert box.decrypt(sealed, "totp of Bob") is None
    assert SECRET not in sealed
    assert box.encrypt(SECRET, "totp of Ada") != sealed


def test_what_was_changed_or_is_none_is_not_opened() -> None:
    box = SealedSecrets(in_use(KEY))
    sealed = box.encrypt(SECRET, "")
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        assert box.decrypt(changed, "") is None
    for none in (b"", b"x", sealed[:27], bytes(28)):
        assert box.decrypt(none, "") is None


def test_while_a_key_follows_another_what_the_former_one_has_sealed_is_outdated() -> None:
    sealed = SealedSecrets(in_use(KEY)).encrypt(SECRET, "")
    both, later = SealedSecrets(in_use(OTHER, KEY)), SealedSecrets(in_use(OTHER))

    assert (both.decrypt(sealed, ""), both.is_outdated(sealed, "")) == (SECRET, True)
    assert not both.is_outdated(both.encrypt(SECRET, ""), "")
    assert later.decrypt(sealed, "") is None
