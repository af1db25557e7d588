"""Hosts of our own on this machine, each of which can be cut off: network namespaces at one bridge.

Where namespaces are not allowed, all members are on loopback, and none can be cut off (manual pages
ip-netns(8) and veth(4)).
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
_IP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Host:
    """Where a member of a cluster runs.

    Attributes:
        namespace: Its network namespace; none if it is this machine itself.
        link: The near end of its cable.

    """

    address: str = LOOPBACK
    namespace: str = ""
    link: str = ""

    @property
    def can_be_cut_off(self) -> bool:
        """Whether it has a cable of its own."""
        return bool(self.link)

    def command(self, command: Sequence[str | Path]) -> list[str | Path]:
        """Return what runs *command* on this host."""
        inside = ["nsenter", f"--net={_NAMESPACES / self.namespace}"] if self.namespace else []
        return [*inside, *command]

    def cut_off(self) -> None:
        """Let nothing through, either way: neither side hears that connections are gone."""
        _ip("link", "set", self.link, "down")

    def reconnect(self) -> None:
        """Let everything through again."""
        _ip("link", "set", self.link, "up")


@contextmanager
def private_hosts(count: int) -> Iterator[list[Host]]:
    """Give so many hosts on a network of their own, or this machine so many times.

    None is left at the end.
    """
    if not _are_allowed():
        yield [Host()] * count
        return
    _remove_those_of_the_dead()
    name = _name_for(os.getpid())
    try:
        yield _new_hosts(name, count)
    finally:
        _remove(name)


def _new_hosts(name: str, count: int) -> list[Host]:
    network = _free_network()
    near, *addresses = (str(each) for _, each in zip(range(count + 1), network.hosts(), strict=False))
    _ip("link", "add", name, "type", "bridge")
    _ip("address", "add", f"{near}/{network.prefixlen}", "dev", name)
    _ip("link", "set", name, "up")
    hosts = [Host(each, f"{name}-{number}", f"{name}v{number}") for number, each in enumerate(addresses)]
    for host in hosts:
        _ip("netns", "add", host.namespace)
        _ip("link", "add", host.link, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
        _ip("link", "set", host.link, "master", name, "up")
        for words in (
            f"address add {host.address}/{network.prefixlen} dev eth0",
            "link set lo up",
            "link set eth0 up",
        ):
            _ip("-n", host.namespace, *words.split())
    return hosts


def _are_allowed() -> bool:
    """Return whether we may make namespaces, and bridges between them."""
    if os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("nsenter")):
        return False
    probe = f"{_name_for(os.getpid())}t"
    made = [_try_ip("netns", "add", probe), _try_ip("link", "add", probe, "type", "bridge")]
    enter = Host(namespace=probe).command(["true"])
    entered = subprocess.run(enter, check=False, capture_output=True)
    _try_ip("netns", "delete", probe)
    _try_ip("link", "delete", probe)
    return all(made) and entered.returncode == 0


def _name_for(process: int) -> str:
    """Return what the bridge of *process* is called: names of interfaces have at most 15 letters."""
    return f"pf{process}"


def _remove_those_of_the_dead() -> None:
    """Remove what processes of ours have left that were killed."""
    bridges = set(re.findall(r"^\d+: (pf\d+):", _ip("-o", "link", "show", "type", "bridge"), re.MULTILINE))
    for bridge in bridges:
        if not Path("/proc", bridge.removeprefix("pf")).exists():
            _remove(bridge)


def _remove(name: str) -> None:
    """Remove a bridge and its hosts; their cables go with them, as soon as no process is left there."""
    for each in _NAMESPACES.glob(f"{name}-*"):
        _ip("netns", "delete", each.name)
    _try_ip("link", "delete", name)


def _free_network() -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    taken = re.findall(r" inet ([\d./]+)", _ip("-4", "-o", "address"))
    in_use = [ipaddress.ip_interface(each).network for each in taken]
    free = [each for each in _NETWORKS.subnets(new_prefix=24) if not any(map(each.overlaps, in_use))]
    return random.choice(free)  # noqa: S311 - so that two that start at once hardly ever take the same


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=_IP_SECONDS)
    return done.stdout


def _try_ip(*arguments: str) -> bool:
    try:
        _ip(*arguments)
    except subprocess.CalledProcessError:
        return False
    return True
