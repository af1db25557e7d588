import asyncio
import errno
import http.client
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest

from service.pkg import probes
from service.pkg.probes import Document, serve_health


def get(port: int, path: str) -> tuple[int, Any]:
    """Return status and body of what is answered."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


async def well() -> tuple[bool, Mapping[str, Any]]:
    return True, {"status": "ready"}


async def unwell() -> tuple[bool, Mapping[str, Any]]:
    return False, {"status": "not ready"}


async def stuck() -> tuple[bool, Mapping[str, Any]]:
    await asyncio.Event().wait()
    return await well()


async def test_questions_are_answered_by_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_SECONDS", 0.05)
    with serve_health(0, {"/well": well, "/unwell": unwell, "/stuck": stuck}) as port:
        answers = {
            path: await asyncio.to_thread(get, port, path)
            for path in ("/well", "/unwell", "/stuck", "/else", "/")
        }

    assert answers == {
        "/well": (200, {"status": "ready"}),
        "/unwell": (503, {"status": "not ready"}),
        "/stuck": (503, {"status": "stuck"}),
        "/else": (404, {"status": "not found"}),
        "/": (404, {"status": "not found"}),
    }


async def test_a_document_comes_as_what_it_is_whatever_is_asked_beside_the_path() -> None:
    async def page() -> tuple[bool, Document]:
        return True, Document("text/html; charset=utf-8", "<p>ü".encode())

    def read(port: int) -> tuple[str | None, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/page?x=1", timeout=10) as response:
            return response.headers["Content-Type"], response.read().decode()

    with serve_health(0, {"/page": page}) as port:
        assert await asyncio.to_thread(read, port) == ("text/html; charset=utf-8", "<p>ü")


async def test_a_port_that_is_taken_is_an_error() -> None:
    with serve_health(0, {}) as port, pytest.raises(OSError, match="in use"), serve_health(port, {}):
        pass


def raw(host: str, port: int, method: str, path: str) -> tuple[int, str | None, bytes]:
    """Return status, with_created_event length and body of what is answered."""
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Length"), response.read()
    finally:
        connection.close()


@pytest.mark.parametrize(("path", "status"), [("/well", 200), ("/unwell", 503), ("/else", 404)])
async def test_head_is_answered_as_get_without_a_body(path: str, status: int) -> None:
    with serve_health(0, {"/well": well, "/unwell": unwell}) as port:
        got = await asyncio.to_thread(raw, "127.0.0.1", port, "GET", path)
        head = await asyncio.to_thread(raw, "127.0.0.1", port, "HEAD", path)

    assert got[:2] == head[:2] == (status, str(len(got[2])))
    assert (bool(got[2]), head[2]) == (True, b"")


def reached(port: int, *hosts: str) -> list[str]:
    """Return the *hosts* at which something listens on *port*."""
    found = []
    for host in hosts:
        try:
            socket.create_connection((host, port), timeout=2).close()
        except OSError:
            continue
        found.append(host)
    return found


def own_address() -> str:
    """Return an address of this machine that others can reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("192.0.2.1", 9))  # which sends nothing
        return str(asking.getsockname()[0])


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", ["127.0.0.1", "::1"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("::1", ["::1"]),
        ("::", ["127.0.0.1", "::1", "others"]),
        ("0.0.0.0", ["127.0.0.1", "others"]),  # noqa: S104 - as in a container
    ],
)
async def test_it_listens_where_it_is_told_to(
    host: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    resolve = socket.getaddrinfo

    def both(name: str | None, port: int, *args: Any, **options: Any) -> Any:
        """Know both names of this machine, as most do, whatever its hosts file says."""
        if name != "localhost":
            return resolve(name, port, *args, **options)
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in known]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    others = own_address()
    with serve_health(0, {}, host) as port:
        found = await asyncio.to_thread(reached, port, "127.0.0.1", "::1", others)

    assert ["others" if each == others else each for each in found] == expected


async def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"), serve_health(0, {}, "192.0.2.1"):
        pass


async def test_without_ipv6_everywhere_is_every_address_of_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that was started with `ipv6.disable=1`."""

    class WithoutIPv6(socket.socket):
        def __init__(self, family: int = socket.AF_INET, *args: Any, **options: Any) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *args, **options)

    others = own_address()
    monkeypatch.setattr(socket, "socket", WithoutIPv6)
    with serve_health(0, {}, "::") as port:
        monkeypatch.undo()
        assert await asyncio.to_thread(reached, port, "127.0.0.1", others) == ["127.0.0.1", others]


async def test_without_ipv6_it_listens_on_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "192.0.2.1")]

    def half(_name: str | None, port: int, *_args: Any, **_options: Any) -> Any:
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in known]

    monkeypatch.setattr(socket, "getaddrinfo", half)
    with serve_health(0, {"/well": well}) as port:
        monkeypatch.undo()
        assert (await asyncio.to_thread(get, port, "/well"))[0] == 200
