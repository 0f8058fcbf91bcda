"""The manifests say what the code does: settings, ports, probes, topics, limits; both ways."""

import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import utils as kubernetes

from alerting.routing.load import parse_routing
from forewarn import settings
from forewarn.settings import KafkaSettings, WorkerSettings
from forewarn.topics import topic_specs
from streams.health import PROBES

ROOT = Path(__file__).parents[2]
OVERLAYS = ("local", "staging", "production")
KUBERNETES = "1.33"
OURS = ("forewarn-worker", "forewarn-alerting", "forewarn-train")

Resource = dict[str, Any]


@cache
def rendered(overlay: str) -> tuple[Resource, ...]:
    """Every resource of an overlay, as kustomize makes it."""
    path = ROOT / "deploy/k8s/overlays" / overlay
    tool = ["kubectl", "kustomize"] if shutil.which("kubectl") else ["kustomize", "build"]
    command = [*tool, str(path)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return tuple(r for r in yaml.safe_load_all(made.stdout) if r)


@pytest.fixture(autouse=True)
def _kubectl(require: Callable[[bool, str], None]) -> None:
    found = shutil.which("kubectl") or shutil.which("kustomize")
    require(found is not None, "neither kubectl nor kustomize is on the PATH")


def pod_specs(overlay: str) -> Iterator[tuple[str, Resource]]:
    """Name and pod spec of every workload."""
    for resource in rendered(overlay):
        name = f"{resource['kind']}/{resource['metadata']['name']}"
        if resource["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield name, resource["spec"]["template"]["spec"]
        elif resource["kind"] == "CronJob":
            yield name, resource["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def containers(overlay: str) -> Iterator[tuple[str, Resource]]:
    for name, pod in pod_specs(overlay):
        for container in pod["containers"]:
            yield name, container


def known_variables() -> dict[str, Any]:
    """Every environment variable that a settings section reads."""
    sections = [getattr(settings, name) for name in settings.__all__ if name.endswith("Settings")]
    return {
        f"{section.model_config['env_prefix']}{field}".upper(): info
        for section in sections
        for field, info in section.model_fields.items()
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_core_resources_fit_the_schemas_of_kubernetes(overlay: str) -> None:
    """No unknown field, no wrong type, in any resource that Kubernetes itself defines."""
    checked = 0
    for resource in rendered(overlay):
        group = resource["apiVersion"].split("/")[0]
        if "." in group and not group.endswith("k8s.io"):
            continue  # an operator's own kind; its shape is tested below
        kubernetes.validate(resource, KUBERNETES, strict=True)
        checked += 1
    assert checked > 20


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_meet_the_restricted_profile(overlay: str) -> None:
    """Not root, nothing to gain, a root file system that nobody writes, no token, bounded memory."""
    for name, pod in pod_specs(overlay):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["capabilities"]["drop"] == ["ALL"], name
            assert "memory" in container["resources"]["limits"], name
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_variable_exists_in_the_settings(overlay: str) -> None:
    """A misspelt variable would be ignored in silence."""
    known = known_variables()
    named = {
        variable["name"]
        for _, container in containers(overlay)
        for variable in container.get("env", ())
    }
    for resource in rendered(overlay):
        if resource["kind"] == "ConfigMap":
            named |= {key for key in resource.get("data", {}) if key.isupper()}
    ours = {name for name in named if name.startswith("FOREWARN_")}
    assert ours - {settings.base.SECRETS_DIR_VARIABLE} <= known.keys()
    assert len(ours) > 10


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_values_of_the_settings_are_valid(overlay: str) -> None:
    """What the config map says is read by the sections without complaint."""
    [config] = [r for r in rendered(overlay) if r["metadata"]["name"] == "forewarn-config"]
    kafka = {
        key.removeprefix("FOREWARN_KAFKA_").lower(): value
        for key, value in config["data"].items()
        if key.startswith("FOREWARN_KAFKA_")
    }
    read = KafkaSettings(**kafka)
    assert read.security_protocol == "SASL_SSL"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_and_ports_are_those_of_the_code(overlay: str) -> None:
    """Each probe asks a path that is served, on a port that the container names."""
    for name, container in containers(overlay):
        if container["image"].split(":")[0] not in OURS or "ports" not in container:
            continue
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        variables = {v["name"]: v.get("value") for v in container["env"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            request = container[probe]["httpGet"]
            assert request["port"] in ports, name
        if "worker" in name:
            assert variables["FOREWARN_WORKER_HEALTH_PORT"] == str(ports["health"])
            asked = {container[f"{p}Probe"]["httpGet"]["path"].strip("/")
                     for p in ("startup", "readiness", "liveness")}  # fmt: skip
            assert asked == set(PROBES)
        else:
            assert variables["FOREWARN_ALERTING_PORT"] == str(ports["http"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_grace_period_is_beyond_the_drain(overlay: str) -> None:
    """A drain that the kubelet cuts short would be a crash; harmless, but a needless replay."""
    [pod] = [pod for name, pod in pod_specs(overlay) if name == "Deployment/forewarn-worker"]
    [container] = pod["containers"]
    variables = {v["name"]: v.get("value") for v in container["env"]}
    drain_seconds = float(variables["FOREWARN_WORKER_DRAIN_SECONDS"])
    pause_seconds = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= drain_seconds + pause_seconds + 5
    assert WorkerSettings().drain_seconds <= drain_seconds


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_topics_are_those_of_the_code(overlay: str) -> None:
    """The operator makes exactly the topics that the code expects, with the same settings."""
    [config] = [r for r in rendered(overlay) if r["metadata"]["name"] == "forewarn-config"]
    data = config["data"]
    specs = topic_specs(
        KafkaSettings(
            partitions=int(data["FOREWARN_KAFKA_PARTITIONS"]),
            replication_factor=int(data["FOREWARN_KAFKA_REPLICATION_FACTOR"]),
        )
    )
    made = {
        r["spec"]["topicName"]: r["spec"] for r in rendered(overlay) if r["kind"] == "KafkaTopic"
    }
    assert made.keys() == {spec.name for spec in specs.values()}
    for spec in specs.values():
        topic = made[spec.name]
        assert topic["partitions"] == spec.partitions, spec.name
        assert topic["replicas"] == spec.replication_factor, spec.name
        assert topic["config"] == spec.config, spec.name


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_scaling_ends_at_the_number_of_partitions(overlay: str) -> None:
    """A worker more than there are partitions would idle; fewer could not use them all."""
    [config] = [r for r in rendered(overlay) if r["metadata"]["name"] == "forewarn-config"]
    [scaled] = [r for r in rendered(overlay) if r["kind"] == "ScaledObject"]
    assert str(scaled["spec"]["maxReplicaCount"]) == config["data"]["FOREWARN_KAFKA_PARTITIONS"]
    assert {t["metadata"]["consumerGroup"] for t in scaled["spec"]["triggers"]} == {
        WorkerSettings().group
    }
    down = scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= 300
    [worker] = [
        r for r in rendered(overlay)
        if r["kind"] == "Deployment" and r["metadata"]["name"] == "forewarn-worker"
    ]  # fmt: skip
    assert "replicas" not in worker["spec"], "the autoscaler owns the number of replicas"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_may_talk_unless_a_policy_says_so(overlay: str) -> None:
    """Default deny, and every workload has a policy of its own."""
    policies = [r for r in rendered(overlay) if r["kind"] == "NetworkPolicy"]
    [deny] = [p for p in policies if p["metadata"]["name"] == "forewarn-default-deny"]
    assert deny["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in deny["spec"]
    assert "egress" not in deny["spec"]
    covered = {
        p["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/name") for p in policies
    }
    for resource in rendered(overlay):
        template = resource.get("spec", {}).get("template")
        if resource["kind"] in ("Deployment", "StatefulSet", "Job") and template:
            labels = template["metadata"]["labels"]
            assert labels["app.kubernetes.io/part-of"] == "forewarn"
            assert labels["app.kubernetes.io/name"] in covered


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_routing_file_is_valid(overlay: str) -> None:
    """The file that is mounted is one that the alerting service takes."""
    [routing] = [
        r for r in rendered(overlay)
        if r["kind"] == "ConfigMap" and r["metadata"]["name"].startswith("forewarn-routing")
    ]  # fmt: skip
    text = routing["data"]["routing.toml"]
    assert tomllib.loads(text)["version"] == 1
    assert parse_routing(text).route.receiver == "duty"
