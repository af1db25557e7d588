"""The page of the gateways in `examples/`, as a person uses it."""

from pathlib import Path

import pytest

from tests.browser.webdriver import Page
from tests.builders import an_address
from tests.integration.examples.gateways import GATEWAYS
from tests.integration.examples.users import PASSWORD
from tools.servers.processes import free_port
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

# The first sign-up is carried out, and answered as if nobody knew that.
UNKNOWN_AT_FIRST = """
    const real = window.fetch;
    window.keys = [];
    window.fetch = async (path, request) => {
      const answer = await real(path, request);
      if (path !== "/users" || window.keys.push(request.headers["idempotency-key"]) > 1) return answer;
      const problem = { title: "Service Unavailable", status: 503 };
      return new Response(JSON.stringify(problem), { status: 503 });
    };
"""

# From now on the service is away for this request; `undo` ends that.
AWAY = """
    const [method, path] = arguments;
    const real = window.fetch;
    window.undo = () => { window.fetch = real; };
    window.fetch = async (asked, request) => {
      if (asked !== path || request.method !== method) return real(asked, request);
      const problem = { title: "Service Unavailable", status: 503 };
      return new Response(JSON.stringify(problem), { status: 503 });
    };
"""


def _fill_in(page: Page, email: str, password: str) -> None:
    """Say on the page who signs up, once it knows that nobody is logged in."""
    page.wait_for_text("Sign up", "#guest")
    for field, value in (("first_name", "Ada"), ("last_name", "Lovelace"), ("email", email)):
        page.type(f"#sign-up [name={field}]", value)
    page.type("#sign-up [name=password]", password)


@pytest.mark.parametrize("name", list(GATEWAYS))
def test_a_person_signs_up_posts_logs_out_and_logs_in(
    name: str, page: Page, sandbox: Sandbox, worker: Worker, tmp_path: Path
) -> None:
    assert worker.process.poll() is None
    email = an_address()
    with GATEWAYS[name](sandbox.gateway_url, tmp_path / "log") as url:
        page.open(url)
        _fill_in(page, email, "lovelace1815")
        page.click("#sign-up button")
        page.wait_for_text("made from your own name or address", "#message")

        page.script("document.querySelector('#sign-up [name=password]').value = ''")
        page.type("#sign-up [name=password]", PASSWORD)
        page.click("#sign-up button")
        page.wait_for_text("You are Ada Lovelace", "#user")
        assert page.text("#guest") == ""

        page.type("#write [name=title]", f"Note by {name}")
        page.type("#write [name=body]", "<b>It weaves</b>")
        page.click("#write button")
        page.wait_for_text(f"Note by {name}: <b>It weaves</b>", "#posts")
        assert page.script("return document.cookie") == ""

        page.click("#log-out")
        page.wait_for_text("Log in", "#guest")
        page.type("#log-in [name=email]", email)
        page.type("#log-in [name=password]", "not that one")
        page.click("#log-in button")
        page.wait_for_text("e-mail address or the password is wrong", "#message")

        page.script("document.querySelector('#log-in [name=password]').value = ''")
        page.type("#log-in [name=password]", PASSWORD)
        page.click("#log-in button")
        page.wait_for_text("You are Ada Lovelace", "#user")

        page.open(f"{url}/")
        page.wait_for_text("You are Ada Lovelace", "#user")


@pytest.mark.parametrize("name", list(GATEWAYS))
def test_a_person_whose_access_token_has_expired_is_logged_out_all_the_same(
    name: str, page: Page, sandbox: Sandbox, worker: Worker, tmp_path: Path
) -> None:
    """And not logged in anew by the refresh token."""
    assert worker.process.poll() is None
    with GATEWAYS[name](sandbox.gateway_url, tmp_path / "log") as url:
        page.open(url)
        _fill_in(page, an_address(), PASSWORD)
        page.click("#sign-up button")
        page.wait_for_text("You are Ada Lovelace", "#user")

        page.forget_cookie("access_token")
        page.click("#log-out")
        page.wait_for_text("Log in", "#guest")

        refresh = "return fetch('/session/refresh', {method: 'POST'}).then((answer) => answer.status)"
        assert page.script(refresh) == 401


@pytest.mark.parametrize(
    "request_", [("DELETE", "/session"), ("POST", "/session/refresh")], ids=["logout", "refresh"]
)
def test_a_logout_that_failed_is_no_logout(
    request_: tuple[str, str], page: Page, sandbox: Sandbox, worker: Worker, tmp_path: Path
) -> None:
    assert worker.process.poll() is None
    with GATEWAYS["fastapi"](sandbox.gateway_url, tmp_path / "log") as url:
        page.open(url)
        _fill_in(page, an_address(), PASSWORD)
        page.click("#sign-up button")
        page.wait_for_text("You are Ada Lovelace", "#user")
        page.script(AWAY, *request_)
        page.click("#log-out")
        page.wait_for_text("Service Unavailable", "#message")
        assert "You are Ada Lovelace" in page.text("#user")

        page.script("window.undo()")
        page.click("#log-out")
        page.wait_for_text("Log in", "#guest")
        assert page.text("#message") == ""


def test_who_may_be_logged_in_is_no_guest(page: Page, tmp_path: Path) -> None:
    """Only the service knows, and it is away."""
    broker = f"amqp://gateway:gateway@127.0.0.1:{free_port()}/"
    with GATEWAYS["fastapi"](broker, tmp_path / "log") as url:
        page.open(url)
        page.wait_for_text("Log in", "#guest")
        page.script("document.cookie = 'refresh_token=a; path=/session'")
        page.open(url)
        page.wait_for_text("Service Unavailable", "#message")

        # Once this one is answered, so is that of the page.
        refresh = "return fetch('/session/refresh', {method: 'POST'}).then((answer) => answer.status)"
        assert page.script(refresh) == 503
        assert page.text("#guest") == ""


def test_a_sign_up_is_repeated_under_its_key_if_nobody_knows_what_came_of_it(
    page: Page, sandbox: Sandbox, worker: Worker, tmp_path: Path
) -> None:
    assert worker.process.poll() is None
    with GATEWAYS["fastapi"](sandbox.gateway_url, tmp_path / "log") as url:
        page.open(url)
        page.script(UNKNOWN_AT_FIRST)
        _fill_in(page, an_address(), PASSWORD)
        page.click("#sign-up button")
        page.wait_for_text("Service Unavailable", "#message")
        page.click("#sign-up button")
        page.wait_for_text("You are Ada Lovelace", "#user")

        first, second = page.script("return window.keys")
        assert first == second


def test_the_description_of_the_api_shows_its_operations(
    page: Page, sandbox: Sandbox, worker: Worker, tmp_path: Path
) -> None:
    assert worker.process.poll() is None
    with GATEWAYS["express"](sandbox.gateway_url, tmp_path / "log") as url:
        page.open(f"{url}/docs")
        page.wait_for_text("PUT /me/password")
        page.click("details:first-of-type summary")
        page.wait_for_text("first_name")
