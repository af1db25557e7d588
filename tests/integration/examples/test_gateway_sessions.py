"""Each gateway of `examples/` keeps cookies for as long as there is a session, and no token beside them."""

from collections.abc import Iterator

import pytest

from tests.integration.examples.browser import Browser, send
from tests.integration.examples.gateways import GATEWAYS
from tests.integration.examples.users import PASSWORD, a_user, credentials_of, is_problem, signed_up
from tools.servers.processes import free_port

NEW_PASSWORD = "a better horse than that"
NEW = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}


@pytest.fixture(scope="module", params=list(GATEWAYS))
def url_without_broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where a gateway is whose broker is away from the start."""
    broker = f"amqp://gateway:gateway@127.0.0.1:{free_port()}/"
    with GATEWAYS[request.param](broker, tmp_path_factory.mktemp("gateway") / "log") as address:
        yield address


def test_a_password_that_is_changed_gives_a_browser_cookies(browser: Browser) -> None:
    signed_up(browser)
    before = browser.kept()
    answer = browser.ask("PUT", "/me/password", NEW)
    after = browser.kept()

    assert (answer.status, answer.text) == (204, "")
    assert before["access_token"] != after["access_token"]
    assert before["refresh_token"] != after["refresh_token"]
    assert browser.ask("GET", "/me").status == 200


def test_a_password_that_is_changed_gives_a_program_tokens(browser: Browser) -> None:
    user = a_user()
    browser.ask("POST", "/users", user)
    token = browser.ask("POST", "/tokens", credentials_of(user)).json["access_token"]
    answer = browser.ask("PUT", "/me/password", NEW, authorization=f"Bearer {token}")
    token = answer.json["access_token"]

    assert (answer.status, answer.headers["set-cookie"]) == (200, None)
    assert browser.ask("GET", "/me", authorization=f"Bearer {token}").status == 200


def test_a_logout_from_a_session_that_is_over_leaves_no_cookie_of_it(browser: Browser) -> None:
    signed_up(browser)
    bearer = f"Bearer {browser.kept()['access_token']}"
    assert Browser(browser.url).ask("DELETE", "/session", authorization=bearer).status == 204
    answer = browser.ask("DELETE", "/session")

    assert is_problem(answer, 401, "session_ended")
    assert browser.kept().keys() == {"device_token"}


def test_a_logout_with_a_token_that_is_none_leaves_no_cookie(browser: Browser) -> None:
    signed_up(browser)
    answer = browser.ask("DELETE", "/session", authorization="Bearer forged")

    assert is_problem(answer, 401, "token_invalid")
    assert browser.kept().keys() == {"device_token"}


def test_without_a_broker_every_call_says_when_to_ask_again(url_without_broker: str) -> None:
    answer = send(url_without_broker, "GET", "/posts")

    assert is_problem(answer, 503, "disconnected")
    assert answer.headers["retry-after"] == "1"


def test_a_logout_that_the_service_has_not_heard_of_leaves_the_cookies(url_without_broker: str) -> None:
    """The user is still logged in."""
    answer = send(url_without_broker, "DELETE", "/session", ("Cookie", "access_token=a; refresh_token=b"))

    assert is_problem(answer, 503, "disconnected")
    assert answer.headers["set-cookie"] is None
