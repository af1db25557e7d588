"""What mutants of `service/infrastructure/inputports/principals.py` would get wrong."""

from dataclasses import FrozenInstanceError

import pytest

from profile_contracts.operations import PROFILE_GET
from service.app.auth.actors import Anonymous, TokenInvalid
from service.infrastructure.inputports.principals import Principals
from tests.builders import a_profile
from tests.fakes.app_fixture import AppFixture
from tests.fakes.broker import message

KEY = b"k" * 32

ADA = a_profile()


class Written:
    """No text, but written like one."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


@pytest.mark.parametrize("scheme", ["Basic", "Zoo", "", "Bearer2", "aBearer", "Digest"])
async def test_a_good_token_is_dead_under_another_scheme(scheme: str) -> None:
    app_fixture = AppFixture(ADA)
    _, tokens = await app_fixture.logged_in(ADA)
    request = message(headers={"authorization": f"{scheme} {tokens.access_token.text}"})

    actor = (
        await Principals(app_fixture.tokens, app_fixture.sessions, {}, KEY).identify(request, PROFILE_GET)
    ).actor

    assert isinstance(actor, Anonymous)
    assert type(actor.why) is TokenInvalid


async def test_what_is_only_written_like_a_token_is_dead() -> None:
    app_fixture = AppFixture(ADA)
    _, tokens = await app_fixture.logged_in(ADA)
    request = message()
    request.headers["authorization"] = Written(f"Bearer {tokens.access_token.text}")  # type: ignore[assignment]

    actor = (
        await Principals(app_fixture.tokens, app_fixture.sessions, {}, KEY).identify(request, PROFILE_GET)
    ).actor

    assert isinstance(actor, Anonymous)
    assert type(actor.why) is TokenInvalid


def test_principals_do_not_change() -> None:
    app_fixture = AppFixture()
    principals = Principals(app_fixture.tokens, app_fixture.sessions, {}, KEY)

    assert not hasattr(principals, "__dict__")
    with pytest.raises(FrozenInstanceError):
        principals.trusted_services = {}  # type: ignore[misc]
