"""Writes what Kubernetes mounts from its sources: ``python -m deploy.monitoring.render``.

The PrometheusRule comes from ``rules/*.yaml``, the dashboards' JSON from ``dashboards/*.py``, the policy
from the one that is built in: kustomize reads no file outside its own folders. All are committed, so that ``kubectl apply -k`` needs no Python; a test says that they are current.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.monitoring.dashboards import detection, losses, operations
from models.policy import DEFAULT_POLICY

HERE = Path(__file__).parent
BASE = HERE.parent / "k8s" / "base"
COMPONENTS = HERE.parent / "k8s" / "components"
DASHBOARDS = {"operations": operations, "detection": detection, "losses": losses}


def rule_files() -> list[Path]:
    """The rules as Prometheus itself reads them."""
    return sorted((HERE / "rules").glob("*.yaml"))


def rendered() -> Iterator[tuple[Path, str]]:
    """Every generated file with its text."""
    groups = [g for path in rule_files() for g in yaml.safe_load(path.read_text())["groups"]]
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "forewarn"},
        "spec": {"groups": groups},
    }
    head = "# Written by `python -m deploy.monitoring.render` from deploy/monitoring/rules.\n"
    text = yaml.safe_dump(resource, sort_keys=False, width=110)
    yield COMPONENTS / "monitoring" / "prometheusrule.yaml", head + text
    for name, module in DASHBOARDS.items():
        page = JSONEncoder(sort_keys=True, indent=2).encode(module.build().build())
        yield COMPONENTS / "dashboards" / f"{name}.json", page + "\n"
    yield BASE / "worker" / "policy.toml", DEFAULT_POLICY.read_text(encoding="utf-8")


if __name__ == "__main__":
    for path, text in rendered():
        path.write_text(text, encoding="utf-8")
