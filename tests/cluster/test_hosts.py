"""Hosts of our own: they see each other and us, unless they are cut off, and nothing is left of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.servers.hosts import Host, private_hosts

NAMESPACES = Path("/run/netns")
# Sends a word to whoever connects.
SERVER = """
import socket, sys
with socket.create_server((sys.argv[1], 4000)) as server:
    print("listening", flush=True)
    while True:
        connection, _ = server.accept()
        connection.sendall(b"here")
        connection.close()
"""
CLIENT = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], 4000), timeout=2) as connection:
        print(connection.recv(4).decode())
except OSError:
    print("away")
"""


def heard(at: Host, address: str) -> str:
    """Return what is heard *at* a host from the server at *address*."""
    command = at.command([sys.executable, "-c", CLIENT, address])
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()


def test_a_host_that_is_cut_off_reaches_nobody_and_nobody_reaches_it() -> None:
    with private_hosts(2) as hosts:
        if not hosts[0].can_be_cut_off:
            pytest.fail("Namespaces are not allowed here: run this as root, with ip and nsenter.")
        near, far = hosts
        command = far.command([sys.executable, "-c", SERVER, far.address])
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            try:
                assert server.stdout
                assert server.stdout.readline() == b"listening\n"
                seen = [(heard(near, far.address), heard(Host(), far.address))]
                far.cut_off()
                seen.append((heard(near, far.address), heard(Host(), far.address)))
                far.reconnect()
                seen.append((heard(near, far.address), heard(Host(), far.address)))
            finally:
                server.kill()

    assert seen == [("here", "here"), ("away", "away"), ("here", "here")]
    assert [each.name for each in NAMESPACES.iterdir() if each.name.startswith(near.namespace[:-2])] == []


def test_what_a_process_left_that_was_killed_the_next_one_removes() -> None:
    code = (
        "import os, signal; from tools.servers.hosts import private_hosts\n"
        "with private_hosts(1) as hosts: print(hosts[0].namespace, flush=True); os.kill(0, signal.SIGKILL)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, start_new_session=True
    )
    left = NAMESPACES / killed.stdout.strip()
    was_left = left.exists()
    with private_hosts(1):
        is_left = left.exists()

    assert (was_left, is_left) == (True, False)
