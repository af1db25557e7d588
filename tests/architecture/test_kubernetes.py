"""What is deployed on Kubernetes is what the code says: the same queues, users, settings and times."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from profile_contracts.operations import OPERATIONS
from service.graceful_shutdown import STOP_SECONDS
from service.infrastructure.rabbitmq.definitions import PERMISSIONS, definitions
from service.infrastructure.rabbitmq.topology import MAX_MESSAGE_BYTES, topology
from service.settings import Settings
from tools import kubernetes

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "kubernetes"
WHOLE: Final = topology("quorum")
NAME: Final = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
# Set up by the manifest itself, from a secret.
PARTS_OF_ADDRESSES: Final = {"RABBITMQ_USER", "RABBITMQ_PASSWORD"}


def manifests() -> list[dict[str, Any]]:
    """Return every resource that kustomize would apply."""
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert {each.name for each in FOLDER.glob("*.yaml")} == {
        *kustomization["resources"],
        "kustomization.yaml",
    }
    return [
        document
        for name in kustomization["resources"]
        for document in yaml.safe_load_all((FOLDER / name).read_text())
    ]


@pytest.fixture(scope="module", name="all_of_them")
def _all_of_them() -> list[dict[str, Any]]:
    return manifests()


def specs(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return what resources of *kind* ask for."""
    return [each["spec"] for each in found if each["kind"] == kind]


def names_of(found: list[dict[str, Any]]) -> list[str]:
    """Return what resources are called."""
    return [each["metadata"]["name"] for each in found]


def worker(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the pods of workers are."""
    (pod,) = [
        each["spec"]["template"]["spec"]
        for each in found
        if (each["kind"], each["metadata"]["name"]) == ("Deployment", "profile-service")
    ]
    return dict(pod)


def test_the_file_for_the_operator_is_what_the_code_says() -> None:
    """Write it anew with `make definitions`."""
    assert kubernetes.FILE.read_text() == kubernetes.rendered()
    assert kubernetes.HISTORY_FILE.read_text() == kubernetes.rendered_history()


def test_the_component_adds_what_an_event_history_needs_and_the_setting() -> None:
    wanted = definitions(topology("quorum", event_history=True))
    more = {
        kind: [each for each in wanted[kind] if each not in definitions(WHOLE)[kind]]
        for kind in ("queues", "bindings", "policies")
    }
    folder = kubernetes.HISTORY_FILE.parent
    component = yaml.safe_load((folder / "kustomization.yaml").read_text())
    found = list(yaml.safe_load_all(kubernetes.HISTORY_FILE.read_text()))
    (queue,), (policy,) = specs(found, "Queue"), specs(found, "Policy")
    (patch,) = component["patches"]
    ((change,),) = (yaml.safe_load(patch["patch"]),)

    assert component["resources"] == [kubernetes.HISTORY_FILE.name]
    assert {"x-queue-type": queue["type"], **queue["arguments"]} == more["queues"][0]["arguments"]
    assert (queue["name"], policy["definition"]) == (
        more["queues"][0]["name"],
        more["policies"][0]["definition"],
    )
    assert [each["routingKey"] for each in specs(found, "Binding")] == [
        each["routing_key"] for each in more["bindings"]
    ]
    assert [each for each in names_of(found) if not re.fullmatch(NAME, each)] == []
    assert patch["target"] == {"kind": "Deployment", "name": "profile-service"}
    assert change["value"] == {"name": "EVENT_HISTORY", "value": "true"}
    assert "event_history" in Settings.model_fields


def test_kubernetes_has_the_objects_that_rabbitmq_imports_elsewhere(
    all_of_them: list[dict[str, Any]],
) -> None:
    wanted = definitions(WHOLE)

    assert {each["name"]: each["type"] for each in specs(all_of_them, "Queue")} == {
        each["name"]: each["arguments"]["x-queue-type"] for each in wanted["queues"]
    }
    assert {(each["name"], each["type"]) for each in specs(all_of_them, "Exchange")} == {
        (each["name"], each["type"]) for each in wanted["exchanges"]
    }
    assert {(e["source"], e["destination"], e["routingKey"]) for e in specs(all_of_them, "Binding")} == {
        (each["source"], each["destination"], each["routing_key"]) for each in wanted["bindings"]
    }
    assert {each["name"]: (each["pattern"], each["definition"]) for each in specs(all_of_them, "Policy")} == {
        each["name"]: (each["pattern"], each["definition"]) for each in wanted["policies"]
    }
    assert {each["userReference"]["name"] for each in specs(all_of_them, "Permission")} == set(PERMISSIONS)


def test_every_resource_has_a_name_that_kubernetes_takes_and_no_other_has(
    all_of_them: list[dict[str, Any]],
) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in all_of_them]

    assert len(names) == len(set(names))
    assert [each for each in names_of(all_of_them) if not re.fullmatch(NAME, each)] == []


def test_a_worker_gets_settings_that_exist_and_has_time_to_end(all_of_them: list[dict[str, Any]]) -> None:
    pod = worker(all_of_them)
    (container,) = pod["containers"]
    known = {name.upper() for name in Settings.model_fields}
    given = {each["name"]: each.get("value") for each in container["env"]}

    assert set(given) - PARTS_OF_ADDRESSES <= known
    assert pod["terminationGracePeriodSeconds"] > STOP_SECONDS + 5
    assert given["QUERY_QUEUE_TYPE"] == "quorum"
    # Whoever starts waits for servers for as long, and is not killed meanwhile.
    startup = container["startupProbe"]
    assert (
        startup["periodSeconds"] * startup["failureThreshold"]
        > Settings.model_fields["startup_seconds"].default
    )
    assert {container[each]["httpGet"]["path"] for each in ("livenessProbe", "readinessProbe")} == {
        "/livez",
        "/readyz",
    }


def test_workers_may_do_little_take_little_and_are_not_all_gone_at_once(
    all_of_them: list[dict[str, Any]],
) -> None:
    pod = worker(all_of_them)
    (container,) = pod["containers"]
    budgets = specs(all_of_them, "PodDisruptionBudget")
    labels = {"matchLabels": {"app.kubernetes.io/name": "profile-service"}}
    spread = {each["topologyKey"]: each["labelSelector"] for each in pod["topologySpreadConstraints"]}

    # What the Pod Security Standards call restricted.
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not pod["automountServiceAccountToken"]
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    assert spread == {"topology.kubernetes.io/zone": labels, "kubernetes.io/hostname": labels}
    assert {"maxUnavailable": 1, "selector": labels} in budgets


def test_workers_know_every_node_of_the_cluster(all_of_them: list[dict[str, Any]]) -> None:
    (cluster,) = specs(all_of_them, "RabbitmqCluster")
    (container,) = worker(all_of_them)["containers"]
    (url,) = [each["value"] for each in container["env"] if each["name"] == "RABBITMQ_URL"]

    nodes = [f"rabbitmq-server-{number}.rabbitmq-nodes" for number in range(cluster["replicas"])]
    assert url.rpartition("@")[2] == f"{','.join(nodes)}/"
    assert f"max_message_size = {MAX_MESSAGE_BYTES}\n" in cluster["rabbitmq"]["additionalConfig"]


def test_a_queue_that_was_declared_before_all_nodes_were_there_gets_its_replicas(
    all_of_them: list[dict[str, Any]],
) -> None:
    (cluster,) = specs(all_of_them, "RabbitmqCluster")
    lines = cluster["rabbitmq"]["additionalConfig"].splitlines()
    prefix = "quorum_queue.continuous_membership_reconciliation"

    assert {f"{prefix}.enabled = true", f"{prefix}.target_group_size = {cluster['replicas']}"} <= set(lines)


def test_redis_which_has_no_password_lets_workers_alone_in(all_of_them: list[dict[str, Any]]) -> None:
    pods = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in all_of_them
        if each["kind"] == "Deployment"
    }
    (policy,) = specs(all_of_them, "NetworkPolicy")
    (rule,) = policy["ingress"]

    assert policy["podSelector"] == {"matchLabels": pods["redis"]}
    assert rule["from"] == [{"podSelector": {"matchLabels": pods["profile-service"]}}]


def test_the_scaler_which_is_elsewhere_is_told_where_the_broker_is() -> None:
    addresses = [
        address
        for file in (FOLDER / "scaling.yaml", FOLDER.parents[1] / "docs" / "howto" / "cluster.md")
        for address in re.findall(r"http://user:password@(\S+?):15672", file.read_text())
    ]

    assert addresses == ["rabbitmq.<namespace>.svc"] * 2


def test_how_many_workers_there_are_is_for_the_scaler_alone_to_say(all_of_them: list[dict[str, Any]]) -> None:
    (deployment,) = [
        each["spec"]
        for each in all_of_them
        if (each["kind"], each["metadata"]["name"]) == ("Deployment", "profile-service")
    ]
    (scaler,) = specs(all_of_them, "ScaledObject")

    assert "replicas" not in deployment
    assert (scaler["scaleTargetRef"]["name"], scaler["minReplicaCount"]) == ("profile-service", 3)


def test_the_scaler_looks_at_the_queues_of_operations_and_at_no_others(
    all_of_them: list[dict[str, Any]],
) -> None:
    (scaler,) = specs(all_of_them, "ScaledObject")
    triggers = [each["metadata"] for each in scaler["triggers"]]

    for pattern in [each["queueName"] for each in triggers]:
        found = {queue.name for queue in WHOLE.queues if re.fullmatch(pattern, queue.name)}
        assert found == {each.queue for each in OPERATIONS}
    assert {each["mode"] for each in triggers} == {"QueueLength", "ExpectedQueueConsumptionTime"}
