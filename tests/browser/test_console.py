"""RabbitMQ's console, as an operator uses it: our names, policies and consumers are there."""

from urllib.parse import unquote, urlsplit

from profile_contracts.operations import OPERATIONS
from tests.browser.webdriver import Page
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

# Sections are folded, and their headings have no names.
_OPEN_CONSUMERS = """
    [...document.querySelectorAll("h2")].find((each) => each.innerText.startsWith("Consumers")).click();
"""


def test_an_operator_finds_queues_policies_consumers_and_connections(
    page: Page, sandbox: Sandbox, worker: Worker
) -> None:
    assert worker.process.poll() is None
    console, admin = urlsplit(sandbox.management_url), urlsplit(sandbox.admin_url)
    address = f"http://{console.hostname}:{console.port}"
    vhost = admin.path.removeprefix("/")
    page.open(address)
    page.type("[name=username]", unquote(admin.username or ""))
    page.type("[name=password]", unquote(admin.password or ""))
    page.click("[type=submit]")
    page.wait_for_text("Overview")

    page.open(f"{address}/#/queues")
    page.wait_for_text("profile.create")
    shown = page.text()
    assert [each.queue for each in OPERATIONS if each.queue not in shown] == []

    page.open(f"{address}/#/queues/{vhost}/profile.create")
    page.wait_for_text("profile-commands")  # the policy
    page.script(_OPEN_CONSUMERS)
    page.wait_for_text("profile-service@")

    page.open(f"{address}/#/connections")
    page.wait_for_text("profile-service@")
