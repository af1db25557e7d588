"""Real servers for every test that claims anything about them: started here, or given by the environment."""

import gc
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import suppress
from importlib import import_module
from itertools import groupby, islice

import pytest

from service.cli import MAY_COME_FROM_FILES
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tests.shared_servers import FoundServers, OwnedServers, is_one_of_many, servers_of
from tests.vhosts import virtual_hosts
from tools.servers import ServerFailed, Servers, ServersUnavailable
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox

_SERVERS = pytest.StashKey[OwnedServers | FoundServers]()


def pytest_configure(config: pytest.Config) -> None:
    """Let this process start the servers, or find them."""
    _let_children_heed_signals()
    _forget_servers_of_others()
    config.stash[_SERVERS] = servers_of(config)
    config.pluginmanager.register(config.stash[_SERVERS])


def _let_children_heed_signals() -> None:
    """Ignore what this process ignores by a handler of its own, which no process inherits.

    A shell lets what it runs in the background ignore signals, and `nohup` does so.
    """
    for each in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(each) is signal.SIG_IGN:
            signal.signal(each, lambda _number, _frame: None)


def _forget_servers_of_others() -> None:
    """Leave alone what the shell names to the service: each test names its own servers to its processes."""
    for each in MAY_COME_FROM_FILES:
        os.environ.pop(each, None)
        os.environ.pop(f"{each}_FILE", None)


def _import_a_share(config: pytest.Config) -> None:
    """Import some of the test modules first, each process others: what one has compiled, the others find.

    All of them need all of the modules, and in a fresh clone each would compile the same one at one time.
    """
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    count = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    folders = [config.invocation_params.dir / each for each in config.args]
    first = sorted(path for folder in folders for path in folder.rglob("conftest.py"))
    tests = sorted(path for folder in folders for path in folder.rglob("test_*.py"))
    for path in [*first, *tests[number::count]]:
        name = ".".join(path.relative_to(config.rootpath).with_suffix("").parts)
        with suppress(Exception):  # what is wrong with it, its collection says
            import_module(name)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Keep the garbage collector away from the tests themselves: none is garbage, and there are thousands.

    To look at all of them again and again took a third of the time of finding them.
    """
    gc.disable()
    try:
        if is_one_of_many(session.config):
            _import_a_share(session.config)
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the folder that it is in, and let those of faults begin early."""
    for item in items:
        tests, folder, *_ = item.path.relative_to(item.config.rootpath).parts
        assert tests == "tests"
        item.add_marker(folder)
    items[:] = waiting_beside_computing(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def waiting_beside_computing(items: list[pytest.Item], processes: int) -> list[pytest.Item]:
    """Order tests so that half of the *processes* begin with tests of faults, which mostly wait.

    Each process of xdist begins with as many tests as any other, in this order. So the cores are busy with
    the others' tests meanwhile. A module stays in one piece, and so do those that need servers of their own:
    each process that has one of them starts servers.
    """
    faults = [item for item in items if item.get_closest_marker("faults")]
    others = iter([item for item in items if not item.get_closest_marker("faults")])
    with_own_servers = {item.path for item in faults if "own_servers" in getattr(item, "fixturenames", ())}
    faults.sort(key=lambda item: item.path not in with_own_servers)
    modules = [
        list(tests)
        for _, tests in groupby(faults, lambda item: None if item.path in with_own_servers else item.path)
    ]
    first = max(1, processes // 2)
    ordered: list[pytest.Item] = []
    for number in range(first):
        share = [item for module in modules[number::first] for item in module]
        ordered += [*share, *islice(others, max(0, len(items) // processes - len(share)))]
    return [*ordered, *others]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let nothing be collected while a failure is written.

    What is shown of a finalizer is parsed, and so is the test. One inside the other ends a whole run with a
    `SystemError`, up to Python 3.11.7 (gh-106905).
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    """RabbitMQ, MongoDB and Redis: the same for all tests of a run."""
    try:
        found = pytestconfig.stash[_SERVERS].get()
    except (ServersUnavailable, ServerFailed) as reason:
        pytest.exit(str(reason), returncode=1)  # a sentence, not a traceback for each test
    yield found
    virtual_hosts.delete_idle(found)


@pytest.fixture(scope="session")
def sandbox(servers: Servers) -> Iterator[Sandbox]:
    """A virtual host and a database of this process, with the topology and users of the definitions file."""
    with new_sandbox(servers, definitions(topology())) as ours:
        yield ours
