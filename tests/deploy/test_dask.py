"""Both forms of the Dask cluster: fields that exist, pods of the restricted profile, ports that a policy opens."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import utils as kubernetes

from deploy.check_crds import custom, faults
from tests.deploy.manifests import ROOT
from tests.deploy.test_manifests import KUBERNETES
from tests.deploy.test_operators import known

pytestmark = pytest.mark.usefixtures("kustomize")
FORMS = ("dask", "dask-operator")
Resource = dict[str, Any]


@cache
def _rendered(directory: Path, form: str) -> tuple[Resource, ...]:
    """The base with one form of the cluster."""
    overlay = directory / form
    overlay.mkdir()
    there = os.path.relpath(ROOT / "deploy/k8s", overlay)
    document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "forewarn",
        "resources": [f"{there}/base"],
        "components": [f"{there}/components/{form}"],
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
