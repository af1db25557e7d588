"""The page of `profilectl`, from what its `--help` is made of."""

from collections.abc import Iterator
from typing import Any, Final

import typer

from asyncapi.tables import table
from service.cli import app
from service.cli.exit_codes import MEANINGS
from service.cli.lazy import LazyGroup, load
from tools.reference.markdown import blocks, items, paragraph

_INTRODUCTION: Final = """
What operators type. Every command explains itself with `--help`. An option with a variable behind it can be
given in the environment instead, or in a file `.env` in the current folder. `profilectl --install-completion`
makes the shell complete commands, options and operations. What goes wrong is one sentence on standard error,
and an exit code:
""".strip()
# Of `worker`, docs/howto/operate.md says it.
_WORKER: Final = "`worker` has [codes of its own](../howto/operate.md#start-a-worker)."

# Typer brings its own copy of click and gives its classes no public names.
Command = Any
Parameter = Any


def page() -> str:
    """Return the page."""
    root = typer.main.get_command(app)
    return blocks(
        "# profilectl",
        paragraph(_INTRODUCTION),
        table(("exit code", "meaning"), [(str(code), meaning) for code, meaning in MEANINGS.items()]),
        paragraph(_WORKER),
        items(_option(each) for each in root.params),
        *(_section(*each) for each in commands()),
    )


def commands() -> list[tuple[str, Command]]:
    """Return every command by its words."""
    return list(_commands("profilectl", typer.main.get_command(app)))


def _commands(name: str, command: Command) -> Iterator[tuple[str, Command]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for word, child in children.items():
        loaded = load(word) if isinstance(command, LazyGroup) else child
        yield from _commands(f"{name} {word}", loaded)


def _section(name: str, command: Command) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and not _is_hidden(each)]
    usage = " ".join([name, *map(_placeholder, arguments)])
    return blocks(
        f"## {name}",
        blocks(*(paragraph(" ".join(each.split())) for each in (command.help or "").split("\n\n"))),
        f"```text\n{usage}{' [OPTIONS]' if options else ''}\n```",
        items(f"`{_word(each)}`{_said(each)}" for each in arguments),
        items(map(_option, options)),
    )


def _is_hidden(option: Parameter) -> bool:
    """Return whether *option* is for ourselves, and `--help` does not show it either."""
    return bool(getattr(option, "hidden", False))


def _option(option: Parameter) -> str:
    return f"`{option.opts[0]}`{_said(option)}"


def _word(argument: Parameter) -> str:
    return str(argument.metavar or argument.name.upper())


def _placeholder(argument: Parameter) -> str:
    return _word(argument) if argument.required else f"[{_word(argument)}]"


def _said(parameter: Parameter) -> str:
    traits = [(parameter.help or "").rstrip(".")]
    if parameter.required:
        traits.append("required")
    if parameter.envvar:
        traits.append(f"variable `{parameter.envvar}`")
    if parameter.default not in (None, False, ""):
        traits.append(f"default `{parameter.default}`")
    if getattr(parameter, "prompt", None):
        traits.append("asked for if it is missing")
    said = ", ".join(filter(None, traits))
    return f": {said}." if said else "."
