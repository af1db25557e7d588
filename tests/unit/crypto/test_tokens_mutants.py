"""What mutants of `service/infrastructure/crypto/tokens.py` would get wrong."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from service.app.auth.actors import TokenExpired, TokenInvalid, User
from service.domain.profiles import Role
from service.infrastructure.clock import SystemClock
from service.infrastructure.crypto.keyring import Keyring
from service.infrastructure.crypto.keys import new_key
from service.infrastructure.crypto.tokens import JwtAccessTokens
from tests.fakes.clock import FakeClock

ADA = User(uuid4(), Role.ADMIN, uuid4())
LIFETIME = timedelta(minutes=10)


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    folder: Path = tmp_path_factory.mktemp("keys")
    for days in (2, 1):
        new_key(folder, datetime.now(UTC) - timedelta(days=days))
    return Keyring(folder, SystemClock())


@pytest.fixture
def tokens(keyring: Keyring) -> JwtAccessTokens:
    return JwtAccessTokens(keyring, SystemClock(), "issuer", "audience", LIFETIME)


def signed(keyring: Keyring, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    """Return a token as the service makes them, with changes; `None` leaves a claim out."""
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": "issuer",
        "aud": "audience",
        "sub": str(ADA.id),
        "sid": str(ADA.session),
        "role": "admin",
        "iat": now,
        "exp": now + 600,
        "jti": "1",
    } | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    usual = {"kid": keyring.signer.kid, "typ": "at+jwt"}
    return jwt.encode(kept, keyring.signer.private, "EdDSA", usual | (headers or {}))


def test_a_token_comes_back_as_it_went(keyring: Keyring) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    tokens = JwtAccessTokens(keyring, FakeClock(now), "issuer", "audience", LIFETIME)
    issued = tokens.issue(ADA)
    claims = jwt.decode(issued.text, options={"verify_signature": False})

    assert issued.seconds == 600
    assert tokens.verify(issued.text).user == ADA
    assert tokens.verify(issued.text).expires_at == now + LIFETIME
    assert jwt.get_unverified_header(issued.text) == {
        "alg": "EdDSA",
        "kid": keyring.signer.kid,
        "typ": "at+jwt",
    }
    assert claims == {
        "iss": "issuer",
        "aud": "audience",
        "sub": str(ADA.id),
        "sid": str(ADA.session),
        "role": "admin",
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + 600,
        "jti": UUID(claims["jti"]).hex,
    }


def test_the_newest_known_key_signs_and_all_verify(keyring: Keyring, tokens: JwtAccessTokens) -> None:
    assert keyring.signer is keyring.keys[1]
    assert tokens.public_keys() == [key.public_jwk() for key in keyring.keys]
    older = keyring.keys[0]
    claims = jwt.decode(signed(keyring), options={"verify_signature": False})
    text = jwt.encode(claims, older.private, "EdDSA", {"kid": older.kid, "typ": "at+jwt"})

    assert tokens.verify(text).user == ADA


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another"},
        {"aud": "another"},
        {"sub": "ada"},
        {"sid": "ada"},
        {"role": "root"},
        {"sub": 1},
        {"sid": 1},
        {"exp": 10**30},
        *({name: None} for name in ("iss", "aud", "sub", "sid", "role", "iat", "exp", "jti")),
    ],
    ids=str,
)
def test_other_claims_are_invalid(keyring: Keyring, tokens: JwtAccessTokens, changes: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        tokens.verify(signed(keyring, **changes))


@pytest.mark.parametrize(
    "headers", [{"typ": "JWT"}, {"typ": "bt+jwt"}, {"kid": "another"}, {"kid": ""}, {"typ": None}]
)
def test_another_kind_or_key_is_invalid(
    keyring: Keyring, tokens: JwtAccessTokens, headers: dict[str, Any]
) -> None:
    assert tokens.verify(signed(keyring)).user == ADA
    with pytest.raises(TokenInvalid):
        tokens.verify(signed(keyring, headers))


def test_a_token_whose_key_is_not_named_is_invalid(keyring: Keyring, tokens: JwtAccessTokens) -> None:
    claims = jwt.decode(signed(keyring), options={"verify_signature": False})

    with pytest.raises(TokenInvalid):
        tokens.verify(jwt.encode(claims, keyring.signer.private, "EdDSA", {"typ": "at+jwt"}))


def test_the_length_is_bounded_at_4096(keyring: Keyring, tokens: JwtAccessTokens) -> None:
    padding = 0
    while len(text := signed(keyring, padding="x" * padding)) < 4096:
        padding += max(1, (4096 - len(text)) * 3 // 4)

    if len(text) == 4096:
        assert tokens.verify(text).user == ADA
    with pytest.raises(TokenInvalid):
        tokens.verify(signed(keyring, padding="x" * (padding + 2)))


def test_a_token_of_3_kb_is_read(keyring: Keyring, tokens: JwtAccessTokens) -> None:
    assert tokens.verify(signed(keyring, padding="x" * 2500)).user == ADA


def test_time_is_told_from_forgery(keyring: Keyring, tokens: JwtAccessTokens) -> None:
    now = int(datetime.now(UTC).timestamp())

    with pytest.raises(TokenExpired):
        tokens.verify(signed(keyring, exp=now - 31, iat=now - 631))
    with pytest.raises(TokenInvalid):
        tokens.verify(signed(keyring, exp=now - 31)[:-6] + "AAAAAA")


def test_the_token_of_a_worker_that_is_ahead_is_good(keyring: Keyring, tokens: JwtAccessTokens) -> None:
    ahead = int(datetime.now(UTC).timestamp()) + 30

    assert tokens.verify(signed(keyring, iat=ahead, exp=ahead + 600)).user == ADA


@pytest.mark.parametrize("text", ["", "a.b.c", "\ud800", "..", "x" * 5000])
def test_what_is_no_token_is_invalid(tokens: JwtAccessTokens, text: str) -> None:
    with pytest.raises(TokenInvalid):
        tokens.verify(text)
