import string
from uuid import UUID

import pytest

from service.app.auth.one_time_tokens import OneTimeTokenInvalid, TokenPurpose
from service.infrastructure.security.one_time_tokens import MacOneTimeTokens
from tests.fakes.clock import FakeClock
from tests.fakes.keys import in_use

KEY, OTHER = b"k" * 32, b"o" * 32
ADA = UUID(int=1)
RESET, VERIFY = TokenPurpose.RESET_PASSWORD, TokenPurpose.VERIFY_EMAIL
STATE = "1/1/ada@example.org"
# Of base64url (RFC 4648, 5).
LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tokens(clock: FakeClock) -> MacOneTimeTokens:
    return MacOneTimeTokens(in_use(KEY), clock)


def test_a_token_comes_back_as_it_went(tokens: MacOneTimeTokens) -> None:
    read = tokens.read(RESET, tokens.issue(RESET, ADA, STATE))

    assert read.profile_id == ADA
    assert tokens.is_bound_to(read, STATE)
    assert len(tokens.issue(RESET, ADA, STATE)) == 99


@pytest.mark.parametrize("state", ["2/1/ada@example.org", "1/2/ada@example.org", "1/1/bob@example.org", ""])
def test_it_is_bound_to_one_state(tokens: MacOneTimeTokens, state: str) -> None:
    assert not tokens.is_bound_to(tokens.read(RESET, tokens.issue(RESET, ADA, STATE)), state)


def test_it_is_for_one_purpose(tokens: MacOneTimeTokens) -> None:
    for purpose, other in ((RESET, VERIFY), (VERIFY, RESET)):
        with pytest.raises(OneTimeTokenInvalid):
            tokens.read(other, tokens.issue(purpose, ADA, STATE))


def test_every_character_counts(tokens: MacOneTimeTokens) -> None:
    token = tokens.issue(RESET, ADA, STATE)
    for place, letter in enumerate(token):
        for bit in range(6):  # of the last one some are left over
            other = LETTERS[LETTERS.index(letter) ^ 1 << bit]
            with pytest.raises(OneTimeTokenInvalid):
                tokens.read(RESET, token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize("text", ["", "a", "a" * 98, "a" * 99, "a" * 100, "\u00e9" * 99, "=" * 99])
def test_what_is_no_token_is_invalid(tokens: MacOneTimeTokens, text: str) -> None:
    with pytest.raises(OneTimeTokenInvalid):
        tokens.read(RESET, text)


def test_it_is_good_for_half_an_hour(tokens: MacOneTimeTokens, clock: FakeClock) -> None:
    token = tokens.issue(RESET, ADA, STATE)
    clock.advance(minutes=30, seconds=-1)
    assert tokens.read(RESET, token).profile_id == ADA
    clock.advance(seconds=1)
    with pytest.raises(OneTimeTokenInvalid):
        tokens.read(RESET, token)


def test_while_a_key_follows_another_those_of_both_are_taken(
    tokens: MacOneTimeTokens, clock: FakeClock
) -> None:
    token = tokens.issue(RESET, ADA, STATE)
    both = MacOneTimeTokens(in_use(OTHER, KEY), clock)

    assert both.is_bound_to(both.read(RESET, token), STATE)
    with pytest.raises(OneTimeTokenInvalid):
        MacOneTimeTokens(in_use(OTHER), clock).read(RESET, token)
    with pytest.raises(OneTimeTokenInvalid):
        tokens.read(RESET, both.issue(RESET, ADA, STATE))


def test_nothing_of_the_state_is_in_it(tokens: MacOneTimeTokens, clock: FakeClock) -> None:
    """Who sees a token cannot try addresses on it: with another key, all of it is otherwise."""
    name = tokens.read(RESET, tokens.issue(RESET, ADA, STATE)).binding
    other = MacOneTimeTokens(in_use(OTHER), clock)

    assert name != other.read(RESET, other.issue(RESET, ADA, STATE)).binding
