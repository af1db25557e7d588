"""What the documents say of the pipeline is what it is."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.trace import NoOpTracer

from profile_contracts.operations import OPERATIONS
from service.infrastructure.inputports import amqp
from service.infrastructure.inputports.amqp.pipeline import pipeline
from service.infrastructure.inputports.amqp.route import Route, nothing
from service.infrastructure.inputports.amqp.stage import Pipeline
from service.infrastructure.inputports.amqp.stages.trace import Trace
from tests.documents import ROOT
from tests.fakes.app_fixture import AppFixture
from tests.fakes.broker import FakeBroker
from tests.unit.inputports.amqp.messaging_harness import needs_of

PAGE = (ROOT / "docs/architecture.md").read_text()
STAGES = Path(amqp.__path__[0]) / "stages"
TESTS = ROOT / "tests/unit/inputports/amqp/stages"
WALKS = ("`profile.get`", "`profile.update`", "`auth.login`")
# In a walk, each thing that happens begins with a number.
MOST_STEPS = 20


def section(heading: str) -> str:
    """Return what is under *heading*, up to the next one."""
    return re.split(r"^#+ ", PAGE.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]


def whole_pipeline() -> Pipeline:
    """Return the pipeline with all that may be in it."""
    return pipeline(replace(needs_of(AppFixture(), FakeBroker(), {}), trace=Trace(NoOpTracer())))


def in_order(route: Route | None = None) -> list[str]:
    """Return the files of all stages, or of those for *route*, in the order of the pipeline."""
    stages = whole_pipeline()
    entries = (*stages.around, *stages.way_in, *stages.way_out)
    modules = [
        type(stage).__module__.rpartition(".")[2] for is_for, stage in entries if not route or is_for(route)
    ]
    return list(dict.fromkeys(modules))


def test_the_page_has_the_stages_in_their_order() -> None:
    rows = re.findall(r"^\| `(\w+)\.py` \|", section("What happens to a message"), re.MULTILINE)

    assert rows == in_order()


def test_a_stage_is_one_class_in_the_file_of_its_name() -> None:
    stages = whole_pipeline()
    classes = {type(stage) for _, stage in (*stages.around, *stages.way_in, *stages.way_out)}
    snake_case = {each: re.sub(r"(?<!^)(?=[A-Z])", "_", each.__name__).lower() for each in classes}

    assert [each for each in classes if each.__module__.rpartition(".")[2] != snake_case[each]] == []


def test_every_stage_is_in_the_pipeline_and_has_a_test() -> None:
    files = {each.stem for each in STAGES.glob("*.py")} - {"__init__"}

    assert files == set(in_order())
    assert {each.stem.removeprefix("test_") for each in TESTS.glob("test_*.py")} == files


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_is_short_and_names_files_that_are_there(walk: str) -> None:
    text = section(walk)
    files = re.findall(r"`amqp/([\w/]+\.py)`", text)

    assert 5 < len(re.findall(r"^\d+\. ", text, re.MULTILINE)) <= MOST_STEPS
    assert [each for each in files if not (STAGES.parent / each).exists()] == []


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_names_every_stage_that_the_one_before_has_not(walk: str) -> None:
    (operation,) = (each for each in OPERATIONS if each.queue == walk.strip("`"))
    route = Route.of(operation, nothing)
    before = "".join(section(each) for each in WALKS[: WALKS.index(walk)])
    named = re.findall(r"`amqp/stages/(\w+)\.py`", section(walk))
    wanted = in_order(route)

    assert set(wanted) <= {*named, *re.findall(r"`amqp/stages/(\w+)\.py`", before)}
    assert [each for each in wanted if each in named] == list(dict.fromkeys(named))
