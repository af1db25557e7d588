"""What the documents name is there: pages and headings, files, targets of make, commands, tests."""

import re
import unicodedata
from pathlib import Path

import pytest

from service.cli import MAY_COME_FROM_FILES
from service.infrastructure.security.root_key import Purpose
from service.settings import Settings
from tests.architecture.health_pages import health_pages
from tests.documents import ROOT, documents, name_of, prose
from tools.reference.profilectl import commands

NAMES = [name_of(each) for each in documents()]
# What says how things are now.
PRESENT = [each for each in NAMES if each != "CHANGELOG.md"]
# Of a line: in code points, so that `…` counts as one.
WIDEST = 120
README_LINES = 150
# Folders and files that the documents name in code spans.
PATH = re.compile(
    r"`((?:asyncapi|benchmarks|contracts|deploy|docs|service|tests|tools)/[\w./-]*|\.ci/run|[\w-]+\.(?:toml|yml))`"
)
# A code span that is a variable, set or not; `A|B` and what is typed are not.
SETTING = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`")
# Of the gateways in examples/, of `profilectl`, of make, and names in the code.
OF_OTHERS = {
    *("ADMIN_PASSWORD", "BROKER_URLS", "CHAOS_SECONDS", "COMMON_ERRORS", "SECURE_COOKIES", "TRUSTED_HOPS"),
    *(each.name for each in Purpose),
}
PAGE = re.compile(r"`(/[a-z]+)`")
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


@pytest.mark.parametrize("name", PRESENT)
def test_every_command_of_profilectl_that_is_named_is_there(name: str) -> None:
    """A word behind a command may be its argument; behind a group it is a command of that."""
    known = {command for command, _ in commands()}
    groups = {each.rpartition(" ")[0] for each in known} - {"profilectl"}
    named = set(re.findall(r"`(profilectl(?: [a-z]+){1,2})[^`|]*`", prose(ROOT / name)))

    assert {each for each in named - known - groups if each.rpartition(" ")[0] not in known} == set()


@pytest.mark.parametrize("name", [each for each in PRESENT if each != "docs/reference/profilectl.md"])
def test_every_setting_that_is_named_is_there(name: str) -> None:
    settings = {each.upper() for each in Settings.model_fields}
    files = {f"{each}_FILE" for each in MAY_COME_FROM_FILES}
    named = {each for each in SETTING.findall(prose(ROOT / name)) if not each.startswith("DEV_")}

    assert named - settings - files - OF_OTHERS == set()


@pytest.mark.parametrize("name", PRESENT)
def test_every_page_of_the_health_port_that_is_named_is_there(name: str) -> None:
    assert set(PAGE.findall(prose(ROOT / name))) <= health_pages()


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
