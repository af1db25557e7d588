from datetime import timedelta
from uuid import uuid4

import pytest

from profile_contracts.auth import JsonWebKeySet
from service.app.auth.actors import TokenInvalid
from service.app.auth.tokens import AccessTokens
from service.domain.profile import Role
from service.infrastructure.clock import SystemClock
from service.infrastructure.security.tokens import JwtAccessTokens
from tests.builders import a_user
from tests.fakes.keys import FakeKeyring, a_key
from tests.fakes.tokens import FakeTokens


def jwt_tokens() -> AccessTokens:
    return JwtAccessTokens(FakeKeyring(a_key()), SystemClock(), "issuer", "audience", timedelta(minutes=10))


@pytest.fixture(params=[FakeTokens, jwt_tokens])
def tokens(request: pytest.FixtureRequest) -> AccessTokens:
    made: AccessTokens = request.param()
    return made


@pytest.mark.parametrize("role", Role)
def test_a_token_names_whom_it_was_issued_to(tokens: AccessTokens, role: Role) -> None:
    user = a_user(uuid4(), role)
    issued = tokens.issue(user)

    assert tokens.verify(issued.text).user == user
    assert issued.seconds == 600


def test_every_token_is_another(tokens: AccessTokens) -> None:
    user = a_user(uuid4(), Role.USER)
    texts = [tokens.issue(user).text for _ in range(3)]

    assert len(set(texts)) == 3
    assert {tokens.verify(text).user for text in texts} == {user}


@pytest.mark.parametrize("text", ["", "nonsense", "a.b.c", "\ud800"])
def test_any_other_text_is_invalid(tokens: AccessTokens, text: str) -> None:
    with pytest.raises(TokenInvalid):
        tokens.verify(text)


def test_a_token_of_another_issuer_is_invalid(tokens: AccessTokens) -> None:
    for other in (FakeTokens(), jwt_tokens()):
        with pytest.raises(TokenInvalid):
            tokens.verify(other.issue(a_user(uuid4(), Role.USER)).text)


def test_the_public_keys_are_what_the_contract_says(tokens: AccessTokens) -> None:
    keys = tokens.public_keys()
    published = JsonWebKeySet.model_validate({"keys": keys})

    assert [key.model_dump() for key in published.keys] == [dict(key) for key in keys]
    assert len(keys) == 1
