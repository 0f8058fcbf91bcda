"""What the operations pages tell kubectl exists, and what the compose file sets."""

import re
from pathlib import Path

import pytest
import yaml

from forewarn.cli.command_table import COMMANDS
from tests.deploy.manifests import known_variables, rendered

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def _shell(text: str) -> list[str]:
    """Everything on a page that is typed into a shell: lines of blocks, and words in backticks."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return lines + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def test_the_compose_file_sets_what_exists_and_all_that_is_required() -> None:
    services = yaml.safe_load((ROOT / "deploy/local/compose.yaml").read_text())["services"]
    known = known_variables()
    targets = re.findall(
        r"^FROM \S+ AS (\w+)$", (ROOT / "deploy/Containerfile").read_text(), re.MULTILINE
    )
    ours = {name: service for name, service in services.items() if "build" in service}
    assert {"worker", "alerting", "topics"} <= ours.keys()
    for name, service in ours.items():
        assert set(service["environment"]) - {"FOREWARN_SECRETS_DIR"} <= known.keys(), name
        assert service["build"]["target"] in targets
        assert (ROOT / "deploy/local" / service["build"]["context"]).resolve() == ROOT
        assert service["read_only"] is True
        required = {key for key, field in known.items() if field.is_required()}
        assert required == {"FOREWARN_PRIVACY_PSEUDONYM_KEY"}
        assert service["secrets"] == [key.lower() for key in required], name


RUNBOOKS = sorted((DOCS / "runbooks").glob("*.md"))


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_runbooks_say_where_a_command_is_typed(page: Path) -> None:
    """The program, its secrets and the network are at hand only in the cluster."""
    bare = [line for line in _shell(page.read_text()) if re.match(r"forewarn [a-z-]+( |$)", line)]
    assert not bare


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_a_runbook_that_uses_the_toolbox_says_how_to_start_and_stop_it(page: Path) -> None:
    """It has no replica while it is not in use: without a start, every command of the page fails."""
    lines = _shell(page.read_text(encoding="utf-8"))
    uses = [n for n, line in enumerate(lines) if re.match(r"kubectl exec .*forewarn-toolbox", line)]
    scale = "kubectl scale deploy/forewarn-toolbox --replicas="
    if uses:
        assert f"{scale}1" in lines
        assert "kubectl rollout status deploy/forewarn-toolbox" in lines
        assert f"{scale}0" in lines


@pytest.mark.parametrize("page", [DOCS / "operations.md", *RUNBOOKS], ids=lambda page: page.stem)
def test_a_change_of_people_ends_in_the_secret_that_the_service_reads(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if re.search(r"kubectl exec .*forewarn alerting user (add|remove)", text):
        assert "kubectl create secret generic forewarn-users --from-file=users.json" in text
    if re.search(r"kubectl exec .*forewarn alerting user remove", text):
        assert "kubectl get secret forewarn-users" in text


PROBES = {"/healthz/": {"8701", "8751"}, "/ready": {"8081"}, "/live": {"8081"}}
"""Beginning of a probe's path -> the ports that serve it: alerting and decisions, or a worker."""


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_a_probe_is_named_with_the_port_and_the_command_that_reach_it(page: Path) -> None:
    lines = _shell(page.read_text(encoding="utf-8"))
    forwarded = {
        port for line in lines for port in re.findall(r"^kubectl port-forward \S+ (\d+)$", line)
    }
    for line in lines:
        for path, ports in PROBES.items():
            if re.search(rf"(^|localhost:\d+){path}", line):
                assert ports & forwarded, line


def test_the_ports_of_the_probes_are_those_of_the_manifests() -> None:
    for part, port in (("alerting", "8701"), ("decide", "8751"), ("worker", "8081")):
        manifest = (ROOT / f"deploy/k8s/base/{part}/deployment.yaml").read_text(encoding="utf-8")
        assert f"containerPort: {port}" in manifest, part


@pytest.mark.parametrize("page", [*DOCS.glob("*.md"), *RUNBOOKS], ids=lambda page: page.stem)
def test_a_page_that_edits_a_mounted_file_says_when_the_pods_have_it(page: Path) -> None:
    """Kubelet mounts a changed ConfigMap after about a minute; only then do the seconds of the program begin."""
    text = " ".join(page.read_text(encoding="utf-8").split())
    if (
        re.search(r"kubectl edit configmap/forewarn-(policy|routing)", text)
        and "within seconds" in text
    ):
        assert "about a minute" in text


@pytest.mark.usefixtures("kustomize")
@pytest.mark.parametrize("page", [DOCS / "operations.md", *RUNBOOKS], ids=lambda page: page.stem)
def test_resources_named_in_kubectl_commands_exist(page: Path) -> None:
    """Deployments, jobs and autoscalers by name; and the image of a pod has the command's packages."""
    resources = list(rendered("production"))
    optional = (ROOT / "deploy/k8s/components/dask").glob("*.yaml")  # not in the overlay
    resources += [one for path in optional for one in yaml.safe_load_all(path.read_text())]
    made = {
        f"{one['kind'].lower()}/{one['metadata']['name']}" for one in resources if "metadata" in one
    }
    images = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]["image"]
        for one in resources
        if one["kind"] == "Deployment"
    }
    short = {"deploy": "deployment"}
    containerfile = (ROOT / "deploy/Containerfile").read_text()
    for line in _shell(page.read_text()):
        for kind, name in re.findall(
            r"\b(deploy|cronjob|job|scaledobject|kafkauser|kafka|configmap|hpa)[/ ](forewarn[a-z-]*)",
            line,
        ):
            if line.startswith("kubectl") and not line.startswith("kubectl create job"):
                assert f"{short.get(kind, kind)}/{name}" in made, line
            elif kind == "cronjob":
                assert f"cronjob/{name}" in made, line
        pod = re.match(r"kubectl exec (?:-it )?deploy/(forewarn-\w+) -- forewarn ([a-z-]+)", line)
        if pod:
            [image] = re.findall(r"forewarn-(\w+)", images[pod[1]].rpartition("/")[2])
            [extras] = re.findall(
                rf"^FROM build AS build-{image}\n(?:ARG .*\n)*RUN deploy/install-locked /opt/forewarn(.*)$",
                containerfile, re.MULTILINE,
            )  # fmt: skip
            needed = COMMANDS[pod[2]].extra.split(",") if COMMANDS[pod[2]].extra else []
            assert set(needed) <= set(extras.split()), line
