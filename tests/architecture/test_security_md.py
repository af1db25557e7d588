"""SECURITY.md names tests that are there, and leaves no requirement out."""

import ast
import re
from pathlib import Path

from service.infrastructure.security.root_key import Purpose

TESTS = Path(__file__).parents[1]
TEXT = (TESTS.parent / "SECURITY.md").read_text()
ROWS = re.findall(r"^\| (\d+\.\d\.\d+) \| ([12]) \| (.+) \| (.+) \|$", TEXT, flags=re.MULTILINE)

# OWASP ASVS 5.0, V6 to V11: the requirements of levels 1 and 2, by section.
REQUIREMENTS = {
    "6.1": range(1, 4),
    "6.2": range(1, 13),
    "6.3": range(1, 5),
    "6.4": range(1, 5),
    "6.5": range(1, 6),
    "6.6": range(1, 4),
    "6.8": range(1, 5),
    "7.1": range(1, 4),
    "7.2": range(1, 5),
    "7.3": range(1, 3),
    "7.4": range(1, 6),
    "7.5": range(1, 3),
    "7.6": range(1, 3),
    "8.1": range(1, 3),
    "8.2": range(1, 4),
    "8.3": range(1, 2),
    "8.4": range(1, 2),
    "9.1": range(1, 4),
    "9.2": range(1, 5),
    "10.1": range(1, 3),
    "10.2": range(1, 3),
    "10.3": range(1, 5),
    "10.4": range(1, 12),
    "10.5": range(1, 6),
    "10.6": range(1, 3),
    "10.7": range(1, 4),
    "11.1": range(1, 3),
    "11.2": range(1, 4),
    "11.3": range(1, 4),
    "11.4": range(1, 5),
    "11.5": range(1, 2),
    "11.6": range(1, 2),
}


def functions_in(path: Path) -> set[str]:
    """Return the names of the functions in the file at *path*."""
    if not path.exists():
        return set()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)}


def test_every_requirement_has_its_row_and_no_other() -> None:
    expected = [f"{section}.{number}" for section, numbers in REQUIREMENTS.items() for number in numbers]

    assert [number for number, *_ in ROWS] == expected


def test_every_row_names_a_test_or_says_why_there_is_none() -> None:
    silent = [
        number
        for number, _, _, shown in ROWS
        if "::test_" not in shown
        and not shown.startswith(("Does not apply: ", "Not met", "This page"))
        and not re.search(r"`\w+/test_\w+\.py`", shown)
    ]

    assert silent == []


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", TEXT)

    assert len(named) > len(ROWS) // 2
    assert [f"{path}::{name}" for path, name in named if name not in functions_in(TESTS / path)] == []


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"`((?:architecture|integration|ports|unit)/[\w/]+\.py)", TEXT)

    assert [path for path in named if not (TESTS / path).exists()] == []


def test_every_derived_key_is_in_the_inventory() -> None:
    _, _, inventory = TEXT.partition("## Keys and algorithms")
    inventory, _, _ = inventory.partition("\n## ")

    assert [each.name for each in Purpose if f"`{each.name}`" not in inventory] == []
