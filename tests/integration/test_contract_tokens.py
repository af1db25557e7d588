"""Access tokens: how gateways verify them, and which ones are dead."""

import json
import time
from base64 import urlsafe_b64encode
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.integration.conftest import LIFETIME, Person, SignUp
from tests.integration.gateway import Gateway
from tests.integration.replies import refusal, result
from tests.integration.requests import a_request
from tools.worker import Worker

ON_PROFILES = [("profile.get", {}), ("profile.update", {"last_name": "King"}), ("profile.delete", {})]


async def test_a_gateway_verifies_an_access_token_with_the_listed_keys_alone(
    gateway: Gateway, ada: Person, admin: Person
) -> None:
    listed = await gateway.ask("auth.keys", {})
    keys = jwt.PyJWKSet.from_dict(listed["result"])

    for person, role in ((ada, "user"), (admin, "admin")):
        header = jwt.get_unverified_header(person["token"])
        claims = jwt.decode(
            person["token"],
            keys[header["kid"]],
            algorithms=["EdDSA"],
            audience="gateways",
            issuer="profile-service",
            options={"require": ["exp", "iat", "sub", "jti"]},
        )

        assert header["typ"] == "at+jwt"
        assert claims["sub"] == person["id"]
        assert claims["role"] == role
        assert claims["exp"] - claims["iat"] == LIFETIME


def _unsigned(claims: dict[str, Any]) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "at+jwt"}, claims)]
    return ".".join([*(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), ""])


async def test_a_dead_token_is_nobody_even_from_a_trusted_service(
    service: Gateway, ada: Person, bob: Person
) -> None:
    claims = jwt.decode(ada["token"], options={"verify_signature": False})
    signature = ada["token"].rpartition(".")[2]
    dead = (
        "",
        "not.a.token",
        _unsigned(claims),
        jwt.encode(claims, "a secret of our own, as long as it gets", headers={"typ": "at+jwt"}),
        bob["token"].rpartition(".")[0] + "." + signature,
        ada["token"] + "A" * 5000,
    )
    for token in dead:
        headers = {"authorization": f"Bearer {token}"}
        for queue, more in ON_PROFILES:
            reply = await service.ask(queue, {"id": ada["id"], **more}, headers=headers)

            assert refusal(reply) == ("unauthenticated", "token_invalid")

        chief = a_request("profile.create", role="admin")
        reply = await service.ask("profile.create", chief, headers=headers)

        assert refusal(reply) == ("unauthenticated", "token_invalid")


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER  ", "Bearer "])
async def test_the_scheme_of_a_token_is_compared_without_case(
    gateway: Gateway, ada: Person, scheme: str
) -> None:
    headers = {"authorization": scheme + ada["token"]}
    profile = result(await gateway.ask("profile.get", {"id": ada["id"]}, headers=headers))

    assert profile["id"] == ada["id"]


async def test_what_needs_no_actor_is_done_with_a_dead_token_too(gateway: Gateway, sign_up: SignUp) -> None:
    person = await sign_up()
    login = {"email": person["email"], "password": person["password"]}
    for queue, body in (
        ("auth.keys", {}),
        ("auth.login", login),
        ("profile.create", a_request("profile.create")),
    ):
        assert result(await gateway.ask(queue, body, token=f"dead-{uuid4()}"))


@pytest.mark.parametrize(
    ("claims", "header", "reason"),
    [
        ({}, {}, None),
        ({"exp": int(time.time()) - 60}, {}, "token_expired"),
        ({"exp": None}, {}, "token_invalid"),
        ({"aud": "somebody else"}, {}, "token_invalid"),
        ({"iss": "somebody else"}, {}, "token_invalid"),
        ({"role": "root"}, {}, "token_invalid"),
        ({"sub": "nobody"}, {}, "token_invalid"),
        ({"jti": None}, {}, "token_invalid"),
        ({"nbf": int(time.time()) + 86_400}, {}, "token_invalid"),
        ({}, {"typ": "JWT"}, "token_invalid"),
        ({}, {"kid": "another"}, "token_invalid"),
        ({}, {"kid": 1}, "token_invalid"),
        ({}, {"kid": ["a"]}, "token_invalid"),
    ],
)
async def test_a_token_of_our_own_key_is_good_for_what_it_says_only(
    *,
    gateway: Gateway,
    worker: Worker,
    bob: Person,
    claims: dict[str, Any],
    header: dict[str, Any],
    reason: str | None,
) -> None:
    """As if a token were of another kind or time: signed with the worker's own key."""
    (pem,) = (worker.log.parent / "keys").glob("*.pem")
    usual = jwt.decode(bob["token"], options={"verify_signature": False})
    changed = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    headers = {**jwt.get_unverified_header(bob["token"]), **header}
    token = _signed(load_pem_private_key(pem.read_bytes(), None), headers, changed)
    reply = await gateway.ask("profile.get", {"id": bob["id"]}, token=token)

    if reason:
        assert refusal(reply) == ("unauthenticated", reason)
    else:
        assert result(reply)["id"] == bob["id"]


def _signed(key: Any, headers: dict[str, Any], claims: dict[str, Any]) -> str:
    """Return a JWT of any content: PyJWT refuses to write some of it."""
    assert isinstance(key, Ed25519PrivateKey)
    signed = f"{_base64(headers)}.{_base64(claims)}"
    signature = urlsafe_b64encode(key.sign(signed.encode())).rstrip(b"=").decode()
    return f"{signed}.{signature}"


def _base64(part: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
