"""What the documents name is there: pages and headings, files, targets of make, commands, tests."""

import re
import unicodedata
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path

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


@cache
def anchors(path: Path) -> set[str]:
    text = prose(path) if path.suffix == ".md" else ""
    return {anchor(heading) for heading in _HEADING.findall(text)}


def wrong_in(names: list[str], look: Callable[[Path], Collection[object]]) -> dict[str, Collection[object]]:
    """Return what *look* finds to be wrong in the documents of these *names*."""
    return {name: found for name in names if (found := look(ROOT / name))}


def dead_links(page: Path) -> list[str]:
    dead = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page)):
        target, _, heading = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (heading and heading not in anchors(path)):
            dead.append(link)
    return dead


def test_every_link_leads_somewhere() -> None:
    assert wrong_in(NAMES, dead_links) == {}


def test_every_path_that_is_named_is_there() -> None:
    def missing(page: Path) -> list[str]:
        return [path for path in PATH.findall(prose(page)) if not (ROOT / path).exists()]

    assert wrong_in(NAMES, missing) == {}


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

    def missing(page: Path) -> set[str]:
        return set(re.findall(r"`make ([a-z-]+)[^`]*`", prose(page))) - targets

    assert wrong_in(NAMES, missing) == {}


def test_every_command_of_profilectl_that_is_named_is_there() -> None:
    """A word behind a command may be its argument; behind a group it is a command of that."""
    known = {command for command, _ in commands()}
    groups = {each.rpartition(" ")[0] for each in known} - {"profilectl"}

    def missing(page: Path) -> set[str]:
        named = set(re.findall(r"`(profilectl(?: [a-z]+){1,2})[^`|]*`", prose(page)))
        return {each for each in named - known - groups if each.rpartition(" ")[0] not in known}

    assert wrong_in(PRESENT, missing) == {}


def test_every_setting_that_is_named_is_there() -> None:
    settings = {each.upper() for each in Settings.model_fields}
    files = {f"{each}_FILE" for each in MAY_COME_FROM_FILES}

    def missing(page: Path) -> set[str]:
        named = {each for each in SETTING.findall(prose(page)) if not each.startswith("DEV_")}
        return named - settings - files - OF_OTHERS

    assert wrong_in([each for each in PRESENT if each != "docs/reference/profilectl.md"], missing) == {}


def test_every_page_of_the_health_port_that_is_named_is_there() -> None:
    there = health_pages()

    assert wrong_in(PRESENT, lambda page: set(PAGE.findall(prose(page))) - there) == {}


def test_lines_have_at_most_120_characters() -> None:
    """But for the rows of SECURITY.md about single requirements, which hold the names of tests."""
    is_requirement = re.compile(r"\| \d+\.\d\.\d+ \|")

    def long(page: Path) -> list[int]:
        lines = enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        return [number for number, line in lines if len(line) > WIDEST and not is_requirement.match(line)]

    assert wrong_in(NAMES, long) == {}


def test_no_sentence_has_lost_its_beginning() -> None:
    """As one has whose first line went with the lines before it."""
    begins_amid = re.compile(r"[.?!]\n *([a-z]+)\b")

    assert wrong_in(NAMES, lambda page: begins_amid.findall(prose(page))) == {}


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
