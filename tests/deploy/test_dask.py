"""Both forms of the Dask cluster: fields that exist, pods of the restricted profile, ports that a policy opens."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml
from kubernetes_validate import utils as kubernetes

from deploy.check_crds import custom, faults
from forewarn.cli import retrain_command
from tests.deploy.manifests import ROOT
from tests.deploy.test_manifests import KUBERNETES
from tests.deploy.test_operators import known

pytestmark = pytest.mark.usefixtures("kustomize")
FORMS = ("dask", "dask-operator")
Resource = dict[str, Any]


@cache
def _rendered(directory: Path, form: str, *more: str) -> tuple[Resource, ...]:
    """The base with one form of the cluster, and further components."""
    overlay = directory / "-".join((form, *more))
    overlay.mkdir()
    there = os.path.relpath(ROOT / "deploy/k8s", overlay)
    document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "forewarn",
        "resources": [f"{there}/base"],
        "components": [f"{there}/components/{one}" for one in (form, *more)],
    }
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(document))
    tool = ["kubectl", "kustomize"] if shutil.which("kubectl") else ["kustomize", "build"]
    made = subprocess.run([*tool, str(overlay)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return tuple(r for r in yaml.safe_load_all(made.stdout) if r)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("overlays").resolve()


@pytest.fixture(params=FORMS)
def resources(request: pytest.FixtureRequest, directory: Path) -> tuple[Resource, ...]:
    return _rendered(directory, request.param)


def _pods(resources: tuple[Resource, ...]) -> dict[str, tuple[dict[str, str], Resource]]:
    """Labels and specification of the pods of scheduler and worker."""
    found = {}
    for one in resources:
        name = one["metadata"]["name"]
        if one["kind"] == "DaskCluster":
            for role in ("scheduler", "worker"):
                part = one["spec"][role]
                found[role] = part["metadata"]["labels"], part["spec"]
        elif one["kind"] == "Deployment" and name.startswith("forewarn-dask-"):
            template = one["spec"]["template"]
            role = name.removeprefix("forewarn-dask-")
            found[role] = template["metadata"]["labels"], template["spec"]
    assert found.keys() == {"scheduler", "worker"}
    return found


def test_every_field_is_known(resources: tuple[Resource, ...]) -> None:
    for resource in resources:
        if not custom(resource):
            kubernetes.validate(resource, KUBERNETES, strict=True)
    clusters = [r for r in resources if r["kind"] == "DaskCluster"]
    assert not list(faults(clusters, known()))
    for _, pod in _pods(resources).values():
        kubernetes.validate(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod},
            KUBERNETES,
            strict=True,
        )


def test_pods_meet_the_restricted_profile_and_their_memory_is_bounded(
    resources: tuple[Resource, ...],
) -> None:
    for role, (_, pod) in _pods(resources).items():
        assert pod["automountServiceAccountToken"] is False, role
        assert pod["securityContext"]["runAsNonRoot"] is True, role
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", role
        [container] = pod["containers"]
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, role
        assert context["readOnlyRootFilesystem"] is True, role
        assert context["capabilities"]["drop"] == ["ALL"], role
        assert "memory" in container["resources"]["limits"], role
        assert all("sizeLimit" in v["emptyDir"] for v in pod["volumes"] if "emptyDir" in v), role


def test_a_worker_keeps_below_the_limit_of_its_pod_and_bounds_what_it_spills(
    resources: tuple[Resource, ...],
) -> None:
    [container] = _pods(resources)["worker"][1]["containers"]
    command = container["command"]
    given = int(command[command.index("--memory-limit") + 1].removesuffix("GiB"))
    assert given < int(container["resources"]["limits"]["memory"].removesuffix("Gi"))
    assert "DASK_DISTRIBUTED__WORKER__MEMORY__MAX_SPILL" in {v["name"] for v in container["env"]}


def test_the_policies_open_the_ports_that_the_processes_use_and_no_other(
    resources: tuple[Resource, ...],
) -> None:
    policies = {r["metadata"]["name"]: r["spec"] for r in resources if r["kind"] == "NetworkPolicy"}
    pods = _pods(resources)
    for role, (labels, pod) in pods.items():
        selector = policies[f"forewarn-dask-{role}"]["podSelector"]["matchLabels"]
        assert selector.items() <= labels.items()
        command = pod["containers"][0]["command"]
        used = {int(command[at + 1]) for at, word in enumerate(command) if word.endswith("port")}
        [rule] = policies[f"forewarn-dask-{role}"]["ingress"]
        assert {port["port"] for port in rule["ports"]} == used
    peers = [
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for peer in policies["forewarn-dask-scheduler"]["ingress"][0]["from"]
    ]
    assert set(peers) == {"forewarn-toolbox", "forewarn-dask"}


def test_workers_and_client_share_the_folder_of_histories(
    resources: tuple[Resource, ...],
) -> None:
    [toolbox] = [
        r["spec"]["template"]["spec"]
        for r in resources
        if r["kind"] == "Deployment" and r["metadata"]["name"] == "forewarn-toolbox"
    ]
    worker = _pods(resources)["worker"][1]
    places = [
        {m["name"]: m["mountPath"] for m in pod["containers"][0]["volumeMounts"]}["history"]
        for pod in (toolbox, worker)
    ]
    claims = [
        volume["persistentVolumeClaim"]["claimName"]
        for pod in (toolbox, worker)
        for volume in pod["volumes"]
        if volume["name"] == "history"
    ]
    assert places[0] == places[1]
    assert claims == ["forewarn-history", "forewarn-history"]


@pytest.fixture(params=FORMS)
def retraining(request: pytest.FixtureRequest, directory: Path) -> tuple[Resource, ...]:
    """The base with one form of the cluster, on which the nightly job runs."""
    return _rendered(directory, request.param, "dask-retrain")


def _job(resources: tuple[Resource, ...]) -> Resource:
    [job] = [
        r
        for r in resources
        if r["kind"] == "CronJob" and r["metadata"]["name"] == "forewarn-retrain"
    ]
    for resource in resources:
        if not custom(resource):
            kubernetes.validate(resource, KUBERNETES, strict=True)
    template: Resource = job["spec"]["jobTemplate"]["spec"]["template"]
    return template


def test_the_retraining_computes_on_the_cluster_in_a_folder_that_its_workers_see(
    retraining: tuple[Resource, ...],
) -> None:
    pod = _job(retraining)["spec"]
    [container] = pod["containers"]
    arguments = container["args"]
    options = {str(name) for one in run_options(retrain_command.app) for name in one.opts}
    assert arguments[0] == "retrain"
    assert {one for one in arguments if one.startswith("--")} <= options
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    assert arguments[arguments.index("--work") + 1] == mounts["history"]
    worker = _pods(retraining)["worker"][1]
    seen = {m["name"]: m["mountPath"] for m in worker["containers"][0]["volumeMounts"]}
    assert mounts["history"] == seen["history"]
    assert {"tmp", "secrets", "kafka-ca", "models"} < mounts.keys(), "what the job had before"
    assert {"secrets", "history", "tmp"} < {volume["name"] for volume in pod["volumes"]}


def test_workers_stand_ready_for_the_retraining(retraining: tuple[Resource, ...]) -> None:
    for one in retraining:
        if one["kind"] == "DaskCluster":
            assert one["spec"]["worker"]["replicas"] >= 1
        elif one["metadata"]["name"] == "forewarn-dask-worker" and one["kind"] == "Deployment":
            assert one["spec"]["replicas"] >= 1


def test_the_retraining_reaches_the_scheduler_and_no_worker(
    retraining: tuple[Resource, ...],
) -> None:
    labels = _job(retraining)["metadata"]["labels"]
    policies = {
        r["metadata"]["name"]: r["spec"] for r in retraining if r["kind"] == "NetworkPolicy"
    }
    given = policies["forewarn-dask-retrain"]
    assert given["podSelector"]["matchLabels"].items() <= labels.items()
    [rule] = given["egress"]
    [peer] = rule["to"]
    assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "scheduler"
    [entry] = policies["forewarn-dask-scheduler-retrain"]["ingress"]
    assert [port["port"] for port in entry["ports"]] == [port["port"] for port in rule["ports"]]
    [caller] = entry["from"]
    assert caller["podSelector"]["matchLabels"].items() <= labels.items()
    service = next(r for r in retraining if r["metadata"]["name"] == "forewarn-retrain")
    command = service["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert f":{entry['ports'][0]['port']}" in command[command.index("--scheduler") + 1]


def run_options(app: typer.Typer) -> list[click.Parameter]:
    """The options of a command."""
    return typer.main.get_command(app).params
