import os
from datetime import timedelta
from pathlib import Path

import pytest

from service.app.paging import CursorInvalid
from service.infrastructure.security.cursors import SealedCursors
from service.infrastructure.security.key_files import NoSigningKeys
from service.infrastructure.security.keyring import PUBLISHED_AHEAD
from service.infrastructure.security.keys import load_keys, new_key, retire_key
from service.infrastructure.security.root_key import Purpose, RootKey
from service.infrastructure.security.root_key_files import load_root_keys, new_root_key
from service.infrastructure.security.root_keyring import RootKeyring
from tests.builders import NOON
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.usefixtures("files_for_us_alone")

LATER = NOON + timedelta(days=1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(LATER)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the keys of a new installation."""
    return new_key(tmp_path, NOON).parent


@pytest.fixture
def ring(folder: Path, clock: FakeClock) -> RootKeyring:
    return RootKeyring(folder, clock)


def test_the_first_root_key_comes_with_the_first_signing_key_and_outlives_it(folder: Path) -> None:
    before = load_root_keys(folder)
    new_key(folder, LATER)

    assert load_root_keys(folder) == before
    assert [(len(each.secret), each.is_first) for each in before] == [(32, True)]
    assert (folder / "refresh.key").read_bytes() == before[0].secret
    assert (folder / "refresh.key").stat().st_mode & 0o777 == 0o600


def test_a_new_root_key_is_a_file_of_its_own_that_its_owner_alone_reads(folder: Path) -> None:
    path = new_root_key(folder, LATER)
    _, new = load_root_keys(folder)

    assert path.name == f"20261123T120000.000000Z-{new.kid}.root"
    assert path.read_bytes() == new.secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert (new.made_at, new.is_first) == (LATER, False)
    assert len(load_keys(folder)) == 1


def test_a_folder_can_begin_with_any_root_key(tmp_path: Path) -> None:
    new_root_key(tmp_path / "a" / "keys", NOON)
    new_key(tmp_path / "a" / "keys", NOON)

    assert [each.is_first for each in load_root_keys(tmp_path / "a" / "keys")] == [False]
    assert (tmp_path / "a" / "keys").stat().st_mode & 0o777 == 0o700


def test_a_key_is_named_by_its_secret(ring: RootKeyring) -> None:
    (key,) = ring.keys

    assert RootKey(key.secret, LATER).kid == key.kid
    assert len(bytes.fromhex(key.kid)) == 8
    assert bytes.fromhex(key.kid) not in key.secret


async def test_a_new_key_is_accepted_at_once_and_current_when_all_workers_have_read_it(
    folder: Path, ring: RootKeyring, clock: FakeClock
) -> None:
    new_root_key(folder, LATER)
    await ring.look()
    old, new = ring.keys

    assert ring.current is old
    assert ring.derived(Purpose.SENDERS) == [each.derive(Purpose.SENDERS) for each in (old, new)]
    clock.advance(seconds=PUBLISHED_AHEAD.total_seconds() - 0.001)
    assert ring.current is old
    clock.advance(seconds=0.001)
    assert ring.current is new
    assert ring.derived(Purpose.SENDERS) == [each.derive(Purpose.SENDERS) for each in (new, old)]


async def test_the_first_key_is_the_oldest_whatever_its_file_says(
    folder: Path, ring: RootKeyring, clock: FakeClock
) -> None:
    """A backup that is put back has the time of that."""
    new_root_key(folder, NOON)
    put_back = (LATER + timedelta(days=7)).timestamp()
    os.utime(folder / "refresh.key", (put_back, put_back))
    clock.advance(days=8)
    await ring.look()

    assert [each.is_first for each in ring.keys] == [True, False]
    assert not ring.current.is_first


async def test_the_last_key_is_current_however_new_it_is(folder: Path, ring: RootKeyring) -> None:
    new_root_key(folder, LATER)
    retire_key(folder, ring.current.kid)
    await ring.look()
    (new,) = ring.keys

    assert ring.current is new
    assert (folder / "refresh.retired").exists()
    # A new signing key does not bring the first one back.
    new_key(folder, LATER)
    assert [each.kid for each in load_root_keys(folder)] == [new.kid]


async def test_what_version_0_1_has_stored_is_known_by_the_first_key_while_that_is_in_use(
    folder: Path, ring: RootKeyring
) -> None:
    new_root_key(folder, LATER)
    await ring.look()
    first, _ = ring.keys

    assert ring.former() == [first.secret]
    retire_key(folder, first.kid)
    await ring.look()
    assert ring.former() == []


async def test_a_cursor_lives_as_long_as_its_key(folder: Path, ring: RootKeyring, clock: FakeClock) -> None:
    cursors = SealedCursors(lambda: ring.derived(Purpose.CURSORS))
    old = cursors.encode("here", "query")
    new_root_key(folder, LATER)
    clock.advance(days=1)
    await ring.look()
    new = cursors.encode("there", "query")

    assert [cursors.decode(each, "query") for each in (old, new)] == ["here", "there"]
    retire_key(folder, ring.keys[0].kid)
    await ring.look()
    assert cursors.decode(new, "query") == "there"
    with pytest.raises(CursorInvalid):
        cursors.decode(old, "query")


async def test_a_folder_that_cannot_be_read_leaves_the_keys_as_they_were(
    folder: Path, ring: RootKeyring
) -> None:
    before = ring.keys
    (folder / "wrong.root").write_bytes(b"k" * 31)

    with pytest.raises(NoSigningKeys, match=r"wrong\.root has to hold 32 random bytes"):
        await ring.look()
    assert ring.keys == before


def test_the_last_root_key_is_not_retired(folder: Path, ring: RootKeyring) -> None:
    kid = ring.current.kid

    with pytest.raises(NoSigningKeys) as error:
        retire_key(folder, kid)
    assert str(error.value) == (
        f"{kid} is the last root key: make another one first, with `profilectl keys new --root`."
    )
    assert [each.kid for each in load_root_keys(folder)] == [kid]


def test_without_a_root_key_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NoSigningKeys) as error:
        load_root_keys(tmp_path)
    assert str(error.value) == f"No root key in {tmp_path}: make one with `profilectl keys new`."


@pytest.mark.parametrize("content", [b"", b"k" * 31, b"k" * 33])
def test_a_root_key_has_32_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "refresh.key").write_bytes(content)

    with pytest.raises(NoSigningKeys, match="has to hold 32 random bytes"):
        load_root_keys(tmp_path)
