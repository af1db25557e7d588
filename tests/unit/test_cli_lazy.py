"""`profilectl` shows what it can do without importing what it does it with."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from service import cli
from service.cli.lazy import COMMANDS, load
from tests.unit.profilectl import profilectl
from tools.reference.profilectl import commands

# What takes long to import, and what help has no need of.
DRIVERS = {"aio_pika", "faststream", "prometheus_client", "profile_contracts", "pydantic", "pymongo", "redis"}


def complete(*words: str) -> list[str]:
    """Return what a shell offers for the last of *words*."""
    environment = {
        "_PROFILECTL_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("profilectl", *words)),
        "COMP_CWORD": str(len(words)),
    }
    return CliRunner().invoke(cli.app, prog_name="profilectl", env=environment).stdout.split()


def test_help_imports_no_driver() -> None:
    """By `sys.modules`, for a time would say something about this machine only."""
    program = (
        "import json, sys; from typer.testing import CliRunner; from service.cli import app; "
        "said = CliRunner().invoke(app, ['--help']); print(json.dumps([said.stdout, sorted(sys.modules)]))"
    )
    said, modules = json.loads(subprocess.check_output([sys.executable, "-c", program]))

    assert [name for name in COMMANDS if name not in said] == []
    assert DRIVERS & set(modules) == set()


def test_a_program_gets_json_from_every_command_or_one_word() -> None:
    options = {name: {word for each in command.params for word in each.opts} for name, command in commands()}

    assert {name.removeprefix("profilectl ") for name, words in options.items() if "--json" not in words} == {
        *("keys new", "keys retire", "admin create", "profile unlock"),  # one word, or a sentence
        *("profile import", "profile export", "profile export-all", "topology definitions"),  # JSON anyway
        "worker",  # whose log is JSON
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_shown_of_a_command_is_what_it_says_itself(name: str) -> None:
    command = load(name)

    assert command.name == name
    assert " ".join(command.help.split()).startswith(COMMANDS[name].summary)


def test_a_mistyped_command_is_told_what_was_meant() -> None:
    said = profilectl("wroker")

    assert said.exit_code == 2
    assert "Did you mean 'worker'?" in said.stderr


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("wo",), ["worker"]),
        (("dlq", "pu"), ["purge"]),
        (("call", "profile.u"), ["profile.update"]),
        (("watch", "--ev"), ["--every"]),
    ],
)
def test_shells_complete_commands_options_and_operations(words: tuple[str, ...], offered: list[str]) -> None:
    assert complete(*words) == offered
