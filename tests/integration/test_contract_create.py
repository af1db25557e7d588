"""`profile.create`, and the values of a profile."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import an_address
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway
from tests.integration.replies import OBJECT_ID, PROFILE, UUID7, moment, refusal, result
from tests.integration.requests import PASSWORD, a_request


async def test_a_new_profile_has_the_fields_and_formats_of_the_contract(gateway: Gateway) -> None:
    asked = a_request("profile.create")
    profile = result(await gateway.ask("profile.create", asked))

    assert profile.keys() == PROFILE
    assert UUID7.fullmatch(profile["id"])
    assert OBJECT_ID.fullmatch(profile["oid"])
    assert moment(profile["created_at"]) == moment(profile["updated_at"])
    assert abs(datetime.now(UTC) - moment(profile["created_at"])) < timedelta(minutes=1)
    assert {name: profile[name] for name in ("first_name", "last_name", "email")} == {
        name: asked[name] for name in ("first_name", "last_name", "email")
    }
    assert (profile["role"], profile["status"], profile["version"]) == ("user", "active", 1)


async def test_strings_are_trimmed_and_composed(gateway: Gateway) -> None:
    address = an_address()
    asked = a_request(
        "profile.create",
        first_name="  Ame\u0301lie\t",
        last_name="\u00a0A\u030angstro\u0308m\n",
        email=f" {address} ",
    )
    profile = result(await gateway.ask("profile.create", asked))

    assert profile["first_name"] == "Am\u00e9lie"
    assert profile["last_name"] == "\u00c5ngstr\u00f6m"
    assert profile["email"] == address


@pytest.mark.parametrize("spelling", [str.upper, str.lower, lambda address: f" {address}\t"])
async def test_an_address_is_taken_in_every_spelling(
    gateway: Gateway, ada: Person, spelling: type[str]
) -> None:
    again = await gateway.ask("profile.create", a_request("profile.create", email=spelling(ada["email"])))

    assert refusal(again) == ("conflict", "email_taken")
    assert again["error"]["details"] == [{"field": "email", "reason": "email_taken"}]
    assert again["error"]["retryable"] is False


async def test_an_international_domain_is_the_same_in_both_spellings(gateway: Gateway) -> None:
    local = an_address().partition("@")[0]
    first = a_request("profile.create", email=f"{local}@B\u00dcCHER.example")
    second = a_request("profile.create", email=f"{local}@xn--bcher-kva.example")

    assert result(await gateway.ask("profile.create", first))["email"] == f"{local}@B\u00dcCHER.example"
    assert refusal(await gateway.ask("profile.create", second)) == ("conflict", "email_taken")


async def test_the_address_of_a_deleted_profile_is_free(gateway: Gateway, ada: Person) -> None:
    result(await gateway.ask("profile.delete", {"id": ada["id"]}, token=ada["token"]))
    again = result(await gateway.ask("profile.create", a_request("profile.create", email=ada["email"])))

    assert again["id"] != ada["id"]
    assert again["version"] == 1

    login = {"email": ada["email"], "password": PASSWORD}

    assert result(await gateway.ask("auth.login", login))["profile_id"] == again["id"]


async def test_names_have_1_to_100_characters(gateway: Gateway) -> None:
    longest = "\u00e9" * 100
    created = result(await gateway.ask("profile.create", a_request("profile.create", first_name=longest)))

    assert created["first_name"] == longest

    for name, reason in (("", "too_short"), (" \t\n", "too_short"), ("x" * 101, "too_long")):
        reply = await gateway.ask("profile.create", a_request("profile.create", last_name=name))

        assert refusal(reply) == ("invalid", "malformed_request")
        assert reply["error"]["details"] == [{"field": "last_name", "reason": reason}]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("a" * 64 + "@example.org", None),
        ("a" * 65 + "@example.org", "email_malformed"),
        ("a@" + "b" * 63 + ".example", None),
        ("a@" + "b" * 64 + ".example", "email_malformed"),
        ("not an address", "email_malformed"),
        ("two@at@example.org", "email_malformed"),
        ("a@example..org", "email_malformed"),
        (".a@example.org", "email_malformed"),
        ("@example.org", "email_malformed"),
        ("a b@example.org", "email_malformed"),
        ("a@" + ".".join(["b" * 60] * 5), "malformed_request"),
    ],
)
async def test_addresses_have_the_form_and_lengths_of_rfc_5321(
    gateway: Gateway, address: str, code: str | None
) -> None:
    reply = await gateway.ask("profile.create", a_request("profile.create", email=address))

    if code:
        assert refusal(reply) == ("invalid", code)
        assert reply["error"]["details"][0]["field"] == "email"
    else:
        assert result(reply)["email"] == address


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short12", "password_too_short"),
        ("x" * 73, "password_too_long"),
        ("\u00e9" * 37, "password_too_long"),
        ("correct\0horse", "password_malformed"),
    ],
)
async def test_a_password_has_8_to_72_bytes_and_no_nul(gateway: Gateway, password: str, reason: str) -> None:
    reply = await gateway.ask("profile.create", a_request("profile.create", password=password))

    assert refusal(reply) == ("invalid", reason)
    assert reply["error"]["details"] == [{"field": "password", "reason": reason}]


@pytest.mark.parametrize("password", ["8 bytes!", "x" * 72, "  spaces count  ", "\u00e9" * 36])
async def test_a_password_is_kept_as_it_is(gateway: Gateway, password: str) -> None:
    asked = a_request("profile.create", password=password)
    created = result(await gateway.ask("profile.create", asked))
    tokens = await gateway.ask("auth.login", {"email": asked["email"], "password": password})

    assert result(tokens)["profile_id"] == created["id"]

    wrong = await gateway.ask("auth.login", {"email": asked["email"], "password": password[:-1]})

    assert refusal(wrong) == ("unauthenticated", "invalid_credentials")


async def test_one_password_on_two_keyboards_is_one_password(gateway: Gateway) -> None:
    asked = a_request("profile.create", password="ame\u0301lie's secret")
    created = result(await gateway.ask("profile.create", asked))
    tokens = await gateway.ask("auth.login", {"email": asked["email"], "password": "am\u00e9lie's secret"})

    assert result(tokens)["profile_id"] == created["id"]
