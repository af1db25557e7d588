"""Each gateway of `examples/` does over HTTP what its README says, on a real worker."""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from uuid import uuid4

from tests.integration.examples.browser import Browser
from tests.integration.examples.gateways import built_express, express_command, express_gateway_in
from tests.integration.examples.users import PASSWORD, a_user, is_problem, signed_up
from tools.openapi import DOCUMENT, rendered
from tools.servers.sandbox import Sandbox
from tools.worker import Worker


def test_a_browser_signs_up_logs_in_and_has_cookies_that_no_script_reads(browser: Browser) -> None:
    user = signed_up(browser)
    answer = browser.ask("GET", "/me")

    assert answer.json["email"] == user["email"]
    assert answer.headers["etag"] == '"1"'
    for each in browser.cookies:
        assert each.has_nonstandard_attr("HttpOnly")
        assert str(each.get_nonstandard_attr("SameSite")).lower() == "strict"


def test_a_program_sends_its_token_as_a_bearer_and_refreshes_it(browser: Browser) -> None:
    user = a_user()
    browser.ask("POST", "/users", user)
    tokens = browser.ask("POST", "/tokens", {"email": user["email"], "password": PASSWORD}).json
    refreshed = browser.ask("POST", "/tokens/refresh", {"refresh_token": tokens["refresh_token"]}).json
    answer = browser.ask("GET", "/me", authorization=f"Bearer {refreshed['access_token']}")

    assert answer.json["id"] == tokens["profile_id"]
    assert not list(browser.cookies)


def test_cookies_are_refreshed_and_a_logout_ends_them(browser: Browser) -> None:
    signed_up(browser)
    before = browser.kept()
    assert browser.ask("POST", "/session/refresh").status == 204
    after = browser.kept()
    assert browser.ask("DELETE", "/session").status == 204

    assert before.keys() == after.keys()
    assert before["refresh_token"] != after["refresh_token"]
    assert browser.kept().keys() == {"device_token"}
    assert is_problem(browser.ask("GET", "/me"), 401, "missing_token")
    dead = browser.ask("GET", "/me", authorization=f"Bearer {after['access_token']}")
    assert is_problem(dead, 401, "session_ended")
    assert dead.headers["www-authenticate"] == "Bearer"


def test_a_browser_that_logs_in_again_ends_the_session_that_it_has(browser: Browser) -> None:
    """Even when its access token has expired, whose cookie is gone then."""
    user = signed_up(browser)
    former = browser.kept()
    browser.cookies.clear(next(iter(browser.cookies)).domain, "/", "access_token")
    credentials = {"email": user["email"], "password": PASSWORD}
    wrong = browser.ask("POST", "/session", {**credentials, "password": "not that one"})
    alive = browser.ask("GET", "/me", authorization=f"Bearer {former['access_token']}")
    assert browser.ask("POST", "/session", credentials).status == 204

    assert is_problem(wrong, 401, "invalid_credentials")
    assert alive.status == 200
    dead = browser.ask("GET", "/me", authorization=f"Bearer {former['access_token']}")
    assert is_problem(dead, 401, "session_ended")
    assert browser.ask("GET", "/me").status == 200


def test_a_user_changes_only_what_was_seen(browser: Browser) -> None:
    signed_up(browser)
    changed = browser.ask("PATCH", "/me", {"last_name": "King"}, if_match='"1"')
    stale = browser.ask("PATCH", "/me", {"last_name": "Noel"}, if_match='"1"')
    other = browser.ask("PATCH", "/me", {"last_name": "Noel"}, if_match='"of something else"')
    blind = browser.ask("PATCH", "/me", {"last_name": "Byron"})

    assert (changed.json["last_name"], changed.headers["etag"]) == ("King", '"2"')
    assert is_problem(stale, 412, "stale_version")
    assert is_problem(other, 412, "precondition_failed")
    assert blind.headers["etag"] == '"3"'


def test_a_password_is_changed_and_a_profile_deleted(browser: Browser) -> None:
    user = signed_up(browser)
    new = {"current_password": PASSWORD, "new_password": "a better horse than that"}
    changed = browser.ask("PUT", "/me/password", new)
    assert (changed.status, changed.text) == (204, "")
    assert browser.ask("GET", "/me").status == 200
    assert browser.ask("DELETE", "/me").status == 204

    login = browser.ask("POST", "/session", {"email": user["email"], "password": new["new_password"]})
    assert is_problem(login, 401, "invalid_credentials")


def test_posts_are_written_read_changed_listed_and_deleted(browser: Browser) -> None:
    signed_up(browser)
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
    assert is_problem(browser.ask("GET", place), 404, "post_not_found")


def test_a_command_that_is_repeated_under_its_key_has_one_effect(browser: Browser) -> None:
    user, key = a_user(), uuid4().hex
    first, second = (browser.ask("POST", "/users", user, idempotency_key=key) for _ in range(2))

    assert (first.status, second.status) == (201, 201)
    assert first.json == second.json
    assert is_problem(browser.ask("POST", "/users", user), 409, "email_taken")


def test_every_error_is_a_problem(browser: Browser) -> None:
    short = browser.ask("POST", "/users", a_user(password="short"))
    unknown = browser.ask("POST", "/users", a_user(role="admin"))
    missing = browser.ask("POST", "/session", {"email": "ada@example.org"})

    assert is_problem(short, 400, "password_too_short")
    assert short.json["errors"] == [{"field": "password", "reason": "password_too_short"}]
    assert is_problem(unknown, 400, "malformed_request")
    assert unknown.json["errors"][0]["field"] == "role"
    assert is_problem(missing, 400, "malformed_request")
    assert is_problem(browser.ask("GET", "/me"), 401, "missing_token")
    assert is_problem(browser.ask("GET", "/me", authorization="Bearer forged"), 401, "token_invalid")
    assert is_problem(browser.ask("GET", f"/posts/{uuid4()}"), 404, "post_not_found")
    assert is_problem(browser.ask("GET", "/posts/none"), 400, "malformed_request")
    assert is_problem(browser.ask("GET", "/posts?cursor=none"), 400, "cursor_invalid")
    assert is_problem(browser.ask("GET", "/posts?cursor="), 400, "malformed_request")
    assert is_problem(browser.ask("GET", f"/posts?cursor={'x' * 1025}"), 400, "malformed_request")
    assert is_problem(browser.ask("GET", "/nowhere"), 404, "not_found")
    assert is_problem(browser.ask("POST", "/users", [PASSWORD]), 400, "malformed_request")


def test_no_error_quotes_a_password(browser: Browser) -> None:
    secret = f"secret{uuid4().hex}"
    answers = [
        browser.ask("POST", "/users", {"password": secret}),
        browser.ask("POST", "/users", a_user(password=secret * 4)),
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
    answers = described["paths"]["/me"]["get"]["responses"]
    assert answers["default"]["content"].keys() == {"application/problem+json"}
    assert answers["200"]["content"].keys() == {"application/json"}


def test_the_page_of_the_api_runs_no_script_from_elsewhere(browser: Browser) -> None:
    """It would run with the cookies of whoever reads the page."""
    shown = browser.ask("GET", "/docs")

    assert "/openapi.json" in shown.text
    assert "//" not in re.sub("// .*", "", shown.text)
    assert is_problem(browser.ask("GET", "/redoc"), 404, "not_found")


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
