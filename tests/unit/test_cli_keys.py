import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.infrastructure.security.keyring import PUBLISHED_AHEAD
from service.infrastructure.security.keys import load_keys, new_key
from service.infrastructure.security.root_key_files import load_root_keys, new_root_key
from tests.unit.profilectl import profilectl, said

pytestmark = pytest.mark.usefixtures("nothing_is_set", "files_for_us_alone")

NOBODYS_KID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The folder where workers and `profilectl` look for keys. It is not there yet."""
    return tmp_path / "keys"


def a_key(folder: Path, age: timedelta) -> tuple[str, str]:
    """Make a key of that age; return its name and the time when it was made, as `list` shows it."""
    made_at = datetime.now(UTC) - age
    return new_key(folder, made_at).stem.partition("-")[2], f"{made_at:%Y-%m-%d %H:%M:%S}Z"


def rows(output: str, kind: str = "signing") -> list[list[str]]:
    """Return what a table says of the keys of a *kind*, in words."""
    lines = [line.split() for line in output.splitlines()]
    return [[each[0], *each[2:]] for each in lines if each[1:2] == [kind]]


def test_a_new_key_can_be_used(keys: Path) -> None:
    result = profilectl("keys", "new", str(keys))

    assert result.exit_code == 0
    assert Path(result.stdout.strip()).read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert len(load_keys(keys)) == 1


def test_a_key_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = profilectl("keys", "new", str(tmp_path / "file" / "keys"))

    assert result.exit_code == 2
    assert "Cannot run: [Errno 20] Not a directory" in said(result)


def test_a_new_key_goes_where_workers_look_for_it(tmp_path: Path, keys: Path) -> None:
    assert profilectl("keys", "new", SIGNING_KEYS_DIR=str(tmp_path / "a")).exit_code == 0
    assert profilectl("keys", "new").exit_code == 0

    assert len(load_keys(tmp_path / "a")) == 1
    assert len(load_keys(keys)) == 1


def test_the_list_shows_all_keys_and_which_one_signs(keys: Path) -> None:
    oldest = a_key(keys, timedelta(days=2))
    signer = a_key(keys, PUBLISHED_AHEAD + timedelta(minutes=1))
    # Gateways do not know it yet.
    newest = a_key(keys, PUBLISHED_AHEAD - timedelta(minutes=1))
    result = profilectl("keys", "list")

    assert result.exit_code == 0
    assert rows(result.stdout) == [
        [kid, *made_at.split(), state]
        for (kid, made_at), state in ((oldest, "verifies"), (signer, "signs"), (newest, "verifies"))
    ]


def test_a_program_gets_the_list_as_json(keys: Path) -> None:
    kid, made_at = a_key(keys, timedelta(days=2))
    listed = [json.loads(line) for line in profilectl("keys", "list", "--json").stdout.splitlines()]

    assert listed[0] == {"kid": kid, "kind": "signing", "made": made_at, "state": "signs"}
    assert [(each["kind"], each["made"], each["state"]) for each in listed[1:]] == [("root", None, "current")]


def test_the_only_key_signs_however_new_it_is(keys: Path) -> None:
    kid, made_at = a_key(keys, timedelta())

    assert rows(profilectl("keys", "list").stdout) == [[kid, *made_at.split(), "signs"]]


def test_a_name_can_be_copied_from_the_list_however_narrow_the_terminal(keys: Path) -> None:
    kid, _ = a_key(keys, timedelta())

    assert kid in profilectl("keys", "list", COLUMNS="20").stdout


def test_the_list_shows_the_keys_of_the_folder_that_is_named(tmp_path: Path, keys: Path) -> None:
    a_key(keys, timedelta())
    kid, _ = a_key(tmp_path / "a", timedelta())

    assert [row[0] for row in rows(profilectl("keys", "list", str(tmp_path / "a")).stdout)] == [kid]
    assert [
        row[0] for row in rows(profilectl("keys", "list", SIGNING_KEYS_DIR=str(tmp_path / "a")).stdout)
    ] == [kid]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_folder_without_keys_is_explained(keys: Path, *, is_there: bool) -> None:
    if is_there:
        keys.mkdir()
    result = profilectl("keys", "list")

    assert result.exit_code == 2
    assert said(result) == "Cannot run: No signing key in keys: make one with `profilectl keys new`."
    assert result.stdout == ""


def test_a_file_that_is_no_key_is_named(keys: Path) -> None:
    a_key(keys, timedelta())
    (keys / "other.pem").write_text("junk")
    result = profilectl("keys", "list")

    assert result.exit_code == 2
    expected = "Cannot run: keys/other.pem is not an unencrypted Ed25519 private key in PEM."
    assert said(result) == expected


def test_a_retired_key_is_put_out_of_use_and_its_file_is_named(keys: Path) -> None:
    old, _ = a_key(keys, timedelta(days=2))
    new, _ = a_key(keys, timedelta(days=1))
    result = profilectl("keys", "retire", old)
    kept = Path(result.stdout.strip())

    assert result.exit_code == 0
    assert (kept.parent, kept.suffix, kept.stem.partition("-")[2]) == (Path("keys"), ".retired", old)
    assert kept.exists()
    assert [row[0] for row in rows(profilectl("keys", "list").stdout)] == [new]


@pytest.mark.parametrize("kid", [NOBODYS_KID, f"-{NOBODYS_KID[1:]}", f"--{NOBODYS_KID[2:]}"])
def test_a_key_that_is_not_there_is_not_retired(keys: Path, kid: str) -> None:
    for days in (1, 2):
        a_key(keys, timedelta(days=days))
    result = profilectl("keys", "retire", kid)

    assert result.exit_code == 2
    assert said(result) == f"Cannot run: No key {kid} in keys."
    assert len(load_keys(keys)) == 2


def test_the_last_key_is_not_retired(keys: Path) -> None:
    kid, _ = a_key(keys, timedelta(days=1))
    result = profilectl("keys", "retire", kid)

    assert result.exit_code == 2
    assert said(result) == (
        f"Cannot run: {kid} is the last key: make another one first, with `profilectl keys new`."
    )
    assert [key.kid for key in load_keys(keys)] == [kid]


def a_root_key(folder: Path, age: timedelta) -> list[str]:
    """Make a root key of that age; return its name and the time when it was made, as `list` shows it."""
    made_at = datetime.now(UTC) - age
    kid = new_root_key(folder, made_at).stem.partition("-")[2]
    return [kid, *f"{made_at:%Y-%m-%d %H:%M:%S}Z".split()]


def test_a_new_root_key_is_no_signing_key(keys: Path) -> None:
    profilectl("keys", "new")
    result = profilectl("keys", "new", "--root", str(keys))

    assert result.exit_code == 0
    assert load_root_keys(keys)[1].secret == Path(result.stdout.strip()).read_bytes()
    assert len(load_keys(keys)) == 1


def test_the_list_shows_all_root_keys_and_which_one_is_current(keys: Path) -> None:
    a_key(keys, timedelta(days=2))
    first = [load_root_keys(keys)[0].kid, "the", "first", "one"]
    assert rows(profilectl("keys", "list").stdout, "root") == [[*first, "current"]]

    current = a_root_key(keys, PUBLISHED_AHEAD + timedelta(minutes=1))
    newest = a_root_key(keys, PUBLISHED_AHEAD - timedelta(minutes=1))
    listed = profilectl("keys", "list").stdout
    assert rows(listed, "root") == [[*first, "accepted"], [*current, "current"], [*newest, "accepted"]]
    assert len(rows(listed)) == 1


def test_a_root_key_is_retired_by_its_name(keys: Path) -> None:
    a_key(keys, timedelta(days=2))
    first = load_root_keys(keys)[0].kid
    refused = profilectl("keys", "retire", first)
    new, *_ = a_root_key(keys, timedelta(days=1))
    result = profilectl("keys", "retire", first)

    assert refused.exit_code == 2
    assert f"{first} is the last root key" in said(refused)
    assert result.stdout.strip() == "keys/refresh.retired"
    assert [row[0] for row in rows(profilectl("keys", "list").stdout, "root")] == [new]


def test_without_a_root_key_the_list_says_how_to_make_one(keys: Path) -> None:
    a_key(keys, timedelta(days=2))
    (keys / "refresh.key").unlink()

    assert said(profilectl("keys", "list")) == (
        "Cannot run: No root key in keys: make one with `profilectl keys new`."
    )
