"""What Prometheus and Grafana are told to look at: rules, alerts, panels, and the metrics that they name."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from tests.documents import ROOT

RULES: Final = ROOT / "deploy/prometheus/rules.yml"
SCRAPES: Final = ROOT / "deploy/prometheus/prometheus.yml"
DASHBOARD: Final = ROOT / "deploy/grafana/dashboards/profile-service.json"
RUNBOOK: Final = ROOT / "docs/howto/alerts.md"
OPERATE: Final = ROOT / "docs/howto/operate.md"

# A name, and not a label or a function: of ours, of calls, of the process, of RabbitMQ, of Prometheus itself.
_METRIC: Final = re.compile(
    r"(?<![\w:.])(?:(?:profile|rpc_server|process|rabbitmq)_\w+|profile:[\w:]+|up)(?=[\s{\[)]|$)"
)
_IN_TEXT: Final = re.compile(r"`((?:profile|rpc_server|process)_\w+)(?:\{[^`]*\})?`")


def rules() -> list[dict[str, Any]]:
    """Return every rule: those that record, and alerts."""
    groups = yaml.load(RULES.read_text(), Loader=yaml.CSafeLoader)["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """Return the alerts by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def panels() -> list[dict[str, Any]]:
    """Return the panels of the dashboard."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def expressions() -> Iterator[str]:
    """Return every query in rules and dashboard."""
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


def metrics_in(expression: str) -> set[str]:
    """Return the metrics that *expression* names, whatever is said of their labels."""
    return set(_METRIC.findall(re.sub(r"\"[^\"]*\"|\bby \([^)]*\)|\bon \([^)]*\)", "", expression)))


def metrics_in_documents() -> set[str]:
    """Return the metrics that the pages for operators name."""
    return {name for page in (RUNBOOK, OPERATE) for name in _IN_TEXT.findall(page.read_text())}
