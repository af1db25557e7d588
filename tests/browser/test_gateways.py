"""The page of the gateways in `examples/`, as a person uses it."""

from pathlib import Path

import pytest

from tests.browser.webdriver import Page
from tests.builders import an_address
from tests.integration.examples.test_gateways import GATEWAYS, PASSWORD
from tools.servers.sandbox import Sandbox
from tools.worker import Worker


@pytest.mark.parametrize("name", list(GATEWAYS))
def test_a_person_signs_up_posts_logs_out_and_logs_in(
    name: str, page: Page, sandbox: Sandbox, worker: Worker, tmp_path: Path
) -> None:
    assert worker.process.poll() is None
    email = an_address()
    with GATEWAYS[name](sandbox.gateway_url, tmp_path / "log") as url:
        page.open(url)
        for field, value in (("first_name", "Ada"), ("last_name", "Lovelace"), ("email", email)):
            page.type(f"#sign-up [name={field}]", value)
        page.type("#sign-up [name=password]", "lovelace1815")
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


def test_the_description_of_the_api_shows_its_operations(
    page: Page, sandbox: Sandbox, worker: Worker, tmp_path: Path
) -> None:
    assert worker.process.poll() is None
    with GATEWAYS["express"](sandbox.gateway_url, tmp_path / "log") as url:
        page.open(f"{url}/docs")
        page.wait_for_text("PUT /me/password")
        page.click("details:first-of-type summary")
        page.wait_for_text("first_name")
