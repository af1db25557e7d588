from uuid import uuid4

import pytest

from service.app.auth.actors import (
    Actor,
    Anonymous,
    MissingToken,
    TokenExpired,
    TokenInvalid,
    TrustedService,
    User,
)
from service.domain.errors import Unauthenticated
from service.domain.profiles import Role
from service.infrastructure.inputports.principals import Principals
from tests.fakes.tokens import FakeTokens

ADA = User(uuid4(), Role.USER)


@pytest.fixture
def tokens() -> FakeTokens:
    return FakeTokens()


@pytest.fixture
def principals(tokens: FakeTokens) -> Principals:
    return Principals(tokens, {"hr": frozenset({"profile.create"}), "idle": frozenset()})


def why(actor: Actor) -> type[Unauthenticated]:
    """Return what *actor* hears where somebody is needed."""
    assert isinstance(actor, Anonymous)
    return type(actor.why)


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer   "])
def test_a_bearer_token_names_the_human(principals: Principals, tokens: FakeTokens, scheme: str) -> None:
    assert principals.identify(scheme + tokens.issue(ADA).text, None, "profile.get") == ADA


def test_the_human_decides_even_if_the_service_is_trusted(principals: Principals, tokens: FakeTokens) -> None:
    assert principals.identify(f"Bearer {tokens.issue(ADA).text}", "hr", "profile.create") == ADA


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer dead", "Basic YTpi", "dead", b"Bearer dead", 1, True, ["Bearer"], {}],
)
@pytest.mark.parametrize("user_id", [None, "hr"])
def test_a_dead_token_gains_nothing_by_a_trusted_service(
    principals: Principals, header: object, user_id: str | None
) -> None:
    assert why(principals.identify(header, user_id, "profile.create")) is TokenInvalid


def test_a_token_has_to_be_text(principals: Principals, tokens: FakeTokens) -> None:
    header = f"Bearer {tokens.issue(ADA).text}".encode()

    assert why(principals.identify(header, None, "profile.get")) is TokenInvalid


def test_an_expired_token_is_called_expired(principals: Principals, tokens: FakeTokens) -> None:
    header = f"Bearer {tokens.issue(ADA).text}"
    tokens.expire()

    assert why(principals.identify(header, "hr", "profile.create")) is TokenExpired


def test_a_trusted_service_is_trusted_with_the_listed_operation(principals: Principals) -> None:
    assert principals.identify(None, "hr", "profile.create") == TrustedService("hr")


@pytest.mark.parametrize(
    ("user_id", "operation"),
    [
        (None, "profile.create"),
        ("", "profile.create"),
        ("hr", "profile.delete"),
        ("hr", "profile.create.dlq"),
        ("HR", "profile.create"),
        ("idle", "profile.create"),
        ("gateway", "profile.create"),
    ],
)
def test_with_any_other_it_is_nobody(principals: Principals, user_id: str | None, operation: str) -> None:
    assert why(principals.identify(None, user_id, operation)) is MissingToken
