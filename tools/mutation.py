"""Breaks the security modules, one small change at a time, and asks the unit tests. `make mutation`.

The changes are Cosmic Ray's. They are made in copies of the tree, one for each process, and never in the tree
itself. Each change is tried in a process forked from one that has the libraries loaded already.
"""

import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from difflib import unified_diff
from importlib import import_module
from multiprocessing import Queue, get_context
from pathlib import Path
from typing import Final

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).parents[1]
# Each module, and where its unit tests are: files that import from it, or are named after it.
TARGETS: Final = {
    "service/domain/password.py": "tests/unit/domain",
    "service/app/auth/budgets.py": "tests/unit/app",
    "service/app/auth/passwords.py": "tests/unit/app",
    "service/app/auth/permissions.py": "tests/unit/app",
    "service/app/auth/session_guard.py": "tests/unit/app",
    "service/app/auth/throttle.py": "tests/unit/app",
    "service/infrastructure/security/tokens.py": "tests/unit/security",
    "service/infrastructure/security/refresh_tokens.py": "tests/unit/security",
    "service/infrastructure/security/device_tokens.py": "tests/unit/security",
    "service/infrastructure/security/signed_names.py": "tests/unit/security",
    "service/infrastructure/security/passwords.py": "tests/unit/security",
    "service/infrastructure/security/root_key.py": "tests/unit/security",
    "service/infrastructure/security/root_keyring.py": "tests/unit/security",
    "service/infrastructure/inputports/amqp/stages/authenticator.py": "tests/unit/inputports/amqp/stages",
}
_WANTED: Final = 0.85
_TIMEOUT: Final = 60.0
_COPIED: Final = ("service", "contracts", "tests", "benchmarks", "SECURITY.md", "pyproject.toml")
_PRELOADED: Final = (
    *("aio_pika", "bcrypt", "bson", "cryptography.hazmat.primitives.serialization", "faststream.rabbit"),
    *("hypothesis.strategies", "jwt", "pydantic_settings", "pymongo", "pytest_asyncio", "redis.asyncio"),
    *("structlog", "zxcvbn.frequency_lists"),
)
# No change of what is done: `|` stands in types only, and `is` is `==` for None and members of an Enum.
_EQUIVALENT: Final = (
    "core/ReplaceBinaryOperator_BitOr_",
    "core/ReplaceComparisonOperator_Is_Eq",
    "core/ReplaceComparisonOperator_IsNot_NotEq",
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module: its text before, which others may edit meanwhile, and after."""

    module: str
    operator: str
    before: str
    after: str

    def difference(self) -> str:
        """Return the lines that differ."""
        lines = unified_diff(self.before.splitlines(), self.after.splitlines(), n=0, lineterm="")
        return "\n".join(line for line in lines if not line.startswith(("---", "+++")))


def mutants_of(module: str, text: str) -> Iterator[Mutant]:
    """Return every change that Cosmic Ray knows to make to the *text* of *module*."""
    nodes = list(ast_nodes(get_ast(text)))
    for name in operator_names():
        # These two need to be told which variables there are.
        if name.startswith(_EQUIVALENT) or name in {"core/VariableReplacer", "core/VariableInserter"}:
            continue
        operator = get_operator(name)()
        count = sum(len(list(operator.mutation_positions(node))) for node in nodes)
        for occurrence in range(count):
            with suppress(AttributeError):  # some operators stumble over what they find
                yield Mutant(module, name, text, mutate_code(text, operator, occurrence))


class _Workplace:
    """The copy of the tree that this process may break."""

    folder = Path()


def _settle_in(folders: "Queue[str]") -> None:
    _Workplace.folder = Path(folders.get())
    os.chdir(_Workplace.folder)
    sys.path[:] = [str(_Workplace.folder), *(each for each in sys.path if each not in ("", str(ROOT)))]
    sys.dont_write_bytecode = True  # a stale one would hide a change


def passes(tests: list[str]) -> bool:
    """Return whether *tests* pass in this process's copy."""
    child = os.fork()
    if child == 0:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for each in (0, 1, 2):
            os.dup2(nowhere, each)
        quiet = ("-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
        try:
            os._exit(pytest.main([*quiet, *tests]))
        finally:
            os._exit(99)
    return _exit_code(child) == 0


def _exit_code(child: int) -> int | None:
    """Wait for *child*; end it and return `None` if it takes too long, as an endless loop does."""
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)  # between two looks at a child, which wakes nobody with a time limit
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def survives(mutant: Mutant, tests: list[str]) -> bool:
    """Return whether *tests* do not notice *mutant*."""
    file = _Workplace.folder / mutant.module
    file.write_text(mutant.after)
    try:
        return passes(tests)
    finally:
        file.write_text(mutant.before)


def tests_of(module: str) -> list[str]:
    """Return the files with unit tests of *module*."""
    folder = ROOT / TARGETS[module]
    stem, imports = Path(module).stem, f"from {module.removesuffix('.py').replace('/', '.')} import"
    return [
        str(path.relative_to(ROOT))
        for path in sorted(folder.glob("test_*.py"))
        if re.fullmatch(rf"test_{stem}(_\w+)?", path.stem) or imports in path.read_text()
    ]


def run(pool: ProcessPoolExecutor, modules: dict[str, str], console: Console) -> bool:
    """Try all changes of *modules*, given with their texts; return whether enough are noticed."""
    table = Table("module", "mutants", "noticed", "score")
    total, noticed, is_sound = 0, 0, True
    for module, text in modules.items():
        found = tests_of(module)
        good = [file for file in found if pool.submit(passes, [file]).result()]
        for file in set(found) - set(good):
            console.print(f"{file} fails as it is: left out")
            is_sound = False
        mutants = list(mutants_of(module, text))
        survivors = (
            list(pool.map(survives, mutants, [good] * len(mutants))) if good else [True] * len(mutants)
        )
        for mutant, survived in zip(mutants, survivors, strict=True):
            if survived:
                console.print(f"{module} {mutant.operator}\n{mutant.difference()}", markup=False)
        killed = survivors.count(False)
        total, noticed = total + len(mutants), noticed + killed
        table.add_row(module, str(len(mutants)), str(killed), f"{killed / len(mutants):.1%}")
    table.add_row("all", str(total), str(noticed), f"{noticed / total:.1%}")
    console.print(table)
    return is_sound and noticed / total >= _WANTED


def main() -> int:
    """Try all changes, or those of the modules that are named; return 1 if too few were noticed."""
    console = Console(highlight=False, soft_wrap=True)
    modules = {module: (ROOT / module).read_text() for module in sys.argv[1:] or TARGETS}
    for name in _PRELOADED:
        import_module(name)
    context = get_context("fork")
    processes = len(os.sched_getaffinity(0))
    folders: Queue[str] = context.Queue()
    with tempfile.TemporaryDirectory(prefix="profile-mutation-") as place:
        for number in range(processes):
            folder = Path(place) / str(number)
            folder.mkdir()
            for name in _COPIED:
                source = ROOT / name
                if source.is_dir():
                    shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copyfile(source, folder / name)
            folders.put(str(folder))
        with ProcessPoolExecutor(processes, context, _settle_in, (folders,)) as pool:
            return 0 if run(pool, modules, console) else 1


if __name__ == "__main__":
    sys.exit(main())
