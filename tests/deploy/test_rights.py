"""Each workload has the rights that its code needs and no others: secrets, topics, groups, connections."""

import ast
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from forewarn.contracts.topics import OF_REPLICAS, SOURCES, topic_specs
from forewarn.platform import settings
from forewarn.platform.settings import AlertingSettings, WorkerSettings
from tests.deploy.manifests import OVERLAYS, ROOT, named, pod_specs, rendered, workloads

pytestmark = pytest.mark.usefixtures("kustomize")

TOPICS = frozenset(topic_specs(settings.KafkaSettings()))
DATABASE = "forewarn_alerting_database_url"
"""No secret by its type, since SQLite's is a path; PostgreSQL's has the password."""

READS = {
    "Deployment/forewarn-worker": ["streams/worker/main.py", "forewarn/cli/worker_command.py"],
    "Deployment/forewarn-decide": [
        "streams/decisions/replica_composition.py",
        "forewarn/cli/decide_command.py",
    ],
    "Deployment/forewarn-alerting": ["forewarn/cli/alerting_command.py"],
    "Job/forewarn-topics": ["forewarn/cli/topics_command.py"],
    "CronJob/forewarn-retrain": ["forewarn/cli/retrain_command.py", "forewarn/api/topic_export.py"],
    "Deployment/forewarn-toolbox": [
        "forewarn/api/feature_history.py",  # what `forewarn parity` calls
        "forewarn/api/cluster_access.py",
        *(f"forewarn/cli/{name}_command.py"
        for name in ("dead_letters", "lag", "models", "rebuild", "replay", "topics", "train")),
    ],
}  # fmt: skip
"""The modules that load the settings of a workload's command."""

DATABASE_ONLY = ("Job/forewarn-migrate", "CronJob/forewarn-backup")
"""Commands of the alerting service that open its database and nothing else."""


def _trees(*places: str) -> Iterator[ast.Module]:
    for place in places:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            if "migrations" not in file.parts:
                yield ast.parse(file.read_text(encoding="utf-8"))


def _calls(name: str, *places: str) -> Iterator[ast.Call]:
    for tree in _trees(*places):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                function = node.func
                called = function.attr if isinstance(function, ast.Attribute) else function
                if (called if isinstance(called, str) else getattr(called, "id", "")) == name:
                    yield node


def _secrets_of(files: list[str]) -> set[str]:
    """The secret variables of every section that the files load, as names of files."""
    sections = [call.args[0].id for call in _calls("load", *files)]
    assert sections, files
    found = set()
    for section in (getattr(settings, name) for name in sections):
        prefix = section.model_config["env_prefix"]
        found |= {
            f"{prefix}{field}".lower()
            for field, info in section.model_fields.items()
            if info.annotation is SecretStr
        }
        if section is AlertingSettings:
            found.add(DATABASE)
    return found


def _projected(pod: dict[str, Any]) -> dict[str, bool]:
    """File name -> whether it may be missing, of what is mounted as settings."""
    [volume] = [v for v in pod["volumes"] if v["name"] == "secrets"]
    found = {}
    for source in volume["projected"]["sources"]:
        for item in source["secret"]["items"]:  # a source without items would be the whole Secret
            found[item["path"]] = source["secret"].get("optional", False)
            assert item["key"] in (item["path"], "password")
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_workload_is_given_the_secrets_that_its_command_reads_and_no_other(
    overlay: str,
) -> None:
    ours = {name: pod for name, pod in pod_specs(overlay) if not name.startswith("StatefulSet")}
    assert ours.keys() == READS.keys() | set(DATABASE_ONLY)
    for name, pod in ours.items():
        projected = _projected(pod)
        wanted = {DATABASE} if name in DATABASE_ONLY else _secrets_of(READS[name])
        if name == "Deployment/forewarn-toolbox":
            wanted.add(DATABASE)  # for `forewarn alerting audit`, `backup`, `restore`
        assert projected.keys() - {"users.json"} == wanted, name
        assert not projected.get("forewarn_privacy_pseudonym_key", False), "it is required"
        assert ("users.json" in projected) == (name == "Deployment/forewarn-alerting")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_authorities_are_mounted_without_the_keys_beside_them(overlay: str) -> None:
    """The Secret of Redis also has the server's private key."""
    for name, pod in pod_specs(overlay):
        for volume in pod["volumes"]:
            if volume["name"].endswith("-ca") and not name.startswith("StatefulSet"):
                assert volume["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}], name


def _acls(overlay: str, user: str, kind: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for acl in named(overlay, "KafkaUser", user)["spec"]["authorization"]["acls"]:
        resource = acl["resource"]
        if resource["type"] == kind:
            assert resource["patternType"] == "literal", "a prefix is every name that begins so"
            assert resource["name"] not in found
            found[resource["name"]] = set(acl["operations"])
    return found


def _who(acls: dict[str, set[str]], operation: str) -> set[str]:
    return {name for name, operations in acls.items() if operation in operations}


def _topics_of(*places: str) -> set[str]:
    """Topics that code names in ``qualified(...)``, or as the first of what it sends."""
    found = {
        call.args[0].value for call in _calls("qualified", *places)
        if isinstance(call.args[0], ast.Constant)
    }  # fmt: skip
    for call in _calls("send", *places):
        for node in ast.walk(call):
            if isinstance(node, ast.Tuple) and isinstance(node.elts[0], ast.Constant):
                found.add(node.elts[0].value)
    for call in _calls("OutboxMessage", *places):
        found |= {keyword.value.id.lower() for keyword in call.keywords if keyword.arg == "topic"}
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_worker_may_use_the_topics_of_its_code_and_no_other(overlay: str) -> None:
    topics = _acls(overlay, "forewarn-worker", "topic")
    assert topics.keys() == (_topics_of("streams") | set(SOURCES)) - {OF_REPLICAS}
    assert _who(topics, "Read") == {*SOURCES, "lists"}
    assert _who(topics, "Write") == topics.keys() - {*SOURCES, "lists"}
    assert _who(topics, "Describe") == topics.keys()
    groups = _acls(overlay, "forewarn-worker", "group")
    assert groups == {WorkerSettings().group: {"Read", "Describe"}}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_decision_service_asks_and_reads_answers_and_is_in_no_group(overlay: str) -> None:
    topics = _acls(overlay, "forewarn-decide", "topic")
    assert topics.keys() == _topics_of("streams/decisions")
    assert _who(topics, "Read") == {"answers", "lists", OF_REPLICAS}
    assert _who(topics, "Write") == {"transfers", OF_REPLICAS}
    assert not _acls(overlay, "forewarn-decide", "group")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_alerting_service_may_use_the_topics_of_its_code_and_no_other(overlay: str) -> None:
    """Its dead letters, too: without them one bad warning would stop a partition for ever."""
    topics = _acls(overlay, "forewarn-alerting", "topic")
    written = _topics_of("alerting/messaging/outbox.py", "alerting/ingest")
    assert written == {"outcomes", "lists", "dead-letters"}
    assert _who(topics, "Write") == written
    assert _who(topics, "Read") == _topics_of("alerting") - written
    assert _who(topics, "Describe") == topics.keys()
    group = AlertingSettings().consumer_group
    groups = _acls(overlay, "forewarn-alerting", "group")
    assert groups == {group: {"Read", "Describe"}, f"{group}-index": {"Read", "Describe"}}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_jobs_make_topics_and_read_what_is_trained_on(overlay: str) -> None:
    topics = _acls(overlay, "forewarn-jobs", "topic")
    for operation in ("Create", "Alter", "AlterConfigs", "Describe", "DescribeConfigs"):
        assert _who(topics, operation) == TOPICS
    assert _who(topics, "Read") == set(SOURCES)
    assert not _who(topics, "Write")
    assert not _acls(overlay, "forewarn-jobs", "group")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_toolbox_replays_dead_letters_and_commits_for_no_worker(overlay: str) -> None:
    topics = _acls(overlay, "forewarn-toolbox", "topic")
    assert _who(topics, "Read") == _who(topics, "DescribeConfigs") == TOPICS
    assert _who(topics, "Write") == {*SOURCES, "warnings", "dead-letters"}
    groups = _acls(overlay, "forewarn-toolbox", "group")
    group = AlertingSettings().consumer_group
    assert _who(groups, "Describe") == {WorkerSettings().group, group, f"{group}-index"}
    # For a restored database, from whose time on warnings are read again.
    assert _who(groups, "Read") == {group, f"{group}-index"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_workload_signs_in_as_a_kafka_user_of_its_own_rights(overlay: str) -> None:
    users = {r["metadata"]["name"] for r in rendered(overlay) if r["kind"] == "KafkaUser"}
    used = set()
    for name, pod in pod_specs(overlay):
        [container] = pod["containers"]
        variables = {v["name"]: v.get("value") for v in container.get("env", ())}
        given = "forewarn_kafka_sasl_password" in (
            {} if name.startswith("StatefulSet") else _projected(pod)
        )
        assert given == ("FOREWARN_KAFKA_SASL_USERNAME" in variables), name
        if given:
            user = variables["FOREWARN_KAFKA_SASL_USERNAME"]
            [volume] = [v for v in pod["volumes"] if v["name"] == "secrets"]
            sources = [s["secret"] for s in volume["projected"]["sources"]]
            assert [s["name"] for s in sources if s["items"][0]["key"] == "password"] == [user]
            used.add(user)
    assert used == users


def _selects(policy: dict[str, Any], labels: dict[str, str]) -> bool:
    selector = policy["spec"]["podSelector"]
    return all(labels.get(k) == v for k, v in selector.get("matchLabels", {}).items()) and all(
        labels.get(e["key"]) in e["values"] for e in selector.get("matchExpressions", ())
    )


def _peers(rules: list[dict[str, Any]], port: Any, labels: dict[str, str]) -> bool:
    """Whether a rule opens a port to pods of these labels (or to everywhere)."""
    for rule in rules:
        if port not in {p["port"] for p in rule.get("ports", ())}:
            continue
        peers = [*rule.get("to", ()), *rule.get("from", ())]
        if not peers or any(
            "podSelector" in peer
            and _selects({"spec": {"podSelector": peer["podSelector"]}}, labels)
            for peer in peers
        ):
            return True
    return False


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_may_talk_unless_a_policy_says_so(overlay: str) -> None:
    """Default deny, and every workload has a policy of its own beside those for all."""
    policies = [r for r in rendered(overlay) if r["kind"] == "NetworkPolicy"]
    by_name = {p["metadata"]["name"]: p for p in policies}
    deny = by_name.pop("forewarn-default-deny")
    assert deny["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in deny["spec"]
    assert "egress" not in deny["spec"]
    by_name.pop("forewarn-dns")
    for name, template in workloads(overlay):
        labels = template["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "forewarn"
        assert any(_selects(policy, labels) for policy in by_name.values()), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_workloads_with_a_password_may_reach_its_server(overlay: str) -> None:
    """Egress of the workloads, and ingress of the servers where they are in the namespace."""
    policies = [r for r in rendered(overlay) if r["kind"] == "NetworkPolicy"]
    servers = [
        ("forewarn_kafka_sasl_password", 9093, {"strimzi.io/cluster": "forewarn"}),
        ("forewarn_redis_password", 6379, {"app.kubernetes.io/name": "forewarn-redis"}),
        (DATABASE, 5432, {"app.kubernetes.io/name": "forewarn-postgres"}),
    ]
    here = {t["metadata"]["labels"]["app.kubernetes.io/name"] for _, t in workloads(overlay)}
    for name, template in workloads(overlay):
        if name.startswith("StatefulSet"):
            continue
        labels = template["metadata"]["labels"]
        mine = [p["spec"] for p in policies if _selects(p, labels)]
        for secret, port, server in servers:
            has = secret in _projected(template["spec"])
            assert has == any(_peers(p.get("egress", []), port, server) for p in mine), (
                name,
                secret,
            )
            if server.get("app.kubernetes.io/name") in here:
                open_to = [p["spec"] for p in policies if _selects(p, server)]
                let_in = any(_peers(p.get("ingress", []), "db", labels) for p in open_to)
                assert let_in == has, (name, secret)


def test_what_is_outside_is_reached_where_it_is_configured() -> None:
    """HTTPS to the object store from all that read models; mail from the alerting service."""
    policies = [r for r in rendered("external") if r["kind"] == "NetworkPolicy"]
    for name, template in workloads("external"):
        mine = [p["spec"] for p in policies if _selects(p, template["metadata"]["labels"])]
        environment = template["spec"]["containers"][0].get("envFrom", [])
        reads_models = {"secretRef": {"name": "forewarn-s3"}} in environment
        https = any(_peers(p.get("egress", []), 443, {}) for p in mine)
        assert https == (reads_models or name == "Deployment/forewarn-alerting"), name
        mail = any(_peers(p.get("egress", []), 587, {}) for p in mine)
        assert mail == (name == "Deployment/forewarn-alerting"), name
    claims = {r["metadata"]["name"] for r in rendered("external")
              if r["kind"] == "PersistentVolumeClaim"}  # fmt: skip
    mounted = {
        volume["persistentVolumeClaim"]["claimName"]
        for _, pod in pod_specs("external")
        for volume in pod["volumes"]
        if "persistentVolumeClaim" in volume
    }
    assert claims == mounted == {"forewarn-backups"}
