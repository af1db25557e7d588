"""As much of WebDriver (W3C) as the tests use: a headless Chromium, driven by its `chromedriver`."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tools.servers.processes import free_port
from tools.servers.waiting import wait_until

_SECONDS: Final = 30.0
# W3C WebDriver, 12: what names an element.
_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
_ARGUMENTS: Final = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1000"]


@dataclass(frozen=True, slots=True)
class Page:
    """The one page of a browser.

    Attributes:
        session: The address of the session.

    """

    session: str

    def open(self, url: str) -> None:
        """Go to *url*."""
        _ask("POST", f"{self.session}/url", {"url": url})

    def type(self, selector: str, text: str) -> None:
        """Type *text* into the element that *selector* finds, once it is there."""
        _ask("POST", f"{self._element(selector)}/value", {"text": text})

    def click(self, selector: str) -> None:
        """Click the element that *selector* finds, once it is there."""
        _ask("POST", f"{self._element(selector)}/click", {})

    def text(self, selector: str = "body") -> str:
        """Return what a person can read of the element, or nothing if it isn't there."""
        found = self._found(selector)
        return str(_ask("GET", f"{found}/text")) if found else ""

    def wait_for_text(self, text: str, selector: str = "body") -> None:
        """Wait until a person can read *text* in the element."""
        try:
            wait_until(lambda: text in self.text(selector), within=_SECONDS)
        except TimeoutError:
            message = f"not there: {text!r}; but: {self.text()!r}"
            raise AssertionError(message) from None

    def script(self, script: str, *arguments: str) -> Any:
        """Return what *script* returns on the page."""
        return _ask("POST", f"{self.session}/execute/sync", {"script": script, "args": arguments})

    def forget_cookie(self, name: str) -> None:
        """Do to a cookie what its expiry does."""
        _ask("DELETE", f"{self.session}/cookie/{name}")

    def _element(self, selector: str) -> str:
        wait_until(lambda: self._found(selector) is not None, within=_SECONDS)
        return str(self._found(selector))

    def _found(self, selector: str) -> str | None:
        query = {"using": "css selector", "value": selector}
        found = _ask("POST", f"{self.session}/elements", query)
        return f"{self.session}/element/{found[0][_ELEMENT]}" if found else None


@contextmanager
def a_page() -> Iterator[Page]:
    """Start a browser; end it at the end."""
    driver, browser = shutil.which("chromedriver"), shutil.which("chromium")
    assert driver, "Install Chromium and its driver: on Debian, the packages chromium and chromium-driver."
    assert browser, "Install Chromium: on Debian, the package chromium."
    port = free_port()
    process = subprocess.Popen((driver, f"--port={port}"), stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _is_up(address), within=_SECONDS)
        options = {"binary": browser, "args": _ARGUMENTS}
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        session = f"{address}/session/{_ask('POST', f'{address}/session', wanted)['sessionId']}"
        try:
            yield Page(session)
        finally:
            _ask("DELETE", session)
    finally:
        process.terminate()
        process.wait(timeout=_SECONDS)


def _is_up(address: str) -> bool:
    try:
        return bool(_ask("GET", f"{address}/status")["ready"])
    except OSError:
        return False


def _ask(method: str, url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"content-type": "application/json"}, method=method)  # noqa: S310 - our own
    try:
        with urlopen(request, timeout=_SECONDS) as response:  # noqa: S310
            return json.load(response)["value"]
    except HTTPError as error:
        raise AssertionError(json.load(error)["value"]["message"]) from None
