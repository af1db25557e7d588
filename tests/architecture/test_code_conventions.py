"""Rules that no tool knows, see `pyproject.toml` for those that ruff and import-linter hold."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = sorted([*ROOT.glob("service/**/*.py"), *ROOT.glob("contracts/**/*.py")])
CORE = sorted([*ROOT.glob("service/domain/**/*.py"), *ROOT.glob("service/app/**/*.py")])
TESTS = sorted(path for folder in ("unit", "ports", "fakes") for path in ROOT.glob(f"tests/{folder}/**/*.py"))

MOST_STATEMENTS = 20

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return everything in the module at *path*."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def functions_in(path: Path) -> list[Function]:
    """Return the functions and methods in the module at *path*."""
    return [node for node in nodes(path) if isinstance(node, Function)]


def statements(function: Function) -> int:
    """Count the statements of *function*, but not those of functions inside it."""
    inside = list(function.body)
    count = 0
    while inside:
        node = inside.pop()
        count += isinstance(node, ast.stmt)
        if not isinstance(node, Function):
            inside += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
    return count


def calls(paths: list[Path], *names: str) -> list[str]:
    """Return the calls in *paths* of functions that are spelled like one of *names*."""
    # A text that has no such name need not be parsed.
    likely = [path for path in paths if any(f"{name}(" in path.read_text() for name in names)]
    found = [node for path in likely for node in nodes(path) if isinstance(node, ast.Call)]
    return [ast.unparse(node) for node in found if ast.unparse(node.func) in names]


def test_there_is_something_to_look_at() -> None:
    assert min(len(CODE), len(CORE), len(TESTS)) > 10


def test_functions_are_small() -> None:
    functions = [each for path in CODE for each in functions_in(path)]

    assert [each.name for each in functions if statements(each) > MOST_STATEMENTS] == []


def swallows_everything(node: ast.AST) -> bool:
    """Return whether *node* catches any exception, and does not raise it again."""
    return (
        isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and ast.unparse(node.body[-1]) != "raise"
    )


def test_only_the_edge_and_who_supervises_swallow_everything() -> None:
    """And reads for many, which hand everything on to each of those who wait."""
    found = {name_of(path) for path in CODE if any(map(swallows_everything, nodes(path)))}

    edge = "service/infrastructure/inputports/amqp"
    edges = ("stage", "stages/last_resort", "stages/drop_on_failure")
    others = ("background", "batched_reads")
    assert found == {
        *(f"{edge}/{each}.py" for each in edges),
        *(f"service/pkg/{each}.py" for each in others),
    }


def test_only_what_tries_again_and_again_pauses() -> None:
    """What repeats, or has to be tried again later, or an end that others are to notice."""
    pauses = set(calls(CODE, "time.sleep", "asyncio.sleep", "sleep"))

    whats = (
        "every.total_seconds()",
        "state.pause",
        "_PAUSE_SECONDS",
        "_HELD_SECONDS",
        "_NOTICE_SECONDS",
        "length",
        "pause",
    )
    assert pauses == {f"asyncio.sleep({each})" for each in whats}


def test_the_core_is_told_the_time() -> None:
    assert calls(CORE, "datetime.now", "datetime.utcnow", "time.time", "uuid.uuid4", "uuid4") == []


def test_tests_do_not_wait_by_the_clock() -> None:
    assert set(calls(TESTS, "time.sleep", "asyncio.sleep", "sleep")) <= {"asyncio.sleep(0)"}


def asserts(node: ast.AST) -> bool:
    """Return whether *node* fails where something is not as it has to be."""
    raises = isinstance(node, ast.Call) and ast.unparse(node.func).endswith("raises")
    return isinstance(node, ast.Assert) or raises


def test_every_test_asserts_something() -> None:
    functions = [each for path in TESTS for each in functions_in(path) if each.name.startswith("test_")]

    assert [each.name for each in functions if not any(map(asserts, ast.walk(each)))] == []
