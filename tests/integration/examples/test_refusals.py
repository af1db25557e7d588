"""Each gateway of `examples/` says what is wrong with a request, and says the same."""

import pytest
from fastapi import FastAPI
from starlette.types import Message

import tools.openapi  # noqa: F401 - it makes the gateway in Python a module
from tests.integration.examples.browser import Browser, send
from tests.integration.examples.users import PASSWORD, a_user, credentials_of, is_problem, signed_up

JSON = ("Content-Type", "application/json")
TOO_MANY = 256 * 1024 + 1


def test_letters_may_be_escaped_in_a_body(browser: Browser) -> None:
    """11,000 Cyrillic letters are 22 kB for the service, and 66 kB as many programs write JSON."""
    signed_up(browser)
    written = browser.ask("POST", "/posts", {"title": "Note", "body": "Ж" * 11_000})

    assert written.status == 201
    assert written.json["body"] == "Ж" * 11_000


@pytest.mark.parametrize("body", [b" " * TOO_MANY, [b" " * 1024] * 257], ids=["at once", "in chunks"])
def test_a_body_that_is_too_large_is_refused(url: str, body: bytes | list[bytes]) -> None:
    assert is_problem(send(url, "POST", "/users", JSON, body=body), 413, "body_too_large")


def test_a_body_is_json_of_some_type(browser: Browser) -> None:
    signed_up(browser)
    cookies = ("Cookie", f"access_token={browser.kept()['access_token']}")
    merge_patch = ("Content-Type", "application/merge-patch+json")
    patched = send(browser.url, "PATCH", "/me", cookies, merge_patch, body=b'{"last_name": "King"}')
    text = send(browser.url, "PATCH", "/me", cookies, ("Content-Type", "text/plain"), body=b"{}")
    untyped = send(browser.url, "POST", "/users", body=b"{}")

    assert (patched.status, patched.json["last_name"]) == (200, "King")
    assert is_problem(text, 415, "unsupported_media_type")
    assert is_problem(untyped, 415, "unsupported_media_type")
    assert is_problem(send(browser.url, "POST", "/users", JSON, body=b"{"), 400, "malformed_request")
    assert is_problem(send(browser.url, "POST", "/users"), 400, "malformed_request")


def test_a_query_that_names_something_twice_is_refused(browser: Browser) -> None:
    """And not passed over: a list of everybody's posts would come back."""
    one, another = (f"user_id=0191b6e0-0000-7000-8000-00000000000{each}" for each in (1, 2))

    assert browser.ask("GET", f"/posts?{one}").json["items"] == []
    assert is_problem(browser.ask("GET", f"/posts?{one}&{another}"), 400, "malformed_request")
    assert is_problem(browser.ask("GET", "/posts?limit=1&limit=2"), 400, "malformed_request")


def test_paths_are_what_they_are_letter_by_letter(browser: Browser) -> None:
    for each in ("/ME", "/me/", "/Posts", "/posts/"):
        assert is_problem(browser.ask("GET", each), 404, "not_found")
    for each in ("/TOKENS", "/tokens/"):
        assert browser.ask("POST", each, {"email": "ada@example.org", "password": PASSWORD}).status in (
            404,
            405,
        )


def test_what_was_not_seen_is_not_deleted(browser: Browser) -> None:
    signed_up(browser)
    place = browser.ask("POST", "/posts", {"title": "Note G", "body": "It weaves."}).headers["location"]
    answers = [
        browser.ask("DELETE", each, if_match=version) for each in (place, "/me") for version in ('"7"', '"1"')
    ]

    assert is_problem(answers[0], 412, "stale_version")
    assert is_problem(answers[2], 412, "stale_version")
    assert [each.status for each in answers] == [412, 204, 412, 204]


def test_no_version_is_larger_than_any_that_there_can_be(browser: Browser) -> None:
    signed_up(browser)
    answer = browser.ask("PATCH", "/me", {"last_name": "King"}, if_match='"9999999999999999"')

    assert is_problem(answer, 412, "precondition_failed")


def test_nobody_keeps_what_belongs_to_one_user(browser: Browser) -> None:
    user = a_user()
    post = {"title": "Note G", "body": "It weaves."}
    answers = [
        browser.ask("POST", "/users", user),
        browser.ask("POST", "/tokens", credentials_of(user)),
        browser.ask("POST", "/session", credentials_of(user)),
        browser.ask("GET", "/me"),
        written := browser.ask("POST", "/posts", post),
        browser.ask("DELETE", "/session"),
        browser.ask("GET", "/me"),
    ]
    public = [browser.ask("GET", each) for each in ("/", "/posts", written.headers["location"])]

    assert [each.headers["cache-control"] for each in answers] == ["no-store"] * len(answers)
    assert all("no-store" not in (each.headers["cache-control"] or "") for each in public)


async def test_what_nobody_foresaw_is_a_problem_that_tells_nothing() -> None:
    """In Python: that in TypeScript can't be made to fail so from outside, either."""
    from gateway.problems import handle_problems  # noqa: PLC0415 - only now

    app, sent = FastAPI(), list[Message]()
    handle_problems(app)

    @app.get("/")
    async def fail() -> None:
        raise ArithmeticError(PASSWORD)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def collect(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    with pytest.raises(ArithmeticError):  # for the log of the server
        await app(scope, receive, collect)

    start, body = sent
    assert start["status"] == 500
    assert (b"content-type", b"application/problem+json") in start["headers"]
    assert b"internal_error" in body["body"]
    assert PASSWORD.encode() not in body["body"]
