"""The pages of `docs/reference/` are made from the code."""

from tests.documents import ROOT
from tools.reference.advice import CODES, REASONS
from tools.reference.errors import reasons
from tools.reference.pages import FOLDER, pages
from tools.reference.profilectl import commands


def test_make_docs_would_change_nothing() -> None:
    made = {each.name: each.read_text(encoding="utf-8") for each in FOLDER.iterdir()}

    assert made == pages()


def test_make_docs_makes_them() -> None:
    assert "$(BIN)/python -m tools.reference\n" in (ROOT / "Makefile").read_text()


def test_every_reason_has_its_advice_and_no_other() -> None:
    assert sorted(REASONS) == sorted(reasons())


def test_advice_is_one_line_of_sentences() -> None:
    wrong = [each for each in [*CODES.values(), *REASONS.values()] if not each.endswith(".") or "\n" in each]

    assert wrong == []


def test_the_page_of_profilectl_has_every_command() -> None:
    names = [name for name, _ in commands()]
    page = pages()["profilectl.md"]

    assert "profilectl dlq replay" in names
    assert [name for name in names if f"\n## {name}\n" not in page] == []
