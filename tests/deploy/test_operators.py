"""The resources of operators: no field that they do not know, and values that hold together."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from deploy.check_crds import Kinds, closed, faults, kinds
from forewarn.platform.settings import DecideSettings, WorkerSettings
from forewarn.reference.metrics_page import worker_metrics
from streams.decisions.decision_metrics import DecisionMetrics
from tests.deploy.manifests import AUTOSCALED, OVERLAYS, named, rendered, workloads

pytestmark = pytest.mark.usefixtures("kustomize")

SCALARS = {"string", "integer", "boolean"}


def _schema(form: Any) -> dict[str, Any]:
    """A JSON schema of one form of operators.yaml."""
    if isinstance(form, str):
        if form == "any":
            return {}
        return {"type": form} if form in SCALARS else {"enum": form.split("|")}
    if isinstance(form, list):
        return {"type": "array", "items": _schema(form[0])}
    if "*" in form:
        return {"type": "object", "additionalProperties": _schema(form["*"])}
    return {
        "type": "object",
        "properties": {name.removesuffix("!"): _schema(part) for name, part in form.items()},
        "required": [name[:-1] for name in form if name.endswith("!")],
        "additionalProperties": False,
    }


def known() -> Kinds:
    forms = yaml.safe_load((Path(__file__).parent / "operators.yaml").read_text())["kinds"]
    word = {"type": "string"}
    return {
        (version, kind): {
            "properties": {
                "apiVersion": word, "kind": word, "metadata": {"type": "object"}, "spec": _schema(form),
            },
            "required": ["spec"],
            "additionalProperties": False,
        }
        for (version, kind), form in ((tuple(name.split()), form) for name, form in forms.items())
    }  # fmt: skip


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_operators_resources_have_no_unknown_field(overlay: str) -> None:
    assert not list(faults(rendered(overlay), known()))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"pollInterval": 15}, "pollInterval"),
        ({"maxReplicaCount": "16"}, "not of type 'integer'"),
        ({"fallback": {"replicas": 2}}, "failureThreshold"),
    ],
)
def test_a_misspelt_field_is_found(change: dict[str, Any], fault: str) -> None:
    scaled = named("production", "ScaledObject", "forewarn-worker")
    [found] = faults([scaled | {"spec": scaled["spec"] | change}], known())
    assert fault in found


def test_definitions_of_a_cluster_are_closed_but_where_they_keep_what_they_do_not_know() -> None:
    """What `kubectl get crd -o yaml` prints becomes schemas that refuse unknown fields."""
    text = {"type": "string"}
    spec = {
        "properties": {
            "size": {"x-kubernetes-int-or-string": True},
            "free": {"properties": {"a": text}, "x-kubernetes-preserve-unknown-fields": True},
            "properties": {"properties": {"a": text}, "oneOf": [{"required": ["a"]}]},
        }
    }
    version = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": {
        "properties": {"apiVersion": text, "kind": text, "metadata": {"type": "object"}, "spec": spec},
    }}}  # fmt: skip
    definition = {"spec": {"group": "e.org", "names": {"kind": "One"}, "versions": [version]}}
    schemas = kinds([{"items": [definition]}])

    def found(**fields: Any) -> list[str]:
        one = {"apiVersion": "e.org/v1", "kind": "One", "metadata": {"name": "x", "labels": {}}}
        return list(faults([one | {"spec": fields}], schemas))

    assert not found(size=1, free={"b": 1}, properties={"a": "x"})
    assert not found(size="1Gi")
    assert found(sise=1)
    assert found(properties={"b": "x"})
    assert closed(True) is True
    [fault] = faults(
        [{"apiVersion": "e.org/v2", "kind": "One", "metadata": {"name": "x"}}], schemas
    )
    assert "no definition" in fault


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_that_operators_make_meet_the_restricted_profile(overlay: str) -> None:
    """The namespaces enforce it; Strimzi's own default is the baseline profile."""
    assert named(overlay, "Namespace")["metadata"]["labels"][
        "pod-security.kubernetes.io/enforce"
    ] == "restricted"  # fmt: skip
    pool, kafka = named(overlay, "KafkaNodePool"), named(overlay, "Kafka")
    operator = kafka["spec"]["entityOperator"]["template"]
    made = [
        pool["spec"]["template"]["kafkaContainer"],
        operator["topicOperatorContainer"],
        operator["userOperatorContainer"],
    ]
    for container in made:
        assert container["securityContext"] == {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }


@pytest.mark.parametrize("overlay", AUTOSCALED)
def test_scaling_ends_at_the_number_of_partitions(overlay: str) -> None:
    """A worker more than there are partitions would idle; fewer could not use them all."""
    config = named(overlay, "ConfigMap", "forewarn-config")
    spec = named(overlay, "ScaledObject", "forewarn-worker")["spec"]
    assert str(spec["maxReplicaCount"]) == config["data"]["FOREWARN_KAFKA_PARTITIONS"]
    assert spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"]
    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"
    down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= 300
    worker = named(overlay, "Deployment", "forewarn-worker")
    assert "replicas" not in worker["spec"], "the autoscaler owns the number of replicas"


@pytest.mark.parametrize("overlay", AUTOSCALED)
def test_lag_counts_what_can_be_read_and_asks_for_no_idle_worker(overlay: str) -> None:
    """KEDA takes the end of a partition without a committed offset for its lag, expired records included;
    it also supposes that a group begins at the newest record, unless offsetResetPolicy says otherwise."""
    triggers = named(overlay, "ScaledObject", "forewarn-worker")["spec"]["triggers"]
    lags = [one["metadata"] for one in triggers if one["type"] == "kafka"]
    assert {one["topic"].rpartition(".")[2] for one in lags} == {"calls", "transfers"}
    for one in lags:
        assert one["offsetResetPolicy"] == "earliest"
        assert one["scaleToZeroOnInvalidOffset"] == "true"
        assert one["limitToPartitionsWithLag"] == "true"
        assert one["allowIdleConsumers"] == "false"


@pytest.mark.parametrize("overlay", AUTOSCALED)
def test_the_autoscaler_asks_in_this_namespace_from_its_own(overlay: str) -> None:
    """It runs elsewhere, where a bare name of a service means nothing or another service."""
    config = named(overlay, "ConfigMap", "forewarn-config")["data"]
    scaled = named(overlay, "ScaledObject", "forewarn-worker")
    namespace = scaled["metadata"]["namespace"]
    service, port = config["FOREWARN_KAFKA_BOOTSTRAP_SERVERS"].split(":")
    by_type: dict[str, list[dict[str, str]]] = {}
    for trigger in scaled["spec"]["triggers"]:
        by_type.setdefault(trigger["type"], []).append(trigger["metadata"])
    for kafka in by_type["kafka"]:
        assert kafka["bootstrapServers"] == f"{service}.{namespace}.svc:{port}"
        assert kafka["consumerGroup"] == WorkerSettings().group
    assert {kafka["topic"] for kafka in by_type["kafka"]} == {"calls", "transfers"}
    [rate] = by_type["prometheus"]
    assert (
        rate["query"] == f'sum(rate(forewarn_worker_events_total{{namespace="{namespace}"}}[2m]))'
    )
    assert "forewarn_worker_events_total" in {metric.name for metric in worker_metrics()}


@pytest.mark.parametrize("overlay", AUTOSCALED)
def test_replicas_for_banks_are_scaled_by_what_they_export(overlay: str) -> None:
    """Kubernetes cannot read Prometheus, so KEDA does; a second autoscaler would fight it."""
    scaled = named(overlay, "ScaledObject", "forewarn-decide")
    namespace = scaled["metadata"]["namespace"]
    target = scaled["spec"]["scaleTargetRef"]["name"]
    deployment = named(overlay, "Deployment", target)
    assert "replicas" not in deployment["spec"], "the autoscaler owns the number of replicas"
    assert not [r for r in rendered(overlay) if r["kind"] == "HorizontalPodAutoscaler"]
    triggers = {trigger["type"]: trigger for trigger in scaled["spec"]["triggers"]}
    waiting = triggers["prometheus"]["metadata"]
    assert waiting["query"] == f'sum(forewarn_decide_in_flight{{namespace="{namespace}"}})'
    exported = {metric.name for metric in DecisionMetrics(CollectorRegistry()).registry.collect()}
    assert "forewarn_decide_in_flight" in exported
    assert int(waiting["threshold"]) < DecideSettings().in_flight
    worker = named(overlay, "ScaledObject", "forewarn-worker")["spec"]["triggers"]
    [rate] = [one["metadata"] for one in worker if one["type"] == "prometheus"]
    assert waiting["serverAddress"] == rate["serverAddress"]
    # A share of the processor is a share of what the container requests.
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["cpu"]
    assert triggers["cpu"]["metricType"] == "Utilization"
    # With a fallback KEDA would set a fixed number while Prometheus is away, whatever the processors do.
    assert "fallback" not in scaled["spec"]
    disruption = named(overlay, "PodDisruptionBudget", target)["spec"]
    assert scaled["spec"]["minReplicaCount"] > disruption["maxUnavailable"]


@pytest.mark.parametrize("overlay", AUTOSCALED)
def test_monitors_find_the_ports_and_carry_the_label_that_prometheus_selects_by(
    overlay: str,
) -> None:
    """A monitor that selects nothing, or a port that no container has, scrapes nothing without an error."""
    pods = dict(workloads(overlay))
    ports = {
        template["metadata"]["labels"]["app.kubernetes.io/name"]: {
            port["name"] for container in template["spec"]["containers"]
            for port in container.get("ports", ())
        }
        for template in pods.values()
    }  # fmt: skip
    pod = named(overlay, "PodMonitor")
    services = [r for r in rendered(overlay) if r["kind"] == "ServiceMonitor"]
    assert len(services) == 2
    [wanted] = pod["spec"]["selector"]["matchLabels"].values()
    for endpoint in pod["spec"]["podMetricsEndpoints"]:
        assert endpoint["port"] in ports[wanted]
        assert endpoint["path"] == "/metrics"
    for service in services:
        [wanted] = service["spec"]["selector"]["matchLabels"].values()
        chosen = named(overlay, "Service", wanted)
        assert chosen["metadata"]["labels"]["app.kubernetes.io/name"] == wanted
        targets = {port["name"]: port["targetPort"] for port in chosen["spec"]["ports"]}
        for endpoint in service["spec"]["endpoints"]:
            assert targets[endpoint["port"]] in ports[wanted]
            assert endpoint["path"] == "/metrics"
    for kind in ("PodMonitor", "ServiceMonitor", "PrometheusRule"):
        for resource in (r for r in rendered(overlay) if r["kind"] == kind):
            assert resource["metadata"]["labels"]["release"] == "kube-prometheus-stack"
