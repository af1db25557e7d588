import base64
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from profile_contracts.auth import JsonWebKey
from service.infrastructure.security.key_files import NoSigningKeys
from service.infrastructure.security.keys import (
    SigningKey,
    load_keys,
    new_key,
    retire_key,
)
from tests.builders import NOON

pytestmark = pytest.mark.usefixtures("files_for_us_alone")

# RFC 8037, A.1 to A.3.
D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
KID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def the_key_of_the_rfc() -> SigningKey:
    return SigningKey.of(Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(D + "=")), NOON)


def pkcs8(private: Ed25519PrivateKey, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_a_key_is_named_by_its_thumbprint() -> None:
    assert the_key_of_the_rfc().kid == KID


def test_the_public_part_is_a_json_web_key() -> None:
    public = the_key_of_the_rfc().public_jwk()

    assert public == {"kty": "OKP", "crv": "Ed25519", "x": X, "kid": KID, "alg": "EdDSA", "use": "sig"}
    assert JsonWebKey.model_validate(public).model_dump() == public


def test_the_private_part_is_never_shown() -> None:
    key = the_key_of_the_rfc()

    assert D not in f"{key} {json.dumps(dict(key.public_jwk()))}"
    assert repr(key) == f"SigningKey(kid='{KID}', made_at={NOON!r})"


def test_a_new_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = new_key(tmp_path / "a" / "keys", NOON)

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.name.startswith("20261122T120000.000000Z-")


def test_a_new_key_can_be_loaded_by_the_name_in_its_file_name(tmp_path: Path) -> None:
    path = new_key(tmp_path, NOON)
    [key] = load_keys(tmp_path)

    assert path.stem.endswith(f"-{key.kid}")


def test_keys_are_loaded_in_the_order_of_their_making(tmp_path: Path) -> None:
    made = [new_key(tmp_path, NOON + timedelta(microseconds=each)) for each in (5, 1, 3)]

    assert [key.kid for key in load_keys(tmp_path)] == [path.stem[24:] for path in sorted(made)]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    new_key(tmp_path, NOON)
    (tmp_path / "README.txt").write_text("keys live here")

    assert len(load_keys(tmp_path)) == 1


@pytest.mark.parametrize("folder", ["", "missing"])
def test_an_empty_folder_says_how_to_make_a_key(tmp_path: Path, folder: str) -> None:
    with pytest.raises(NoSigningKeys) as error:
        load_keys(tmp_path / folder)
    assert str(error.value) == f"No signing key in {tmp_path / folder}: make one with `profilectl keys new`."


PRIVATE = Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        pkcs8(PRIVATE)[:60],
        pkcs8(PRIVATE, b"password"),
        PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
    ids=["empty", "junk", "cut off", "encrypted", "public", "another curve"],
)
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    new_key(tmp_path, NOON)
    path = tmp_path / "wrong.pem"
    path.write_bytes(content)

    with pytest.raises(NoSigningKeys) as error:
        load_keys(tmp_path)
    assert str(error.value) == f"{path} is not an unencrypted Ed25519 private key in PEM."


def test_the_name_of_a_file_tells_when_the_key_was_made(tmp_path: Path) -> None:
    new_key(tmp_path, NOON)

    assert [key.made_at for key in load_keys(tmp_path)] == [NOON]


def test_a_file_of_another_name_is_as_old_as_its_last_change(tmp_path: Path) -> None:
    newer = new_key(tmp_path, NOON)
    older = tmp_path / "zz-from-elsewhere.pem"
    older.write_bytes(pkcs8(PRIVATE))
    os.utime(older, (0, (NOON - timedelta(days=1)).timestamp()))
    keys = load_keys(tmp_path)

    assert [key.made_at for key in keys] == [NOON - timedelta(days=1), NOON]
    assert newer.stem.endswith(keys[1].kid)


def test_a_retired_key_is_not_loaded_but_kept(tmp_path: Path) -> None:
    old, new = new_key(tmp_path, NOON), new_key(tmp_path, NOON + timedelta(days=1))
    kept = retire_key(tmp_path, load_keys(tmp_path)[0].kid)

    assert [key.kid for key in load_keys(tmp_path)] == [new.stem.partition("-")[2]]
    assert (kept, kept.exists(), old.exists()) == (old.with_suffix(".retired"), True, False)


def test_the_last_key_is_not_retired(tmp_path: Path) -> None:
    new_key(tmp_path, NOON)
    [key] = load_keys(tmp_path)

    with pytest.raises(NoSigningKeys, match="is the last key: make another one first"):
        retire_key(tmp_path, key.kid)
    assert len(load_keys(tmp_path)) == 1


@pytest.mark.parametrize("kid", ["", "..", "/etc/passwd", KID])
def test_only_a_key_that_is_there_is_retired(tmp_path: Path, kid: str) -> None:
    new_key(tmp_path, NOON)

    with pytest.raises(NoSigningKeys, match=r"^No key "):
        retire_key(tmp_path, kid)
