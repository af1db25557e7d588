"""Hosts of our own on this machine, each of which can be cut off: network namespaces, joined by a switch.

The switch, a bridge, is in a namespace of its own: what a firewall of this machine does to bridges (Docker's
drops what it does not know) is not done there. Where namespaces are not allowed, all members are on loopback,
and none can be cut off (manual pages ip-netns(8), veth(4) and bridge(8)).
"""

import ipaddress
import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.servers.processes import LOOPBACK

# For tests of networks, and for nothing else (RFC 2544, appendix C.2.2): one /24 of it for each run.
_NETWORKS: Final = ipaddress.ip_network("198.18.0.0/15")
_NAMESPACES: Final = Path("/run/netns")
# With the process's id, of all names: the kernel takes at most 15 letters for one of an interface.
_PREFIX: Final = "profile"
_SWITCH: Final = "switch"
_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Host:
    """Where a member of a cluster runs.

    Attributes:
        namespace: Its network namespace; none if it is this machine itself.
        switch: The namespace that the other end of its cable is in.
        port: What that end is called.

    """

    address: str = LOOPBACK
    namespace: str = ""
    switch: str = ""
    port: str = ""

    @property
    def can_be_cut_off(self) -> bool:
        """Whether it has a cable of its own."""
        return bool(self.port)

    def command(self, command: Sequence[str | Path]) -> list[str | Path]:
        """Return what runs *command* on this host."""
        inside = ["nsenter", f"--net={_NAMESPACES / self.namespace}"] if self.namespace else []
        return [*inside, *command]

    def cut_off(self) -> None:
        """Let nothing through, either way: neither side hears that connections are gone."""
        _ip("-n", self.switch, "link", "set", self.port, "down")

    def reconnect(self) -> None:
        """Let everything through again."""
        _ip("-n", self.switch, "link", "set", self.port, "up")


@contextmanager
def private_hosts(count: int) -> Iterator[list[Host]]:
    """Give so many hosts on a network of their own, or this machine so many times.

    None is left at the end.
    """
    if not _are_allowed():
        yield [Host()] * count
        return
    _remove_those_of_the_dead()
    name = f"{_PREFIX}{os.getpid()}"
    try:
        yield _new_hosts(name, count)
    finally:
        _remove(name)


def _new_hosts(name: str, count: int) -> list[Host]:
    network, switch = _free_network(), f"{name}-switch"
    near, *addresses = (f"{each}" for _, each in zip(range(count + 1), network.hosts(), strict=False))
    _new_namespace(switch)
    _ip("-n", switch, "link", "add", _SWITCH, "type", "bridge")
    _ip("-n", switch, "link", "set", _SWITCH, "up")
    _ip("link", "add", name, "type", "veth", "peer", "name", "near", "netns", switch)
    _plug_in(switch, "near")
    _ip("address", "add", f"{near}/{network.prefixlen}", "dev", name)
    _ip("link", "set", name, "up")
    hosts = [
        Host(each, f"{name}-{number}", switch, f"port{number}") for number, each in enumerate(addresses, 1)
    ]
    for host in hosts:
        _new_namespace(host.namespace)
        cable = f"link add {host.port} type veth peer name eth0 netns {host.namespace}"
        _ip("-n", switch, *cable.split())
        _plug_in(switch, host.port)
        _ip("-n", host.namespace, "address", "add", f"{host.address}/{network.prefixlen}", "dev", "eth0")
        _ip("-n", host.namespace, "link", "set", "eth0", "up")
    return hosts


def _new_namespace(name: str) -> None:
    _ip("netns", "add", name)
    _ip("-n", name, "link", "set", "lo", "up")


def _plug_in(switch: str, port: str) -> None:
    _ip("-n", switch, "link", "set", port, "master", _SWITCH, "up")


def _are_allowed() -> bool:
    """Return whether we may make namespaces, and switches in them."""
    if os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("nsenter")):
        return False
    probe = Host(namespace=f"{_PREFIX}{os.getpid()}-probe")
    try:
        _new_namespace(probe.namespace)
        _ip("-n", probe.namespace, "link", "add", _SWITCH, "type", "bridge")
        _run(*probe.command(["true"]))
    except subprocess.CalledProcessError:
        return False
    finally:
        _remove(probe.namespace.removesuffix("-probe"))
    return True


def _remove_those_of_the_dead() -> None:
    """Remove what processes of ours have left that were killed."""
    for each in _NAMESPACES.glob(f"{_PREFIX}*-switch"):
        name, _, _ = each.name.partition("-")
        if not Path("/proc", name.removeprefix(_PREFIX)).exists():
            _remove(name)


def _remove(name: str) -> None:
    """Remove hosts and their switch; cables go with them, as soon as no process is left there."""
    for each in _NAMESPACES.glob(f"{name}-*"):
        _ip("netns", "delete", each.name)


def _free_network() -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    taken = re.findall(r" inet ([\d./]+)", _ip("-4", "-o", "address"))
    in_use = [ipaddress.ip_interface(each).network for each in taken]
    free = [each for each in _NETWORKS.subnets(new_prefix=24) if not any(map(each.overlaps, in_use))]
    return random.choice(free)  # noqa: S311 - so that two that start at once hardly ever take the same


def _ip(*arguments: str) -> str:
    return _run("ip", *arguments)


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)
    return done.stdout
