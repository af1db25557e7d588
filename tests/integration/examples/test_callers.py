"""Each gateway of `examples/` knows who asks, and passes on only what is good of what it is sent."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aio_pika.abc import AbstractIncomingMessage

from tests.integration.connections import connect
from tests.integration.examples.browser import Answer, Browser, send
from tests.integration.examples.gateways import GATEWAYS
from tests.integration.examples.users import a_user, credentials_of, is_problem, signed_up
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

POST = "/posts/01a21f8d-0000-7000-8000-000000000000"
# What needs a user.
PRIVATE = [
    ("GET", "/me"),
    ("PATCH", "/me"),
    ("DELETE", "/me"),
    ("PUT", "/me/password"),
    ("DELETE", "/session"),
    ("POST", "/posts"),
    ("PATCH", POST),
    ("DELETE", POST),
]


async def _sent(sandbox: Sandbox, operation: str, ask: Callable[[str], Answer]) -> AbstractIncomingMessage:
    """Return what the service is sent when a gateway is asked with that idempotency key."""
    key = uuid4().hex
    async with await connect(sandbox.admin_url) as connection:
        copies = await (await connection.channel()).declare_queue(exclusive=True)
        await copies.bind("profile.commands", operation)
        answer = await asyncio.to_thread(ask, key)
        assert answer.status < 300, answer.text
        while (message := await copies.get(no_ack=True)).message_id != key:  # those of other tests
            pass
        return message


async def _headers_sent(sandbox: Sandbox, url: str, *headers: tuple[str, str]) -> dict[str, Any]:
    def ask(key: str) -> Answer:
        return send(url, "GET", "/posts", ("Idempotency-Key", key), *headers)

    return dict((await _sent(sandbox, "post.list", ask)).headers)


async def test_the_service_hears_the_key_the_trace_and_the_address_that_our_own_proxy_has_seen(
    browser: Browser, sandbox: Sandbox
) -> None:
    """What stands in `X-Forwarded-For` before what our proxy has added, anybody can have written."""
    trace = f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
    sent = await _sent(
        sandbox,
        "profile.create",
        lambda key: browser.ask(
            "POST",
            "/users",
            a_user(),
            idempotency_key=key,
            traceparent=trace,
            x_forwarded_for="192.0.2.1, 198.51.100.7, 203.0.113.7",
        ),
    )

    assert sent.headers["traceparent"] == trace
    assert sent.headers["x-client-ip"] == "203.0.113.7"


@pytest.mark.parametrize("name", list(GATEWAYS))
@pytest.mark.parametrize(
    ("hops", "cases"),
    [
        ("0", [(["203.0.113.7"], "127.0.0.1"), ([], "127.0.0.1")]),
        ("1", [(["203.0.113.7", "198.51.100.7"], "198.51.100.7"), ([], None)]),
        (
            "2",
            [
                (["192.0.2.1, 203.0.113.7", "198.51.100.7"], "203.0.113.7"),
                (["203.0.113.7"], None),
            ],
        ),
    ],
)
async def test_an_address_is_known_if_our_own_proxies_have_added_it(
    *,
    name: str,
    hops: str,
    cases: list[tuple[list[str], str | None]],
    sandbox: Sandbox,
    worker: Worker,
    tmp_path: Path,
) -> None:
    """They may do so in lines of their own, and what did not come through all of them has no address."""
    assert worker.process.poll() is None
    with GATEWAYS[name](sandbox.gateway_url, tmp_path / "log", TRUSTED_HOPS=hops) as url:
        for lines, address in cases:
            sent = await _headers_sent(sandbox, url, *(("X-Forwarded-For", each) for each in lines))

            assert sent.get("x-client-ip") == address


async def test_a_malformed_trace_is_ignored_and_a_user_agent_is_made_to_fit(
    url: str, sandbox: Sandbox
) -> None:
    said = (("traceparent", "00-none"), ("User-Agent", "Möller/1.0 " + "x" * 300))
    sent = await _headers_sent(sandbox, url, *said)

    assert "traceparent" not in sent
    assert sent["x-user-agent"] == ("Mller/1.0 " + "x" * 300)[:256]


def test_an_empty_idempotency_key_is_none(browser: Browser) -> None:
    first, second = (browser.ask("POST", "/users", a_user(), idempotency_key="") for _ in range(2))

    assert (first.status, second.status) == (201, 201)
    assert first.json["id"] != second.json["id"]


@pytest.mark.parametrize(("method", "path"), PRIVATE)
@pytest.mark.parametrize(
    "header",
    [
        ("Authorization", ""),
        ("Authorization", "Bearer"),
        ("Authorization", "Bearer a b"),
        ("Authorization", "Bearer \xe4"),
        ("Authorization", "Basic YTpi"),
        ("Cookie", "access_token=%"),
        ("Cookie", "access_token=%41"),
        ("Cookie", 'access_token="a"'),
    ],
)
def test_what_can_be_no_token_is_refused_everywhere(
    url: str, method: str, path: str, header: tuple[str, str]
) -> None:
    answer = send(url, method, path, header)

    assert is_problem(answer, 401, "token_invalid")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_who_asks_is_looked_at_before_what_is_asked(browser: Browser, method: str, path: str) -> None:
    body = {"unknown": True} if method in ("POST", "PUT", "PATCH") else None
    answer = browser.ask(method, path, body, if_match='"none"')

    assert is_problem(answer, 401, "missing_token")


def test_a_header_that_is_there_never_gives_way_to_the_cookie(browser: Browser) -> None:
    signed_up(browser)

    assert browser.ask("GET", "/me").status == 200
    for each in ("Bearer a b", "Bearer forged", "Basic YTpi", ""):
        assert is_problem(browser.ask("GET", "/me", authorization=each), 401, "token_invalid")


def test_of_two_cookies_of_one_name_the_first_counts(browser: Browser) -> None:
    signed_up(browser)
    good = f"access_token={browser.kept()['access_token']}"
    first = send(browser.url, "GET", "/me", ("Cookie", f"{good}; access_token=forged"))
    second = send(browser.url, "GET", "/me", ("Cookie", f"access_token=forged; {good}"))

    assert first.status == 200
    assert is_problem(second, 401, "token_invalid")


async def test_a_browser_shows_at_a_login_that_it_is_known(browser: Browser, sandbox: Sandbox) -> None:
    """So strangers who guess passwords don't lock the user out there, even after a logout."""
    user = signed_up(browser)
    (kept,) = (each for each in browser.cookies if each.name == "device_token")
    assert browser.ask("DELETE", "/session").status == 204
    credentials = {**credentials_of(user), "otp": "123456"}
    sent = await _sent(
        sandbox,
        "auth.login",
        lambda key: browser.ask("POST", "/session", credentials, idempotency_key=key),
    )
    login = json.loads(sent.body)

    assert (kept.path, kept.has_nonstandard_attr("HttpOnly")) == ("/session", True)
    assert (login["device_token"], login["otp"]) == (kept.value, "123456")
    assert "refresh_token" not in login


async def test_a_program_may_say_which_device_it_is(browser: Browser, sandbox: Sandbox) -> None:
    user = a_user()
    browser.ask("POST", "/users", user)
    device = browser.ask("POST", "/tokens", credentials_of(user)).json["device_token"]
    credentials = {**credentials_of(user), "device_token": device, "otp": "123456"}
    sent = await _sent(
        sandbox,
        "auth.login",
        lambda key: browser.ask("POST", "/tokens", credentials, idempotency_key=key),
    )
    login = json.loads(sent.body)

    assert (login["device_token"], login["otp"]) == (device, "123456")
    assert not list(browser.cookies)
