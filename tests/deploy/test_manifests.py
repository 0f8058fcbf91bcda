"""The manifests say what the code does: settings, ports, probes, topics, limits; both ways."""

import asyncio
import tomllib
from pathlib import Path
from unittest.mock import Mock

import httpx
import pytest
from kubernetes_validate import utils as kubernetes

from alerting.notify.routing.routing_file import parse_routing
from alerting.web.api.health_routes import ServiceHealth
from alerting.web.application import create_probes
from deploy.check_crds import custom
from forewarn.contracts.topics import topic_specs
from forewarn.platform import settings
from forewarn.platform.settings import AlertingOptions, KafkaSettings, WorkerSettings
from forewarn.platform.settings.toml_document import parse_toml
from models.policy import DEFAULT_POLICY
from streams.worker.health import PROBES
from tests.deploy.manifests import (
    OURS,
    OVERLAYS,
    containers,
    known_variables,
    named,
    pod_specs,
    rendered,
    workloads,
)

KUBERNETES = "1.33"
LOCAL_OPTIONS = Path(__file__).parents[2] / "deploy" / "local" / "alerting.toml"

pytestmark = pytest.mark.usefixtures("kustomize")


def _served(path: str) -> bool:
    """Whether the port of the alerting service that is for probes knows a probe of that path."""
    app = create_probes(ServiceHealth(db=Mock(), tasks=[], started=lambda: True))

    async def ask() -> int:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://pod") as client:
            return (await client.get(path)).status_code

    return asyncio.run(ask()) == 200


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_core_resources_fit_the_schemas_of_kubernetes(overlay: str) -> None:
    """No unknown field, no wrong type, in any resource that Kubernetes itself defines."""
    checked = 0
    for resource in rendered(overlay):
        if custom(resource):
            continue  # an operator's own kind: test_operators.py
        kubernetes.validate(resource, KUBERNETES, strict=True)
        checked += 1
    assert checked > 20


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_meet_the_restricted_profile(overlay: str) -> None:
    """Not root, nothing to gain, a read-only root file system, no token, bounded memory."""
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
    assert ours - {settings.section.SECRETS_DIR_VARIABLE} <= known.keys()
    assert len(ours) > 10


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_values_of_the_settings_are_valid(overlay: str) -> None:
    """What the config map says is read by the sections without complaint."""
    config = named(overlay, "ConfigMap", "forewarn-config")
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
        asked = {container[f"{p}Probe"]["httpGet"]["path"].strip("/")
                 for p in ("startup", "readiness", "liveness")}  # fmt: skip
        if "worker" in name:
            assert variables["FOREWARN_WORKER_HEALTH_PORT"] == str(ports["health"])
            assert asked == set(PROBES)
        elif "decide" in name:
            assert variables["FOREWARN_DECIDE_PORT"] == str(ports["http"])
            assert variables["FOREWARN_DECIDE_PROBE_PORT"] == str(ports["metrics"])
            assert asked == {f"healthz/{name}" for name in ("startup", "ready", "live")}
        else:
            assert variables["FOREWARN_ALERTING_PORT"] == str(ports["http"])
            assert variables["FOREWARN_ALERTING_METRICS_PORT"] == str(ports["metrics"])
            assert asked == {f"healthz/{name}" for name in ("startup", "ready", "live")}
            for path in asked:
                assert _served(f"/{path}"), path


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_console_is_reached_at_the_address_that_pages_name(overlay: str) -> None:
    """Ingress, certificate and the links in pages to responders have one host."""
    spec = named(overlay, "Ingress")["spec"]
    [pod] = [pod for name, pod in pod_specs(overlay) if name == "Deployment/forewarn-alerting"]
    variables = {v["name"]: v.get("value") for v in pod["containers"][0]["env"]}
    hosts = {rule["host"] for rule in spec["rules"]} | set(spec["tls"][0]["hosts"])
    assert {f"https://{host}" for host in hosts} == {variables["FOREWARN_ALERTING_PUBLIC_URL"]}


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
    config = named(overlay, "ConfigMap", "forewarn-config")
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


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_routing_file_is_valid(overlay: str) -> None:
    """The file that is mounted is one that the alerting service takes."""
    routing = named(overlay, "ConfigMap", "forewarn-routing")
    text = routing["data"]["routing.toml"]
    assert tomllib.loads(text)["version"] == 1
    assert parse_routing(text).route.receiver == "duty"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_options_file_is_valid(overlay: str) -> None:
    text = named(overlay, "ConfigMap", "forewarn-alerting-options")["data"]["alerting.toml"]
    parse_toml(text, AlertingOptions, name="alerting.toml")
    parse_toml(LOCAL_OPTIONS.read_text(encoding="utf-8"), AlertingOptions, name="alerting.toml")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_policy_and_routing_are_followed_without_a_restart(overlay: str) -> None:
    """A directory is mounted, whose files kubelet exchanges, of a name that no change alters."""
    policy = named(overlay, "ConfigMap", "forewarn-policy")
    assert policy["data"]["policy.toml"] == DEFAULT_POLICY.read_text(encoding="utf-8")
    for name, config, variable in [
        ("Deployment/forewarn-worker", "forewarn-policy", "FOREWARN_WORKER_POLICY_FILE"),
        ("Deployment/forewarn-alerting", "forewarn-routing", "FOREWARN_ALERTING_ROUTING_FILE"),
        (
            "Deployment/forewarn-alerting",
            "forewarn-alerting-options",
            "FOREWARN_ALERTING_OPTIONS_FILE",
        ),
    ]:
        pod = dict(pod_specs(overlay))[name]
        [container] = pod["containers"]
        [volume] = [v["name"] for v in pod["volumes"] if v.get("configMap") == {"name": config}]
        [mount] = [m for m in container["volumeMounts"] if m["name"] == volume]
        assert "subPath" not in mount
        [file] = named(overlay, "ConfigMap", config)["data"]
        variables = {v["name"]: v["value"] for v in container["env"]}
        assert variables[variable] == f"{mount['mountPath']}/{file}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_redis_is_full_before_its_memory_is(overlay: str) -> None:
    """Half as much again as the data, as the operations guide says."""
    units = {"mb": 2**20, "gb": 2**30, "Mi": 2**20, "Gi": 2**30}
    for name, container in containers(overlay):
        if name == "StatefulSet/forewarn-redis":
            most, limit = container["args"][1], container["resources"]["limits"]["memory"]
            data, memory = (int(text[:-2]) * units[text[-2:]] for text in (most, limit))
            assert container["args"][0] == "--maxmemory"
            assert data * 1.5 <= memory


def test_the_local_overlay_fits_a_laptop() -> None:
    requested = 0
    for name, template in workloads("local"):
        if not name.startswith(("CronJob", "Job")):
            for container in template["spec"]["containers"]:
                memory = container["resources"]["requests"]["memory"]
                requested += int(memory[:-2]) * {"Mi": 1, "Gi": 1024}[memory[-2:]]
    assert requested <= 4096
