"""`make test-docker`: runs demo, image and compose on an engine of our own; holds exit codes and times."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tools.docker.engine import CommandFailed, Engine, running_engine
from tools.docker.stand_ins import base_tarball, compose_plugin, make_images
from tools.ending import ended_well
from tools.servers import ServersUnavailable
from tools.servers.packages import can_install, install
from tools.servers.processes import is_free

_ROOT: Final = Path(__file__).parents[2]
_NEEDED: Final = {"dockerd": "docker.io", "debootstrap": "debootstrap", "iptables-save": "iptables"}
# Of docker-compose.yml.
_PORTS: Final = (5672, 15672, 27017, 6379)
_NO_PORTS: Final = "services:\n" + "".join(
    f"  {name}:\n    ports: !reset []\n" for name in ("rabbitmq", "mongo", "redis")
)
_USERS_FILE: Final = "/etc/rabbitmq/definitions.d/20-users.json"
# In seconds: what a step may take here, and on slower machines.
_DEMO_SECONDS, _STOP_SECONDS = 180.0, 15.0


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is done, and how long it took."""
    print(f"{what} … ", end="", flush=True)
    began = time.monotonic()
    yield
    print(f"{time.monotonic() - began:.1f} s", flush=True)


def main() -> int:
    """Do all of it; return 1 after the first failure, which is told."""
    try:
        _prepare()
        with step("The stand-ins' system"):
            tarball = base_tarball()
        with running_engine() as engine:
            with step("Images"):
                make_images(engine, tarball)
            _demo(engine)
            _without_an_image(engine)
            _image(engine)
            _compose(engine, compose_plugin(tarball, engine.folder))
    except CommandFailed as failure:
        print(failure)
        return 1
    print("Demo, image and compose work on Docker.")
    return 0


def _prepare() -> None:
    missing = [package for program, package in _NEEDED.items() if shutil.which(program) is None]
    if missing and not can_install():
        raise ServersUnavailable(f"Install {' '.join(missing)} first, as root.")
    if missing:
        install(missing, print)


def _demo(engine: Engine) -> None:
    with step("make demo on Docker"):
        began = time.monotonic()
        said = engine.run(sys.executable, "-m", "tools.demo", where=_ROOT, DEV_SERVERS="docker")
        _require(said.count("Docker") >= len(("RabbitMQ", "MongoDB", "Valkey")), said)
        _require(time.monotonic() - began < _DEMO_SECONDS, f"the demo took longer than {_DEMO_SECONDS:g} s")
        _require(not engine.run("docker", "ps", "--all", "--quiet"), "containers were left")


def _without_an_image(engine: Engine) -> None:
    with step("one sentence where an image cannot be pulled"):
        engine.run("docker", "image", "rm", "valkey/valkey:8")
        try:
            engine.run(sys.executable, "-m", "tools.demo", where=_ROOT, DEV_SERVERS="docker")
        except CommandFailed as failure:
            said = str(failure)
        else:
            raise CommandFailed("The demo ran without one of its images.")
        _require("Traceback" not in said and "`docker pull --quiet valkey/valkey:8` failed" in said, said)
        _require(not engine.run("docker", "ps", "--all", "--quiet"), "containers were left")


def _image(engine: Engine) -> None:
    with step("docker build"):
        engine.run("docker", "build", "--tag=profile-service", ".", where=_ROOT)
    with step("docker run profile-service --help"):
        said = engine.run("docker", "run", "--rm", "profile-service", "worker", "--help")
        _require("Answer requests" in said, said)


def _compose(engine: Engine, plugin: Path) -> None:
    files = ["--file=docker-compose.yml"]
    published = all(map(is_free, _PORTS))
    if not published:
        (engine.folder / "no-ports.yml").write_text(_NO_PORTS)
        files.append(f"--file={engine.folder / 'no-ports.yml'}")
        print(f"(Ports {', '.join(map(str, _PORTS))} are not all free: compose publishes none.)")

    def compose(*arguments: str) -> str:
        return engine.run(plugin, "--project-name=profile-test", *files, *arguments, where=_ROOT)

    try:
        with step("docker compose up, until the worker is healthy"):
            # Not `up --wait`: it takes the end of `secrets`, which has done its work, for a failure.
            compose("up", "--build", "--detach", "worker")
            _until_healthy(compose)
        _answers(engine, compose, published=published)
        _starts_again(compose)
        with step("the worker stops"):
            began = time.monotonic()
            compose("stop", "worker")
            _require(time.monotonic() - began < _STOP_SECONDS, "the worker took too long")
        code = compose("ps", "--all", "--format={{.ExitCode}}", "worker").strip()
        _require(code == "0", f"the worker ended with {code}")
    except CommandFailed:
        with _told(compose):
            raise
    with step("docker compose down"):
        compose("down", "--volumes")
        _require(not engine.run("docker", "ps", "--all", "--quiet"), "containers were left")


def _until_healthy(compose: Callable[..., str]) -> None:
    deadline = time.monotonic() + _DEMO_SECONDS
    while (health := compose("ps", "--format={{.Health}}", "worker").strip()) != "healthy":
        _require(time.monotonic() < deadline, f"the worker is {health or 'gone'}")
        time.sleep(0.5)  # between two looks


def _passwords(compose: Callable[..., str]) -> dict[str, str]:
    """Return those of the broker's users, as the head of docker-compose.yml says how to read them."""
    users = json.loads(compose("exec", "-T", "rabbitmq", "cat", _USERS_FILE))["users"]
    return {each["name"]: each["password"] for each in users}


def _answers(engine: Engine, compose: Callable[..., str], *, published: bool) -> None:
    passwords = _passwords(compose)
    with step("profilectl call auth.keys, as a gateway"):
        call, user = ("profilectl", "call", "auth.keys", "{}", "--url"), f"gateway:{passwords['gateway']}"
        if published:
            program = Path(sys.executable).with_name(call[0])
            said = engine.run(program, *call[1:], f"amqp://{user}@127.0.0.1:5672/")
        else:
            said = compose("exec", "-T", "worker", *call, f"amqp://{user}@rabbitmq:5672/")
        _require('"keys"' in said, said)
    with step("passwords are those that the first start made up, and nobody else's"):
        _require(set(passwords) == {"profile-service", "gateway", "operator"}, str(set(passwords)))
        for name, password in passwords.items():
            _require(_is_password(compose, name, password), f"{name} is not let in")
            _require(not _is_password(compose, name, name), f"{name} has a password that everybody knows")
        _require(not _is_password(compose, "guest", "guest"), "guest is let in")
        logs = compose("logs")
        _require("definitions.d/20-users.json" in logs, "nobody is told where passwords are")
        _require(not [name for name, each in passwords.items() if each in logs], "a password is in a log")


def _starts_again(compose: Callable[..., str]) -> None:
    with step("docker compose down, and up again: the passwords stay"):
        before = _passwords(compose)
        compose("down")
        compose("up", "--detach", "worker")
        _until_healthy(compose)
        _require(_passwords(compose) == before, "the passwords are others")
        _require(_is_password(compose, "operator", before["operator"]), "operator is not let in")


def _is_password(compose: Callable[..., str], name: str, password: str) -> bool:
    try:
        return "Success" in compose(
            "exec", "-T", "rabbitmq", "rabbitmqctl", "authenticate_user", name, password
        )
    except CommandFailed as refused:
        _require("Error" in str(refused) and "authenticate" in str(refused), str(refused))
        return False


@contextmanager
def _told(compose: Callable[..., str]) -> Iterator[None]:
    print(f"\n{compose('ps', '--all')}\n{compose('logs', '--tail=15')}")
    yield


def _require(truth: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not truth:
        raise CommandFailed(otherwise)


if __name__ == "__main__":
    sys.exit(ended_well(main))
