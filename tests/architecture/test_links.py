"""What the documents name is there: pages and headings, files, targets of make, commands, tests."""

import re
import unicodedata
from pathlib import Path

import pytest

from tests.documents import ROOT, documents, name_of, prose
from tools.reference.profilectl import commands

NAMES = [name_of(each) for each in documents()]
# Of a line: in code points, so that `…` counts as one.
WIDEST = 120
README_LINES = 150
# Folders and files that the documents name in code spans.
PATH = re.compile(
    r"`((?:asyncapi|benchmarks|contracts|deploy|docs|service|tests|tools)/[\w./-]*|\.ci/run|[\w-]+\.(?:toml|yml))`"
)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to *heading*."""
    kept = [each for each in heading.lower() if each in " -_" or unicodedata.category(each)[0] in "LN"]
    return "".join(kept).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    text = prose(path) if path.suffix == ".md" else ""
    return {anchor(heading) for heading in _HEADING.findall(text)}


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = ROOT / name
    dead = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page)):
        target, _, heading = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (heading and heading not in anchors(path)):
            dead.append(link)

    assert dead == []


@pytest.mark.parametrize("name", NAMES)
def test_every_path_that_is_named_is_there(name: str) -> None:
    assert [path for path in PATH.findall(prose(ROOT / name)) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_that_is_named_is_there(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)[^`]*`", prose(ROOT / name)))

    assert named <= targets


@pytest.mark.parametrize("name", [each for each in NAMES if each != "CHANGELOG.md"])
def test_every_command_of_profilectl_that_is_named_is_there(name: str) -> None:
    known = {each for command, _ in commands() for each in (command, command.rpartition(" ")[0])}
    named = set(re.findall(r"`(profilectl(?: [a-z]+){1,2})[^`|]*`", prose(ROOT / name)))

    assert {each for each in named if each not in known and each.rpartition(" ")[0] not in known} == set()


@pytest.mark.parametrize("name", NAMES)
def test_lines_have_at_most_120_characters(name: str) -> None:
    """But for the rows of SECURITY.md about single requirements, which hold the names of tests."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    is_requirement = re.compile(r"\| \d+\.\d\.\d+ \|")
    long = [
        number
        for number, line in enumerate(lines, 1)
        if len(line) > WIDEST and not is_requirement.match(line)
    ]

    assert long == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = re.findall(r"\]\((?!https?:)([^)#\s]+)", prose(page))
        waiting += [(page.parent / link).resolve() for link in links]

    assert set(documents()) <= reached
