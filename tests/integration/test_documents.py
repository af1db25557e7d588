"""Whoever follows the documents gets what they say: every command and every program in them is run.

- Each page is read in a folder and on a sandbox of its own, from top to bottom, in one terminal.
- A Python block is a file; its first line is its name. Some command of the same page runs it.
- A block `sh stays` runs in a terminal of its own until the end of the page.
- A block `text` right after commands is what they print; `…` stands for anything.
- `make run` is played by a worker on the sandbox. Other lines that begin with `make` are never run here:
  `SHOWN_ELSEWHERE` names what runs them.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from asyncapi.node import find_node
from service.settings import Settings
from tests.at_length import at_length
from tests.documents import ROOT, Block, blocks, documents, name_of
from tests.integration import curl
from tests.integration.preloaded import preloaded
from tests.integration.terminal import Terminal, shown_as, terminal
from tests.integration.workers import isolated_sandbox
from tools.servers import Servers
from tools.servers.processes import free_port
from tools.servers.sandbox import Sandbox
from tools.worker import running_worker

COMMANDS, STAYING, PYTHON = "sh", "sh stays", "python"
# What is shown, and not run.
SHOWN = {"text", "json", "yaml", "mermaid"}

# What builds leave behind.
BUILT = shutil.ignore_patterns("node_modules", "dist", "build", "*.egg-info", "*.tgz", "__pycache__")

RUN = "make run"
# By line: the file that has the line run, or the test that does the same.
SHOWN_ELSEWHERE = {
    "make demo": "tests/integration/test_make_targets.py::test_the_demo_passes",
    "make test": ".ci/run",
    "make lint": ".ci/run",
    "make docs": "tests/architecture/test_reference.py::test_make_docs_would_change_nothing",
    "make .venv/ready": "Makefile",
}

PAGES = [
    name_of(each) for each in documents() if {COMMANDS, STAYING, PYTHON} & {b.info for b in blocks(each)}
]

# What newcomers read. The others are tried at length.
FIRST_PAGES = ["README.md", "docs/tutorial.md"]
OTHER_PAGES = [each for each in PAGES if each not in FIRST_PAGES]


def lines_of(block: Block) -> list[str]:
    """Return the commands in *block*, without comments."""
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in block.text.splitlines()]
    return [line for line in lines if line]


def is_of_make(line: str) -> bool:
    return line.startswith("make ")


def commands_in(name: str) -> list[str]:
    return [
        line for each in blocks(ROOT / name) if each.info in (COMMANDS, STAYING) for line in lines_of(each)
    ]


def programs_in(name: str) -> list[Block]:
    return [each for each in blocks(ROOT / name) if each.info == PYTHON]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`profilectl`, for all pages."""
    with preloaded(tmp_path_factory.mktemp("preloaded")) as started:
        yield started


@pytest.fixture
def box(servers: Servers) -> Iterator[Sandbox]:
    """A sandbox for one page."""
    with isolated_sandbox(servers) as corner:
        yield corner


def addresses(box: Sandbox, folder: Path) -> dict[str, str]:
    """Return what stands in the documents, and what it is here."""
    console = urlsplit(box.management_url)
    return {
        "amqp://gateway:gateway@127.0.0.1:5672/": box.gateway_url,
        "amqp://profile-service:profile-service@127.0.0.1:5672/": box.service_url,
        "mongodb://127.0.0.1:27017/profiles?replicaSet=rs0": box.mongo_url,
        "redis://127.0.0.1:6379/0": box.redis_url,
        "http://guest:guest@127.0.0.1:15672": f"http://{urlsplit(box.admin_url).netloc.split('@')[0]}@{console.netloc}",
        "8080": str(free_port()),
        "8081": str(free_port()),
        "/path/to/my-gateway": str(folder / "elsewhere"),
    }


def translated(text: str, here: dict[str, str]) -> str:
    for written, actual in here.items():
        text = text.replace(written, actual)
    return text


def checkout(folder: Path, here: dict[str, str], program: Path) -> Path:
    """Make *folder* look like a checkout, as far as readers need it; *program* is `profilectl`."""
    (folder / ".venv/bin").mkdir(parents=True)
    for name in ("lib", "pyvenv.cfg"):
        (folder / ".venv" / name).symlink_to(Path(sys.prefix, name))
    (folder / ".venv/bin/python").symlink_to(Path(sys.prefix, "bin/python"))
    (folder / ".venv/bin/profilectl").symlink_to(program)
    (folder / ".venv/bin/profilectl.real").symlink_to(Path(sys.prefix, "bin/profilectl"))
    (folder / ".venv/bin/uv").symlink_to(Path(sys.prefix, "bin/uv"))
    (folder / "deploy").symlink_to(ROOT / "deploy")
    for name in ("contracts", "examples"):  # in which readers build something
        shutil.copytree(ROOT / name, folder / name, ignore=BUILT)
    example = (ROOT / ".env.example").read_text()
    (folder / ".env.example").write_text(translated(example, here))
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Return that of a reader: no setting of the service is in it. *folder* has what a machine may lack."""
    settings = {name.upper() for name in Settings.model_fields}
    usual = {name: value for name, value in os.environ.items() if name not in settings}
    if shutil.which("curl") is None:
        curl.put_into(folder)
    for name, words in asdict(find_node()).items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        script.chmod(0o755)
    # What npm asks a registry beside the packages takes as long as they do.
    usual |= {"npm_config_audit": "false", "npm_config_prefer_offline": "true"}
    return {**usual, "COLUMNS": "110", "PATH": f"{folder}:{usual['PATH']}"}


@pytest.mark.parametrize(
    "name", [*FIRST_PAGES, *at_length(*(each for each in PAGES if each not in FIRST_PAGES))]
)
async def test_a_reader_who_does_as_the_page_says_gets_what_it_says(
    name: str, box: Sandbox, program: Path, tmp_path: Path
) -> None:
    here = addresses(box, tmp_path)
    folder = checkout(tmp_path, here, program)
    for each in programs_in(name):
        (folder / str(each.file_name)).write_text(translated(each.text, here))
    with ExitStack() as cleanup:
        async with terminal(folder, environment(tmp_path)) as typing:
            for block, following in zip(page := blocks(ROOT / name), [*page[1:], None], strict=True):
                if RUN in lines_of(block) and block.info == COMMANDS:
                    assert lines_of(block) == [RUN], f"{name}:{block.line}: `make run` stands alone"
                    cleanup.enter_context(running_worker(box, tmp_path, {"BCRYPT_COST": "10"}, "played"))
                elif block.info in (COMMANDS, STAYING):
                    expected = following.text if following and following.is_output else None
                    await _try(typing, name, block, here, expected)


async def _try(typing: Terminal, name: str, block: Block, here: dict[str, str], expected: str | None) -> None:
    typed = "\n".join(line for line in block.text.splitlines() if not is_of_make(line))
    shown = shown_as(translated(expected, here)) if expected is not None else None
    if block.info == STAYING:
        assert shown, f"{name}:{block.line}: what stays has to say when it is up"
        await typing.start(translated(typed, here), shown)
        return
    printed = await typing.run(translated(typed, here))
    if shown:
        assert shown.fullmatch(printed), f"{name}:{block.line} prints\n{printed}"


@pytest.mark.parametrize("name", [name_of(each) for each in documents()])
def test_every_block_is_run_or_shown(name: str) -> None:
    known = {COMMANDS, STAYING, PYTHON, *SHOWN}

    assert [f"{name}:{b.line}: {b.info!r}" for b in blocks(ROOT / name) if b.info not in known] == []


@pytest.mark.parametrize("name", [name_of(each) for each in documents()])
def test_no_block_is_overlooked(name: str) -> None:
    """One that is indented, or fenced otherwise, would be."""
    fences = re.findall(r"^[ >]*(?:```|~~~)", (ROOT / name).read_text(), flags=re.MULTILINE)

    assert fences == ["```"] * 2 * len(blocks(ROOT / name))


def test_every_make_target_that_is_not_run_here_is_run_elsewhere() -> None:
    written = {line for name in PAGES for line in commands_in(name) if is_of_make(line)}

    assert written - {RUN} == set(SHOWN_ELSEWHERE)
    for line, where in SHOWN_ELSEWHERE.items():
        path, _, function = where.partition("::")
        wanted = f"def {function}(" if function else line.removeprefix("make ").replace(".venv", "$(VENV)")
        assert wanted in (ROOT / path).read_text(), f"{line}: not in {where}"


@pytest.mark.parametrize("name", PAGES)
def test_every_program_is_run_by_a_command_of_its_page(name: str) -> None:
    commands = "\n".join(commands_in(name))
    idle = [
        f"{name}:{each.line}: {each.file_name}"
        for each in programs_in(name)
        if not each.file_name or each.file_name not in commands
    ]

    assert idle == []


def test_every_program_passes_a_strict_type_check(tmp_path: Path) -> None:
    """They are checked as somebody else would write them: outside of this repository."""
    files = []
    for name in PAGES:
        for each in programs_in(name):
            file = tmp_path / str(each.file_name)
            assert not file.exists(), f"{file.name}: a name for two programs"
            file.write_text(each.text)
            files.append(str(file))

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert files
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("shown", "printed", "is_so"),
    [
        ("one …\n…\nlast", "one 1\n\ntwo\nthree\nlast  \n\n", True),
        ("one …\n…\nlast", "one 1\nlast\n", True),
        ("one …\nlast", "one 1\ntwo\nlast\n", False),
        ("one", "one\ntwo\n", False),
        ("one\ntwo", "one\n", False),
        ("…: 2", "1: 2\n", True),
        ("…: 2", "1: 3\n", False),
    ],
)
def test_what_is_printed_is_compared_with_what_is_shown(shown: str, printed: str, is_so: bool) -> None:  # noqa: FBT001
    assert bool(shown_as(shown).fullmatch(printed)) is is_so


async def test_a_block_ends_with_the_first_command_that_fails(tmp_path: Path) -> None:
    async with terminal(tmp_path, environment(tmp_path)) as typing:
        assert (await typing.run("NAME=Ada\n")).strip() == ""
        assert (await typing.run('echo "$NAME"\n')).strip() == "Ada"
        with pytest.raises(AssertionError, match="ended before its end"):
            await typing.run("false\necho never\n")
