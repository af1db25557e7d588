"""Each gateway of `examples/` does over HTTP what its README says, on a real worker."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.builders import an_address
from tests.integration.connections import connect
from tests.integration.examples.browser import Answer, Browser
from tests.integration.examples.gateways import (
    built_express,
    express_command,
    express_gateway,
    express_gateway_in,
    fastapi_gateway,
)
from tools.openapi import DOCUMENT, rendered
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

PASSWORD = "correct horse battery"
GATEWAYS = {"fastapi": fastapi_gateway, "express": express_gateway}


@pytest.fixture(scope="module", params=list(GATEWAYS))
def url(
    request: pytest.FixtureRequest,
    sandbox: Sandbox,
    worker: Worker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Where the gateway is."""
    assert worker.process.poll() is None
    log = tmp_path_factory.mktemp("gateway") / "log"
    with ExitStack() as after_its_end, GATEWAYS[request.param](sandbox.gateway_url, log) as address:
        # As browsers have them: nothing ever comes over this line, and it does not hold the end up.
        place = urlsplit(address)
        silent = socket.create_connection((place.hostname, place.port), timeout=5)
        after_its_end.callback(silent.close)
        yield address


@pytest.fixture
def browser(url: str) -> Browser:
    """A browser that nobody has logged in with."""
    return Browser(url)


def _a_user(**changes: object) -> dict[str, Any]:
    usual = {"first_name": "Ada", "last_name": "Lovelace", "email": an_address(), "password": PASSWORD}
    return {**usual, **changes}


def _signed_up(browser: Browser) -> dict[str, Any]:
    """Sign a user up, and log in with cookies; return what was asked for."""
    user = _a_user()
    assert browser.ask("POST", "/users", user).status == 201
    credentials = {"email": user["email"], "password": user["password"]}
    assert browser.ask("POST", "/session", credentials).status == 204
    return user


def _is_problem(answer: Answer, status: int, reason: str) -> bool:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["type"] == "about:blank"
    assert answer.json["title"]
    return (answer.status, answer.json["status"], answer.json["reason"]) == (status, status, reason)


def test_a_browser_signs_up_logs_in_and_has_cookies_that_no_script_reads(browser: Browser) -> None:
    user = _signed_up(browser)
    answer = browser.ask("GET", "/me")

    assert answer.json["email"] == user["email"]
    assert answer.headers["etag"] == '"1"'
    for each in browser.cookies:
        assert each.has_nonstandard_attr("HttpOnly")
        assert str(each.get_nonstandard_attr("SameSite")).lower() == "strict"


def test_a_program_sends_its_token_as_a_bearer_and_refreshes_it(browser: Browser) -> None:
    user = _a_user()
    browser.ask("POST", "/users", user)
    tokens = browser.ask("POST", "/tokens", {"email": user["email"], "password": PASSWORD}).json
    refreshed = browser.ask("POST", "/tokens/refresh", {"refresh_token": tokens["refresh_token"]}).json
    answer = browser.ask("GET", "/me", authorization=f"Bearer {refreshed['access_token']}")

    assert answer.json["id"] == tokens["profile_id"]
    assert not list(browser.cookies)


def test_cookies_are_refreshed_and_a_logout_ends_them(browser: Browser) -> None:
    _signed_up(browser)
    before = {each.name: each.value for each in browser.cookies}
    assert browser.ask("POST", "/session/refresh").status == 204
    after = {each.name: each.value for each in browser.cookies}
    assert browser.ask("DELETE", "/session").status == 204

    assert before.keys() == after.keys()
    assert before["refresh_token"] != after["refresh_token"]
    assert not list(browser.cookies)
    assert _is_problem(browser.ask("GET", "/me"), 401, "missing_token")
    dead = browser.ask("GET", "/me", authorization=f"Bearer {after['access_token']}")
    assert _is_problem(dead, 401, "session_ended")
    assert dead.headers["www-authenticate"] == "Bearer"


def test_a_browser_that_logs_in_again_ends_the_session_that_it_has(browser: Browser) -> None:
    """Even when its access token has expired, whose cookie is gone then."""
    user = _signed_up(browser)
    former = {each.name: each.value for each in browser.cookies}
    browser.cookies.clear(next(iter(browser.cookies)).domain, "/", "access_token")
    credentials = {"email": user["email"], "password": PASSWORD}
    wrong = browser.ask("POST", "/session", {**credentials, "password": "not that one"})
    alive = browser.ask("GET", "/me", authorization=f"Bearer {former['access_token']}")
    assert browser.ask("POST", "/session", credentials).status == 204

    assert _is_problem(wrong, 401, "invalid_credentials")
    assert alive.status == 200
    dead = browser.ask("GET", "/me", authorization=f"Bearer {former['access_token']}")
    assert _is_problem(dead, 401, "session_ended")
    assert browser.ask("GET", "/me").status == 200


def test_a_user_changes_only_what_was_seen(browser: Browser) -> None:
    _signed_up(browser)
    changed = browser.ask("PATCH", "/me", {"last_name": "King"}, if_match='"1"')
    stale = browser.ask("PATCH", "/me", {"last_name": "Noel"}, if_match='"1"')
    other = browser.ask("PATCH", "/me", {"last_name": "Noel"}, if_match='"of something else"')
    blind = browser.ask("PATCH", "/me", {"last_name": "Byron"})

    assert (changed.json["last_name"], changed.headers["etag"]) == ("King", '"2"')
    assert _is_problem(stale, 412, "stale_version")
    assert _is_problem(other, 412, "precondition_failed")
    assert blind.headers["etag"] == '"3"'


def test_a_password_is_changed_and_a_profile_deleted(browser: Browser) -> None:
    user = _signed_up(browser)
    new = {"current_password": PASSWORD, "new_password": "a better horse than that"}
    assert browser.ask("PUT", "/me/password", new).status == 200
    assert browser.ask("GET", "/me").status == 200
    assert browser.ask("DELETE", "/me").status == 204

    login = browser.ask("POST", "/session", {"email": user["email"], "password": new["new_password"]})
    assert _is_problem(login, 401, "invalid_credentials")


def test_posts_are_written_read_changed_listed_and_deleted(browser: Browser) -> None:
    _signed_up(browser)
    written = browser.ask("POST", "/posts", {"title": "Note G", "body": "It weaves."})
    place = written.headers["location"]
    owner = written.json["user_id"]
    browser.ask("POST", "/posts", {"title": "Note H", "body": "It sings."})
    changed = browser.ask("PATCH", place, {"title": "Note I"}, if_match=written.headers["etag"])
    first = browser.ask("GET", f"/posts?user_id={owner}&limit=1").json
    second = browser.ask("GET", f"/posts?user_id={owner}&limit=1&cursor={first['next_cursor']}").json
    deleted = browser.ask("DELETE", place)

    assert (written.status, changed.json["version"], deleted.status) == (201, 2, 204)
    assert [each["title"] for each in (*first["items"], *second["items"])] == ["Note H", "Note I"]
    assert second["next_cursor"] is None
    assert _is_problem(browser.ask("GET", place), 404, "post_not_found")


def test_a_command_that_is_repeated_under_its_key_has_one_effect(browser: Browser) -> None:
    user, key = _a_user(), uuid4().hex
    first, second = (browser.ask("POST", "/users", user, idempotency_key=key) for _ in range(2))

    assert (first.status, second.status) == (201, 201)
    assert first.json == second.json
    assert _is_problem(browser.ask("POST", "/users", user), 409, "email_taken")


async def test_the_service_hears_the_key_the_trace_and_the_address_that_our_own_proxy_has_seen(
    browser: Browser, sandbox: Sandbox
) -> None:
    """What stands in `X-Forwarded-For` before what our proxy has added, anybody can have written."""
    key, trace = uuid4().hex, f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
    async with await connect(sandbox.admin_url) as connection:
        copies = await (await connection.channel()).declare_queue(exclusive=True)
        await copies.bind("profile.commands", "profile.create")
        answer = await asyncio.to_thread(
            browser.ask,
            "POST",
            "/users",
            _a_user(),
            idempotency_key=key,
            traceparent=trace,
            x_forwarded_for="192.0.2.1, 198.51.100.7, 203.0.113.7",
        )
        sent = await copies.get(no_ack=True)

    assert answer.status == 201
    assert (sent.message_id, sent.headers["traceparent"]) == (key, trace)
    assert sent.headers["x-client-ip"] == "203.0.113.7"


def test_every_error_is_a_problem(browser: Browser) -> None:
    short = browser.ask("POST", "/users", _a_user(password="short"))
    unknown = browser.ask("POST", "/users", _a_user(role="admin"))
    missing = browser.ask("POST", "/session", {"email": "ada@example.org"})

    assert _is_problem(short, 400, "password_too_short")
    assert short.json["errors"] == [{"field": "password", "reason": "password_too_short"}]
    assert _is_problem(unknown, 400, "malformed_request")
    assert unknown.json["errors"][0]["field"] == "role"
    assert _is_problem(missing, 400, "malformed_request")
    assert _is_problem(browser.ask("GET", "/me"), 401, "missing_token")
    assert _is_problem(browser.ask("GET", "/me", authorization="Bearer forged"), 401, "token_invalid")
    assert _is_problem(browser.ask("GET", f"/posts/{uuid4()}"), 404, "post_not_found")
    assert _is_problem(browser.ask("GET", "/posts/none"), 400, "malformed_request")
    assert _is_problem(browser.ask("GET", "/posts?cursor=none"), 400, "cursor_invalid")
    assert _is_problem(browser.ask("GET", "/nowhere"), 404, "not_found")
    assert _is_problem(browser.ask("POST", "/users", [PASSWORD]), 400, "malformed_request")


def test_no_error_quotes_a_password(browser: Browser) -> None:
    secret = f"secret{uuid4().hex}"
    answers = [
        browser.ask("POST", "/users", {"password": secret}),
        browser.ask("POST", "/users", _a_user(password=secret * 4)),
        browser.ask("POST", "/session", {"email": "ada@example.org", "password": secret, "more": secret}),
    ]

    assert all(each.status >= 400 for each in answers)
    assert not any(secret in each.text for each in answers)


def test_make_docs_would_change_nothing_in_the_description_of_the_api() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == rendered()


def test_the_page_and_the_description_of_the_api_are_there(browser: Browser) -> None:
    page, described = browser.ask("GET", "/"), browser.ask("GET", "/openapi.json").json

    assert "<title>Posts</title>" in page.text
    assert {"/users", "/session", "/tokens", "/me", "/me/password", "/posts"} <= described["paths"].keys()
    assert "default" in described["paths"]["/me"]["get"]["responses"]
    assert "/openapi.json" in browser.ask("GET", "/docs").text


def test_a_port_that_is_taken_ends_the_gateway(sandbox: Sandbox, worker: Worker) -> None:
    """Its line to the broker would keep it up, and it would answer nobody."""
    assert worker.process.poll() is None
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            express_command(),
            cwd=built_express(),
            env={**os.environ, "BROKER_URLS": sandbox.gateway_url, "PORT": port},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert ended.returncode == 1
    assert "EADDRINUSE" in ended.stderr
    assert ended.stdout == ""


def test_the_description_of_the_api_is_there_in_a_folder_that_is_hidden(
    sandbox: Sandbox, worker: Worker, tmp_path: Path
) -> None:
    assert worker.process.poll() is None
    built, copied = built_express(), tmp_path / ".hidden" / "gateway-express"
    shutil.copytree(built, copied, ignore=shutil.ignore_patterns("node_modules"))
    (copied / "node_modules").symlink_to(built / "node_modules")
    (copied.parent / "page").symlink_to(built.parent / "page")
    with express_gateway_in(copied, sandbox.gateway_url, tmp_path / "log") as url:
        browser = Browser(url)
        described, shown = browser.ask("GET", "/openapi.json"), browser.ask("GET", "/docs")

    assert (described.status, shown.status) == (200, 200)
    assert "/users" in described.json["paths"]
    assert "/openapi.json" in shown.text
