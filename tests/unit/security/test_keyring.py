from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from service.app.auth.actors import TokenInvalid
from service.domain.profile import Role
from service.infrastructure.security.key_files import NoSigningKeys
from service.infrastructure.security.keyring import PUBLISHED_AHEAD, Keyring
from service.infrastructure.security.keys import new_key, retire_key
from service.infrastructure.security.tokens import JwtAccessTokens
from tests.builders import NOON, a_user
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.usefixtures("files_for_us_alone")

LATER = NOON + timedelta(days=1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(LATER)


@pytest.fixture
def ring(tmp_path: Path, clock: FakeClock) -> Keyring:
    """A ring with one old key."""
    new_key(tmp_path, NOON)
    return Keyring(tmp_path, clock)


def test_a_ring_without_keys_is_none(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(NoSigningKeys):
        Keyring(tmp_path, clock)


def test_the_first_key_signs_at_once(tmp_path: Path) -> None:
    new_key(tmp_path, NOON)
    ring = Keyring(tmp_path, FakeClock(NOON))

    assert ring.signer is ring.keys[0]


def test_a_new_key_verifies_at_once_and_signs_when_all_know_it(
    tmp_path: Path, ring: Keyring, clock: FakeClock
) -> None:
    new_key(tmp_path, LATER)
    assert ring.reload()
    old, new = ring.keys

    assert (ring.find(new.kid), ring.signer) == (new, old)
    clock.advance(seconds=PUBLISHED_AHEAD.total_seconds() - 0.001)
    assert ring.signer is old
    clock.advance(seconds=0.001)
    assert ring.signer is new


def test_nothing_has_changed_while_the_files_are_the_same(ring: Keyring) -> None:
    assert not ring.reload()


def test_tokens_of_a_retired_key_are_dead(tmp_path: Path, ring: Keyring) -> None:
    tokens = JwtAccessTokens(ring, FakeClock(NOON + timedelta(days=3650)), "i", "a", timedelta(days=3650))
    text = tokens.issue(a_user()).text
    new_key(tmp_path, LATER)
    retire_key(tmp_path, ring.keys[0].kid)

    assert tokens.verify(text).user.role is Role.USER
    assert ring.reload()
    with pytest.raises(TokenInvalid):
        tokens.verify(text)


def test_a_folder_that_cannot_be_read_leaves_the_keys_as_they_were(tmp_path: Path, ring: Keyring) -> None:
    before = ring.keys
    (tmp_path / "0.pem").write_text("junk")

    with pytest.raises(NoSigningKeys):
        ring.reload()
    assert ring.keys == before


async def test_a_change_is_told_with_all_names(tmp_path: Path, ring: Keyring) -> None:
    told: list[tuple[Sequence[str], Sequence[str]]] = []

    async def tell(before: Sequence[str], names: Sequence[str]) -> None:
        told.append((before, names))

    first = [key.kid for key in ring.keys]
    await ring.look(tell)
    new_key(tmp_path, LATER)
    await ring.look(tell)
    both = [key.kid for key in ring.keys]
    retire_key(tmp_path, both[1])
    await ring.look(tell)

    assert len(both) == 2
    assert told == [(first, both), (both, first)]
