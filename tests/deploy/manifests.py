"""The overlays as kustomize makes them, for tests to look at."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from forewarn.platform import settings

ROOT = Path(__file__).parents[2]
OVERLAYS = ("local", "staging", "production", "external")
AUTOSCALED = ("staging", "production", "external")
OURS = ("forewarn-worker", "forewarn-alerting", "forewarn-train", "forewarn-toolbox")

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


def named(overlay: str, kind: str, name: str = "") -> Resource:
    """The one resource of a kind, or of a name that may end in kustomize's hash."""
    [found] = [
        r
        for r in rendered(overlay)
        if r["kind"] == kind
        and (not name or r["metadata"]["name"] == name
             or (kind == "ConfigMap" and r["metadata"]["name"].rpartition("-")[0] == name))
    ]  # fmt: skip
    return found


def workloads(overlay: str) -> Iterator[tuple[str, Resource]]:
    """``Kind/name`` and pod template of every workload."""
    for resource in rendered(overlay):
        name = f"{resource['kind']}/{resource['metadata']['name']}"
        if resource["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield name, resource["spec"]["template"]
        elif resource["kind"] == "CronJob":
            yield name, resource["spec"]["jobTemplate"]["spec"]["template"]


def pod_specs(overlay: str) -> Iterator[tuple[str, Resource]]:
    """Name and pod spec of every workload."""
    for name, template in workloads(overlay):
        yield name, template["spec"]


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
