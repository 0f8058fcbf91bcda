"""Check what an overlay makes against the definitions that a cluster has of its operators' kinds.

::

    kubectl get crd -o yaml > crds.yaml
    kubectl kustomize deploy/k8s/overlays/production > manifests.yaml
    python -m deploy.check_crds manifests.yaml crds.yaml

A field that a definition does not know is a fault here, where an API server would drop it with a warning.
A kind of an operator (its group has a dot and is not Kubernetes' own) without a definition is one, too.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

Resource = dict[str, Any]
Kinds = dict[tuple[str, str], Resource]
"""``(apiVersion, kind)`` -> a closed JSON schema."""


def closed(schema: Any) -> Any:
    """The schema with every object that names its fields closed to others.

    Kubernetes' own extensions are honoured: an object that keeps unknown fields stays open, and an
    integer that may be a string is either. Branches of ``oneOf`` and the like stay as they are: they
    repeat some of the fields that stand beside them.
    """
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    for part in ("items", "additionalProperties"):
        if part in made:
            made[part] = closed(made[part])
    if "properties" in made:
        made["properties"] = {name: closed(field) for name, field in made["properties"].items()}
        if not made.get("x-kubernetes-preserve-unknown-fields"):
            made.setdefault("additionalProperties", False)
    if made.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    return made


def kinds(definitions: Iterable[Resource]) -> Kinds:
    """Closed schemas of all served versions of CustomResourceDefinitions."""
    found: Kinds = {}
    for definition in definitions:
        for one in definition.get("items", [definition]):  # `kubectl get crd` prints a list
            spec = one["spec"]
            for version in spec["versions"]:
                if version.get("served"):
                    schema = closed(version["schema"]["openAPIV3Schema"])
                    schema["properties"]["metadata"] = {"type": "object"}
                    found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def custom(resource: Resource) -> bool:
    """Whether a resource is of an operator's kind rather than of Kubernetes itself."""
    group = resource["apiVersion"].rpartition("/")[0]
    return "." in group and not group.endswith("k8s.io")


def faults(resources: Iterable[Resource], known: Kinds) -> Iterator[str]:
    """A line for each fault of each operator's resource."""
    for resource in filter(custom, resources):
        name = f"{resource['kind']}/{resource['metadata']['name']}"
        schema = known.get((resource["apiVersion"], resource["kind"]))
        if schema is None:
            yield f"{name}: {resource['apiVersion']} has no definition"
            continue
        for error in jsonschema.Draft7Validator(schema).iter_errors(resource):
            yield f"{name}: {error.json_path}: {error.message[:200]}"


def main() -> int:
    """The command; status 1 with faults."""
    manifests, *definitions = [
        [document for document in yaml.safe_load_all(Path(path).read_text()) if document]
        for path in sys.argv[1:]
    ]
    found = list(faults(manifests, kinds(d for file in definitions for d in file)))
    sys.stdout.write("".join(f"{line}\n" for line in found) or "no faults\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
