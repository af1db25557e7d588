"""What `make dist` builds, and the contracts installed where nothing else is."""

import re
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

from asyncapi.generate import DOCUMENT
from tests.integration.wheelhouse import repack_all
from tools.dist import CONTENTS, PAGE, ROOT, build
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

UV = Path(sys.executable).with_name("uv")
# What the contracts and their client need, and what that needs.
ALLOWED = {
    "aio-pika",
    "aiormq",
    "annotated-types",
    "idna",
    "multidict",
    "pamqp",
    "profile-contracts",
    "propcache",
    "pydantic",
    "pydantic-core",
    "typing-extensions",
    "typing-inspection",
    "yarl",
}
SECONDS = 120
EXAMPLE = """
import ast, asyncio, inspect, pathlib, sys
code = compile(pathlib.Path(sys.argv[1]).read_text(), "example", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
done = eval(code, {"__name__": "__main__"})
if inspect.iscoroutine(done):
    asyncio.run(done)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What was built, by the beginning of the name."""
    built = build(tmp_path_factory.mktemp("dist"))
    return {f"{path.name.split('-')[0]}{path.suffix}": path for path in built}


def declared(project: str) -> dict[str, str]:
    """Return the table `project` of the distribution in the folder *project*."""
    table: dict[str, str] = tomllib.loads((ROOT / project / "pyproject.toml").read_text())["project"]
    return table


def test_both_are_built_as_wheel_and_source(files: dict[str, Path]) -> None:
    assert set(files) == {
        "profile_contracts.whl",
        "profile_contracts.gz",
        "profile_service.whl",
        "profile_service.gz",
    }


@pytest.mark.parametrize(
    ("wheel", "package"), [("profile_contracts.whl", "profile_contracts"), ("profile_service.whl", "service")]
)
def test_a_wheel_holds_its_package_and_the_licence(files: dict[str, Path], wheel: str, package: str) -> None:
    with ZipFile(files[wheel]) as opened:
        names = opened.namelist()
    own = {name for name in names if name.startswith(f"{package}/")}
    info = [name for name in names if ".dist-info/" in name]
    (folder,) = (ROOT / place for place, each in CONTENTS.items() if each == package)
    code = {str(path.relative_to(folder)) for path in (folder / package).rglob("*.py")}
    typed = {str(path.relative_to(folder)) for path in (folder / package).rglob("py.typed")}

    assert own == code | typed
    shown = {name for name in names if name.endswith(PAGE)}
    assert len(shown) == (package == "service")
    assert set(names) == own | shown | set(info)
    assert any(name.endswith("/licenses/LICENSE") for name in info)


def test_the_contracts_say_that_they_are_typed(files: dict[str, Path]) -> None:
    with ZipFile(files["profile_contracts.whl"]) as opened:
        assert "profile_contracts/py.typed" in opened.namelist()


@pytest.mark.parametrize("archive", ["profile_contracts.gz", "profile_service.gz"])
def test_a_source_archive_holds_no_more_than_that(files: dict[str, Path], archive: str) -> None:
    with tarfile.open(files[archive]) as opened:
        names = {name.partition("/")[2].partition("/")[0] for name in opened.getnames()}
    package = archive.removesuffix(".gz").removeprefix("profile_service") or "service"
    egg_info = f"{archive.removesuffix('.gz')}.egg-info"

    expected = {"", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg", egg_info, package}
    assert names == expected | ({"asyncapi"} if package == "service" else set())


def test_the_licence_is_one() -> None:
    texts = [ROOT / "LICENSE", ROOT / "contracts" / "LICENSE"]

    assert len({text.read_bytes() for text in texts}) == 1
    assert {declared(project)["license"] for project in CONTENTS} == {"Apache-2.0"}


def test_every_version_is_the_same() -> None:
    service = declared(".")["version"]

    assert declared("contracts")["version"] == service
    assert f"profile-contracts[client]=={service}" in declared(".")["dependencies"]
    assert {version("profile-service"), version("profile-contracts")} == {service}
    assert yaml.load(DOCUMENT.read_text(), Loader=yaml.CSafeLoader)["info"]["version"] == service
    # The release, or what becomes it.
    first = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1]
    assert first.startswith(service) or f"This becomes {service}." in first


@pytest.fixture(scope="module")
def empty(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the contracts with their client, and what these need."""
    wheels = tmp_path_factory.mktemp("wheels")
    repack_all({"pydantic", "aio-pika", "yarl"}, wheels)
    folder = tmp_path_factory.mktemp("empty") / "venv"
    python = folder / "bin" / "python"
    uv(["venv", "--python", sys.executable, str(folder)])
    client = f"profile-contracts[client] @ {files['profile_contracts.whl'].as_uri()}"
    where = ["--no-index", "--find-links", str(wheels), "--python", str(python)]
    uv(["pip", "install", "--offline", *where, client])
    return python


def uv(words: list[str]) -> str:
    """Return what uv says."""
    command = [str(UV), *words, "--no-config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_with_the_contracts_comes_nothing_of_the_service(empty: Path) -> None:
    script = (
        "from importlib.metadata import distributions as all\n"
        "from importlib.util import find_spec\n"
        "print(*(each.name.lower().replace('_', '-') for each in all()))\n"
        "assert not any(map(find_spec, ('service', 'contracts', 'tests', 'tools')))\n"
    )
    done = subprocess.run(
        [empty, "-I", "-c", script], capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= ALLOWED
    assert {"profile-contracts", "pydantic", "aio-pika"} <= set(done.stdout.split())
    assert not list(empty.parent.glob("profilectl*"))


@pytest.mark.parametrize(("readme", "says"), [("README.md", "Lovelace"), ("contracts/README.md", "posts")])
def test_the_example_of_a_readme_runs_there(
    empty: Path, sandbox: Sandbox, worker: Worker, tmp_path: Path, *, readme: str, says: str
) -> None:
    """As in a gateway that has installed nothing else."""
    assert worker.process.poll() is None
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / readme).read_text(), flags=re.DOTALL)
    (block,) = (each for each in blocks if "ProfileClient(" in each)
    example, count = re.subn(r'"amqp://[^"]*"', f'"{sandbox.gateway_url}"', block)
    file = tmp_path / "example.py"
    file.write_text(example)
    done = subprocess.run(
        [empty, "-I", "-c", EXAMPLE, file], capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert count == 1
    assert done.returncode == 0, done.stderr
    assert says in done.stdout


def test_the_contracts_alone_need_no_client(files: dict[str, Path], tmp_path: Path) -> None:
    """Without the extra nothing of AMQP is installed, and everything but the client is there."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    repack_all({"pydantic"}, wheels)
    python = tmp_path / "venv" / "bin" / "python"
    uv(["venv", "--python", sys.executable, str(tmp_path / "venv")])
    where = ["--no-index", "--find-links", str(wheels), "--python", str(python)]
    uv(["pip", "install", "--offline", *where, str(files["profile_contracts.whl"])])
    modules = "auth, errors, events, fields, operations, posts, profiles, replies"
    done = subprocess.run(
        [python, "-I", "-c", f"from profile_contracts import {modules}"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr
