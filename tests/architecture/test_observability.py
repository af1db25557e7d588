"""Rules, dashboard and runbook fit each other; `make rules` has Prometheus' own word on them."""

import re

import pytest
import yaml

from profile_contracts.operations import OPERATIONS
from service.infrastructure.rabbitmq.topology import CASCADE_QUEUE, UNROUTABLE, topology
from tests.observability import (
    RUNBOOK,
    SCRAPES,
    alerts,
    expressions,
    metrics_in,
    metrics_in_documents,
    panels,
    rules,
)

# To check a password is to hash it. What does so for some requests only is held to the usual time.
HASHING = {
    "auth.login",
    "auth.change_password",
    "auth.reset_password",
    "auth.totp_enroll",
    "profile.create",
}
# Of RabbitMQ's detailed metrics; it documents them, and the families in prometheus.yml have them.
RABBITMQ = {"rabbitmq_detailed_queue_messages", "rabbitmq_detailed_queue_consumers"}


def runbook() -> dict[str, str]:
    """Return the sections of the runbook by their headings."""
    parts = re.split(r"^## (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_alert_has_a_section_of_the_runbook_and_the_other_way_round() -> None:
    sections = {heading for heading in runbook() if heading.startswith("Profile")}

    assert sections == set(alerts())


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_what_it_means_what_to_look_at_and_what_to_do(name: str) -> None:
    alert, section = alerts()[name], runbook()[name]

    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["summary"].endswith(".")
    assert alert["annotations"]["runbook"] == f"docs/howto/alerts.md#{name.lower()}"
    assert [word for word in ("**Means**", "**Look", "**Do**") if word not in section] == []


def test_what_is_recorded_is_used_and_what_is_used_is_recorded() -> None:
    recorded = [rule["record"] for rule in rules() if "record" in rule]
    used = {name for each in expressions() for name in metrics_in(each) if ":" in name}

    assert len(recorded) == len(set(recorded))
    assert set(recorded) == used


def test_every_query_names_a_metric_and_its_job() -> None:
    for each in expressions():
        own = [name for name in metrics_in(each) if ":" not in name and name not in RABBITMQ]
        assert metrics_in(each)
        assert each.count('job="profile-service"') >= len(own), each


def test_only_two_metrics_of_others_are_used() -> None:
    others = {name for each in expressions() for name in metrics_in(each) if name.startswith("rabbitmq")}

    assert others == RABBITMQ
    assert metrics_in_documents()


def test_the_job_is_called_as_the_rules_have_it_and_the_broker_is_asked_by_queue() -> None:
    jobs = {each["job_name"]: each for each in yaml.safe_load(SCRAPES.read_text())["scrape_configs"]}

    assert set(jobs) == {"profile-service", "rabbitmq"}
    assert jobs["rabbitmq"]["metrics_path"] == "/metrics/detailed"


def test_panels_do_not_lie_over_each_other() -> None:
    places = [
        (x, y)
        for panel in panels()
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(places) == len(set(places))
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_the_queues_that_have_to_be_consumed_are_those_of_work() -> None:
    """RabbitMQ's own alert fires on dead-letter queues, retry queues and what is parked."""
    [wanted, unwanted] = re.findall(r'queue(?:=~|!=)"([^"]+)"', alerts()["ProfileQueueNotConsumed"]["expr"])
    pattern = wanted.replace(r"\\", "\\")
    matched = {each.name for each in topology().queues if re.fullmatch(pattern, each.name)} - {unwanted}

    assert matched == {*(each.queue for each in OPERATIONS), CASCADE_QUEUE, UNROUTABLE}


def test_those_that_hash_have_more_time() -> None:
    late = [rule["expr"] for rule in rules() if rule.get("record", "").startswith("profile:late:")]
    named = [set(each.split("|")) for expr in late for each in re.findall(r'rpc_method[=!]~"([^"]+)"', expr)]

    assert named == [HASHING] * 2 * len(late)
    assert {each.queue for each in OPERATIONS} >= HASHING
