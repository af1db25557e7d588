import base64
import json
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from service.app.auth.actors import TokenExpired, TokenInvalid, User
from service.domain.errors import Unauthenticated
from service.domain.profile import Role
from service.infrastructure.clock import SystemClock
from service.infrastructure.security.keyring import Keyring
from service.infrastructure.security.keys import SigningKey, new_key
from service.infrastructure.security.tokens import JwtAccessTokens
from tests.any_text import TEXT
from tests.builders import a_user
from tests.fakes.clock import FakeClock
from tests.fakes.keys import FakeKeyring, a_key

KEY, OLD_KEY, FOREIGN_KEY = a_key(), a_key(), a_key()
ADA = a_user(UUID(int=1), session=UUID(int=2))
LIFETIME = timedelta(minutes=10)
SKEW = timedelta(seconds=30)


def tokens(*keys: SigningKey, clock: Any = None) -> JwtAccessTokens:
    ring = FakeKeyring(*(keys or (OLD_KEY, KEY)))
    return JwtAccessTokens(ring, clock or SystemClock(), "profile-service", "gateways", LIFETIME)


TOKENS = tokens()


def forged(
    claims: dict[str, Any] | None = None,
    headers: dict[str, Any] | None = None,
    key: Any = KEY.private,
    algorithm: str = "EdDSA",
) -> str:
    """Return a token like ours with some claims and headers changed; `None` leaves one out."""
    now = datetime.now(UTC)
    usual = {
        "iss": "profile-service",
        "aud": "gateways",
        "sub": str(ADA.id),
        "sid": str(ADA.session),
        "role": "user",
        "iat": now,
        "exp": now + LIFETIME,
        "jti": "1",
    }
    given_claims = {name: value for name, value in (usual | (claims or {})).items() if value is not None}
    given_headers = {"kid": KEY.kid, "typ": "at+jwt"} | (headers or {})
    return jwt.encode(given_claims, key, algorithm, given_headers)


def segment(content: object) -> str:
    """Return one part of a token."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_token_names_whom_it_was_issued_to() -> None:
    for user in (ADA, a_user(uuid4(), Role.ADMIN)):
        assert TOKENS.verify(TOKENS.issue(user).text).user == user


def test_a_token_says_how_long_it_lives() -> None:
    issued = TOKENS.issue(ADA)

    assert (
        TOKENS.verify(issued.text).expires_at.timestamp()
        == jwt.decode(issued.text, options={"verify_signature": False})["exp"]
    )

    claims = jwt.decode(issued.text, options={"verify_signature": False})

    assert issued.seconds == claims["exp"] - claims["iat"] == 600


def test_a_token_says_what_it_is_and_nothing_about_the_person() -> None:
    text = TOKENS.issue(ADA).text

    assert jwt.get_unverified_header(text) == {"alg": "EdDSA", "kid": KEY.kid, "typ": "at+jwt"}
    assert set(jwt.decode(text, options={"verify_signature": False})) == {
        "iss",
        "aud",
        "sub",
        "sid",
        "role",
        "amr",
        "iat",
        "exp",
        "jti",
    }


def test_no_two_tokens_are_the_same() -> None:
    assert TOKENS.issue(ADA).text != TOKENS.issue(ADA).text


def test_a_token_is_not_shown() -> None:
    issued = TOKENS.issue(ADA)

    assert issued.text not in repr(issued)


def test_the_pattern_of_forged_tokens_is_accepted_unchanged() -> None:
    assert TOKENS.verify(forged()).user == ADA


def test_an_older_key_still_verifies() -> None:
    assert TOKENS.verify(tokens(OLD_KEY).issue(ADA).text).user == ADA


def test_all_keys_are_listed() -> None:
    assert TOKENS.public_keys() == [OLD_KEY.public_jwk(), KEY.public_jwk()]


def test_the_end_of_a_token_can_be_judged_as_of_another_time() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    token = forged({"exp": now - timedelta(hours=1)})

    for before in (timedelta(minutes=59, seconds=31), timedelta(hours=2)):
        assert TOKENS.verify(token, now - before).user == ADA
    for before in (timedelta(minutes=59, seconds=30), timedelta(), timedelta(hours=-1)):
        with pytest.raises(TokenExpired):
            TOKENS.verify(token, now - before)
    with pytest.raises(TokenInvalid):
        TOKENS.verify(forged({"exp": now - timedelta(hours=1), "aud": "others"}), now - timedelta(hours=2))


@pytest.mark.parametrize("ago", [LIFETIME + SKEW, LIFETIME + timedelta(seconds=31), timedelta(days=9999)])
def test_a_token_whose_time_is_over_is_expired(ago: timedelta) -> None:
    text = tokens(clock=FakeClock(datetime.now(UTC) - ago)).issue(ADA).text

    with pytest.raises(TokenExpired):
        TOKENS.verify(text)


@pytest.mark.parametrize("ahead", [5, 30, -29])
def test_a_token_of_a_worker_whose_clock_is_off_is_valid_for_its_whole_life(ahead: int) -> None:
    """By our clock it may just have been issued, or be about to expire."""
    for age in (timedelta(), timedelta(seconds=599)):
        issued = FakeClock(datetime.now(UTC) - age + timedelta(seconds=ahead))

        assert TOKENS.verify(tokens(clock=issued).issue(ADA).text).user == ADA


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody"},
        {"iss": ["profile-service"]},
        {"aud": "others"},
        {"aud": ["others"]},
        {"sub": "ada"},
        {"sub": 1},
        {"sub": ""},
        {"sub": [str(ADA.id)]},
        {"sid": "ada"},
        {"sid": 1},
        {"sid": ""},
        {"sid": [str(ADA.session)]},
        {"role": "root"},
        {"role": ["admin"]},
        {"role": {"admin": True}},
        {"role": 1},
        {"role": "ADMIN"},
        {"exp": "never"},
        {"exp": float("inf")},
        {"exp": 1e300},
        {"exp": 10**30},
        {"nbf": 4_000_000_000},
        {"jti": 1},
        *({name: None} for name in ("iss", "aud", "sub", "sid", "role", "iat", "exp", "jti")),
    ],
    ids=str,
)
def test_unusual_claims_are_invalid_though_we_signed_them(claims: dict[str, Any]) -> None:
    payload = {
        "iss": "profile-service",
        "aud": "gateways",
        "sub": str(ADA.id),
        "sid": str(ADA.session),
        "role": "user",
        "iat": int(datetime.now(UTC).timestamp()),
        "exp": int(datetime.now(UTC).timestamp()) + 600,
        "jti": "1",
    } | claims
    kept = {name: value for name, value in payload.items() if value is not None}
    signed = f"{segment({'alg': 'EdDSA', 'typ': 'at+jwt', 'kid': KEY.kid})}.{segment(kept)}"
    signature = segment(KEY.private.sign(signed.encode()))

    with pytest.raises(TokenInvalid):
        TOKENS.verify(f"{signed}.{signature}")


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+JWT", "application/at+jwt", "", None, 1])
def test_another_type_of_token_is_invalid(kind: object) -> None:
    with pytest.raises(TokenInvalid):
        TOKENS.verify(forged(headers={"typ": kind}))


@pytest.mark.parametrize(
    "kid",
    ["", FOREIGN_KEY.kid, f"../keys/{KEY.kid}", "/dev/null", "*", "' or 1=1 --", KEY.kid.lower()],
    ids=["none", "foreign", "path", "device", "wildcard", "injection", "lower case"],
)
def test_a_key_that_is_not_ours_is_invalid(kid: str) -> None:
    with pytest.raises(TokenInvalid):
        TOKENS.verify(forged(headers={"kid": kid}))


@pytest.mark.parametrize("kid", [None, 1, [KEY.kid], {KEY.kid: 1}, True])
def test_a_kid_that_is_no_text_is_invalid(kid: object) -> None:
    header = segment({"alg": "EdDSA", "typ": "at+jwt", "kid": kid})
    _, payload, signature = forged().split(".")

    with pytest.raises(TokenInvalid):
        TOKENS.verify(f"{header}.{payload}.{signature}")


def test_a_token_without_a_kid_is_invalid() -> None:
    header = segment({"alg": "EdDSA", "typ": "at+jwt"})
    _, payload, signature = forged().split(".")

    with pytest.raises(TokenInvalid):
        TOKENS.verify(f"{header}.{payload}.{signature}")


def test_a_foreign_key_under_our_name_is_invalid() -> None:
    for headers in ({}, {"jwk": dict(FOREIGN_KEY.public_jwk())}, {"jku": "https://evil.example/keys"}):
        with pytest.raises(TokenInvalid):
            TOKENS.verify(forged(headers=headers, key=FOREIGN_KEY.private))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
@pytest.mark.parametrize("signature", ["", "c2ln"])
def test_a_token_without_a_signature_is_invalid(algorithm: str, signature: str) -> None:
    header = segment({"alg": algorithm, "typ": "at+jwt", "kid": KEY.kid})
    payload = forged().split(".")[1]

    with pytest.raises(TokenInvalid):
        TOKENS.verify(f"{header}.{payload}.{signature}")


def test_the_signature_of_another_token_is_invalid() -> None:
    mine, admins = forged().split("."), forged({"role": "admin"}).split(".")

    with pytest.raises(TokenInvalid):
        TOKENS.verify(".".join([*admins[:2], mine[2]]))


@pytest.mark.parametrize("form", ["raw", "jwk x"])
def test_the_public_key_is_no_password(form: str) -> None:
    public = KEY.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    secret = public if form == "raw" else KEY.public_jwk()["x"].encode()

    with pytest.raises(TokenInvalid):
        TOKENS.verify(forged(key=secret, algorithm="HS256"))


def test_no_other_algorithm_is_taken() -> None:
    for algorithm in ("HS256", "HS384", "HS512"):
        with pytest.raises(TokenInvalid):
            TOKENS.verify(forged(key=b"k" * 64, algorithm=algorithm))


def test_a_token_that_differs_in_one_character_is_invalid() -> None:
    text = forged()
    for place, character in enumerate(text):
        # The lowest four bits of the last character stand for nothing: so change its highest one.
        alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
        other = "." if character == "." else alphabet[alphabet.index(character) ^ 0b100000]
        mutated = text[:place] + ("A" if other == "." else other) + text[place + 1 :]

        with pytest.raises(TokenInvalid):
            TOKENS.verify(mutated)


def test_a_token_that_lacks_or_repeats_a_character_is_invalid() -> None:
    text = forged()
    for place in range(len(text)):
        for mutated in (text[:place] + text[place + 1 :], text[:place] + text[place] * 2 + text[place + 1 :]):
            with pytest.raises(TokenInvalid):
                TOKENS.verify(mutated)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "null",
        "{}",
        "\ud800.\ud800.\ud800",
        "\u00e9.\u00e9.\u00e9",
        "\0",
        "x" * 4097,
        "x" * 1_000_000,
        "." * 1_000_000,
        ".".join([segment([]), segment([]), segment([])]),
        ".".join([segment(None), segment({}), ""]),
        ".".join([segment(b"\xff"), segment(b"\xff"), ""]),
        ".".join([segment({"alg": 1, "typ": "at+jwt", "kid": KEY.kid}), segment({}), ""]),
        ".".join([segment(b"[" * 2000), segment({}), ""]),
        f"{forged()}.{forged()}",
        f"Bearer {forged()}",
        forged(headers={"crit": ["b64"], "b64": False}),
    ],
    ids=range(21),
)
def test_what_is_no_token_is_invalid(text: str) -> None:
    with pytest.raises(TokenInvalid):
        TOKENS.verify(text)


def test_a_signed_token_of_1_mb_is_not_even_read() -> None:
    with pytest.raises(TokenInvalid):
        TOKENS.verify(forged({"padding": "x" * 1_000_000}))


@given(TEXT | st.lists(st.text(string.ascii_letters + string.digits + "-_=")).map(".".join))
def test_any_text_is_invalid_and_nothing_worse(text: str) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.verify(text)


@given(
    header=st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "crit", "b64"]),
        st.sampled_from(["EdDSA", "none", "at+jwt", KEY.kid, None, 1, [], {}, True, ["exp"]]),
    ),
    payload=st.dictionaries(st.text(max_size=3), st.none() | st.integers()),
)
def test_any_header_is_invalid_and_nothing_worse(header: dict[str, Any], payload: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        TOKENS.verify(f"{segment(header)}.{segment(payload)}.{segment(b'signature')}")


ADMIN = User(uuid4(), Role.ADMIN, uuid4())


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    folder: Path = tmp_path_factory.mktemp("keys")
    for days in (2, 1):
        new_key(folder, datetime.now(UTC) - timedelta(days=days))
    return Keyring(folder, SystemClock())


@pytest.fixture
def issuer(keyring: Keyring) -> JwtAccessTokens:
    return JwtAccessTokens(keyring, SystemClock(), "issuer", "audience", LIFETIME)


def signed(keyring: Keyring, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    """Return a token as the service makes them, with changes; `None` leaves a claim out."""
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": "issuer",
        "aud": "audience",
        "sub": str(ADMIN.id),
        "sid": str(ADMIN.session),
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
    issuer = JwtAccessTokens(keyring, FakeClock(now), "issuer", "audience", LIFETIME)
    issued = issuer.issue(ADMIN)
    claims = jwt.decode(issued.text, options={"verify_signature": False})

    assert issued.seconds == 600
    assert issuer.verify(issued.text).user == ADMIN
    assert issuer.verify(issued.text).expires_at == now + LIFETIME
    assert jwt.get_unverified_header(issued.text) == {
        "alg": "EdDSA",
        "kid": keyring.signer.kid,
        "typ": "at+jwt",
    }
    assert claims == {
        "iss": "issuer",
        "aud": "audience",
        "sub": str(ADMIN.id),
        "sid": str(ADMIN.session),
        "role": "admin",
        "amr": ["pwd"],
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + 600,
        "jti": UUID(claims["jti"]).hex,
    }


def test_the_newest_known_key_signs_and_all_verify(keyring: Keyring, issuer: JwtAccessTokens) -> None:
    assert keyring.signer is keyring.keys[1]
    assert issuer.public_keys() == [key.public_jwk() for key in keyring.keys]
    older = keyring.keys[0]
    claims = jwt.decode(signed(keyring), options={"verify_signature": False})
    text = jwt.encode(claims, older.private, "EdDSA", {"kid": older.kid, "typ": "at+jwt"})

    assert issuer.verify(text).user == ADMIN


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
def test_other_claims_are_invalid(keyring: Keyring, issuer: JwtAccessTokens, changes: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        issuer.verify(signed(keyring, **changes))


@pytest.mark.parametrize(
    "headers", [{"typ": "JWT"}, {"typ": "bt+jwt"}, {"kid": "another"}, {"kid": ""}, {"typ": None}]
)
def test_another_kind_or_key_is_invalid(
    keyring: Keyring, issuer: JwtAccessTokens, headers: dict[str, Any]
) -> None:
    assert issuer.verify(signed(keyring)).user == ADMIN
    with pytest.raises(TokenInvalid):
        issuer.verify(signed(keyring, headers))


def test_a_token_whose_key_is_not_named_is_invalid(keyring: Keyring, issuer: JwtAccessTokens) -> None:
    claims = jwt.decode(signed(keyring), options={"verify_signature": False})

    with pytest.raises(TokenInvalid):
        issuer.verify(jwt.encode(claims, keyring.signer.private, "EdDSA", {"typ": "at+jwt"}))


def test_the_length_is_bounded_at_4096(keyring: Keyring, issuer: JwtAccessTokens) -> None:
    padding = 0
    while len(text := signed(keyring, padding="x" * padding)) < 4096:
        padding += max(1, (4096 - len(text)) * 3 // 4)

    if len(text) == 4096:
        assert issuer.verify(text).user == ADMIN
    with pytest.raises(TokenInvalid):
        issuer.verify(signed(keyring, padding="x" * (padding + 2)))


def test_a_token_of_3_kb_is_read(keyring: Keyring, issuer: JwtAccessTokens) -> None:
    assert issuer.verify(signed(keyring, padding="x" * 2500)).user == ADMIN


def test_time_is_told_from_forgery(keyring: Keyring, issuer: JwtAccessTokens) -> None:
    now = int(datetime.now(UTC).timestamp())

    with pytest.raises(TokenExpired):
        issuer.verify(signed(keyring, exp=now - 31, iat=now - 631))
    with pytest.raises(TokenInvalid):
        issuer.verify(signed(keyring, exp=now - 31)[:-6] + "AAAAAA")


def test_the_token_of_a_worker_that_is_ahead_is_good(keyring: Keyring, issuer: JwtAccessTokens) -> None:
    ahead = int(datetime.now(UTC).timestamp()) + 30

    assert issuer.verify(signed(keyring, iat=ahead, exp=ahead + 600)).user == ADMIN


@pytest.mark.parametrize("text", ["", "a.b.c", "\ud800", "..", "x" * 5000])
def test_text_that_is_no_token_is_invalid(issuer: JwtAccessTokens, text: str) -> None:
    with pytest.raises(TokenInvalid):
        issuer.verify(text)


class RetiringKeyring(FakeKeyring):
    """One of which a key can be taken away."""

    def retire(self, kid: str) -> None:
        """Take a key away, as `reload` does when its file is gone."""
        del self._keys[kid]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which tokens were decoded, and their signatures verified."""
    seen: list[str] = []
    decode = jwt.decode

    def noted(token: str, *args: Any, **options: Any) -> dict[str, Any]:
        seen.append(token)
        claims: dict[str, Any] = decode(token, *args, **options)
        return claims

    monkeypatch.setattr(jwt, "decode", noted)
    return seen


def test_the_signature_of_a_token_is_verified_once(decoded: list[str]) -> None:
    again = tokens()
    text = again.issue(ADA).text

    assert again.verify(text) == again.verify(text)
    assert decoded == [text]


def test_a_remembered_token_is_expired_once_its_time_is_over() -> None:
    clock = FakeClock(datetime.now(UTC))
    again = tokens(clock=clock)
    text = again.issue(ADA).text
    assert again.verify(text).user == ADA
    clock.advance(seconds=(LIFETIME + SKEW).total_seconds() - 1)
    assert again.verify(text).user == ADA
    clock.advance(seconds=2)

    with pytest.raises(TokenExpired):
        again.verify(text)


def test_a_remembered_token_is_dead_once_its_key_is_retired() -> None:
    ring = RetiringKeyring(OLD_KEY, KEY)
    again = JwtAccessTokens(ring, SystemClock(), "profile-service", "gateways", LIFETIME)
    text = again.issue(ADA).text
    assert again.verify(text).user == ADA
    ring.retire(KEY.kid)

    with pytest.raises(TokenInvalid):
        again.verify(text)


def test_a_token_that_was_refused_is_not_remembered(decoded: list[str]) -> None:
    again, text = tokens(), forged(key=FOREIGN_KEY.private)
    for _ in range(2):
        with pytest.raises(TokenInvalid):
            again.verify(text)

    assert decoded == [text, text]


def test_so_many_are_remembered_and_the_first_is_forgotten_first(
    decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.infrastructure.security.tokens._MOST_VERIFIED", 2)
    again = tokens()
    first, second, third = (again.issue(ADA).text for _ in range(3))
    for text in (first, second, third, second, third, first):
        again.verify(text)

    assert decoded == [first, second, third, first]


@pytest.mark.parametrize(("with_code", "amr"), [(False, ["pwd"]), (True, ["pwd", "otp"])])
def test_a_token_says_how_its_user_has_logged_in(with_code: bool, amr: list[str]) -> None:  # noqa: FBT001
    user = User(ADA.id, ADA.role, ADA.session, with_code=with_code)
    token = TOKENS.issue(user).text

    assert jwt.decode(token, options={"verify_signature": False})["amr"] == amr
    assert TOKENS.verify(token).user == user


@pytest.mark.parametrize("amr", [None, [], ["pwd"], "otp", ["otpx"]])
def test_no_other_word_stands_for_a_code(amr: object) -> None:
    assert TOKENS.verify(forged({"amr": amr})).user == ADA
