import string
import struct
from datetime import timedelta
from uuid import UUID

import pytest

from service.app.auth.tokens import Device
from service.infrastructure.security.device_tokens import MacDeviceTokens
from service.infrastructure.security.refresh_tokens import MacRefreshTokens
from service.infrastructure.security.root_key import RootKey
from service.infrastructure.security.signed_names import signed
from tests.fakes.clock import FakeClock
from tests.fakes.keys import FakeRootKeyring, in_use

KEY = b"k" * 32
# Of base64url (RFC 4648, 5).
LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
DEVICE = Device(UUID(int=1), UUID(int=2))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tokens(clock: FakeClock) -> MacDeviceTokens:
    return MacDeviceTokens(in_use(KEY), clock, timedelta(days=180))


def test_a_token_comes_back_as_it_went(tokens: MacDeviceTokens) -> None:
    assert tokens.read(tokens.issue(DEVICE)) == DEVICE
    assert len(tokens.issue(DEVICE)) == 98


def test_every_character_counts(tokens: MacDeviceTokens) -> None:
    token = tokens.issue(DEVICE)
    for place, letter in enumerate(token):
        for bit in range(6):  # of the last one some are left over
            other = LETTERS[LETTERS.index(letter) ^ 1 << bit]
            assert tokens.read(token[:place] + other + token[place + 1 :]) is None


@pytest.mark.parametrize("text", ["", "a", "a" * 97, "a" * 98, "a" * 99, "\u00e9" * 98, "=" * 98])
def test_what_is_no_token_is_none(tokens: MacDeviceTokens, text: str) -> None:
    assert tokens.read(text) is None


@pytest.mark.parametrize("version", [0, 1, 2])
def test_only_the_format_of_this_version_is_read(
    tokens: MacDeviceTokens, clock: FakeClock, version: int
) -> None:
    seconds = int(clock.now().timestamp())
    name = struct.pack(">B16s16sQ", version, DEVICE.user_id.bytes, DEVICE.id.bytes, seconds)

    assert tokens.read(signed(name, KEY)) == (DEVICE if version == 1 else None)
    assert tokens.read(signed(name + b"x", KEY)) is None
    assert tokens.read(signed(name[:-1], KEY)) is None


def test_it_is_good_for_as_long_as_it_lives_and_a_clock_may_be_behind(
    tokens: MacDeviceTokens, clock: FakeClock
) -> None:
    token = tokens.issue(DEVICE)
    clock.advance(days=180)
    assert tokens.read(token) == DEVICE
    clock.advance(seconds=1)
    assert tokens.read(token) is None
    clock.advance(days=-180, seconds=-31)
    assert tokens.read(token) == DEVICE


def test_another_key_makes_another_token(tokens: MacDeviceTokens, clock: FakeClock) -> None:
    other = MacDeviceTokens(in_use(b"o" * 32), clock, timedelta(days=180))

    assert tokens.read(other.issue(DEVICE)) is None


def test_a_token_lives_as_long_as_its_key(clock: FakeClock) -> None:
    def of(*keys: bytes) -> MacDeviceTokens:
        return MacDeviceTokens(in_use(*keys), clock, timedelta(days=180))

    before, old = b"b" * 32, of(KEY).issue(DEVICE)
    both = of(b"n" * 32, KEY, before)
    new = both.issue(DEVICE)

    assert [both.read(each) for each in (old, new)] == [DEVICE, DEVICE]
    retired = of(b"n" * 32)
    assert [retired.read(each) for each in (old, new)] == [None, DEVICE]


def test_a_refresh_token_is_no_device_token(tokens: MacDeviceTokens) -> None:
    assert tokens.read(MacRefreshTokens(FakeRootKeyring(RootKey(KEY))).issue(UUID(int=1), 0)) is None
