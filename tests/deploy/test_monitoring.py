"""Rules, runbooks and dashboards: each alert fires when it should, each name exists in the code."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics import MetricWrapperBase

import alerting.service_metrics
from alerting.db import migrate
from alerting.db.database import Database
from deploy.monitoring.render import DASHBOARDS, rendered, rule_files
from forewarn.platform.clock import system_clock
from forewarn.reference.metrics_page import alerting_metrics, decision_metrics, worker_metrics
from streams.worker_metrics import WorkerMetrics

ROOT = Path(__file__).parents[2]
TESTS = sorted((ROOT / "deploy" / "monitoring" / "tests").glob("*.yaml"))
RUNBOOKS = ROOT / "docs" / "runbooks"
SEVERITIES = {"critical", "warning"}


PROMTOOL_SECONDS = 240
"""Bound on promtool, which takes half a minute for the rules alone and longer beside other work."""


@pytest.fixture
def promtool(require: Callable[[bool, str], None]) -> Callable[..., str]:
    """``promtool(*arguments, text=None)``: what it prints; fails unless it is content."""
    require(shutil.which("promtool") is not None, "promtool is not on the PATH")

    def run(*arguments: object, text: str | None = None) -> str:
        done = subprocess.run(
            ["promtool", *map(str, arguments)],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=PROMTOOL_SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def rules() -> list[dict[str, Any]]:
    return [
        rule
        for path in rule_files()
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def expressions() -> Iterator[tuple[str, str]]:
    """Where it stands, and every expression of rules and dashboards."""
    for rule in rules():
        yield rule.get("alert") or rule["record"], rule["expr"]
    for name, module in DASHBOARDS.items():
        for panel in module.build().build().panels:
            for target in panel.targets:
                yield f"{name}: {panel.title}", target.expr


@pytest.mark.timeout(PROMTOOL_SECONDS + 60)
def test_rules_are_valid_and_every_alert_is_tested(promtool: Callable[..., str]) -> None:
    """Silent before its cause, firing after it, and none on healthy hours."""
    promtool("check", "rules", *rule_files())
    cases = [case for path in TESTS for case in yaml.safe_load(path.read_text())["tests"]]
    fires = {
        label
        for case in cases
        for test in case["promql_expr_test"]
        for sample in test.get("exp_samples", ())
        for label in re.findall(r'alertname="(\w+)"', sample["labels"])
    }
    assert fires == ALERTS.keys()
    promtool("test", "rules", *TESTS)


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in SEVERITIES, name
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{name}.md"
        assert rule["annotations"]["summary"]
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == ALERTS.keys()
    for path in RUNBOOKS.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        parts = [text.find(part) for part in ("**Impact.**", "## Look", "## Do")]
        assert -1 < parts[0] < parts[1] < parts[2], f"{path}: impact, look, do"
        meaning = text.partition("**Impact.**")[0].strip().splitlines()
        assert meaning[0] == f"# {path.stem}", path
        assert len(meaning) > 2, f"{path} does not say what the alert means"


def test_a_runbook_explains_each_severity_of_its_alert() -> None:
    found: dict[str, set[str]] = {}
    for rule in rules():
        if "alert" in rule:
            found.setdefault(rule["alert"], set()).add(rule["labels"]["severity"])
    assert found["ForewarnBehind"] == SEVERITIES
    for name, severities in found.items():
        if len(severities) > 1:
            text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
            assert all(f"`{severity}`" in text for severity in severities), name


def _panels() -> dict[tuple[str, str], str]:
    """Dashboard and title -> what the panel asks."""
    return {
        (path.stem, panel["title"]): " ".join(target["expr"] for target in panel["targets"])
        for path in (ROOT / "deploy/k8s/components/dashboards").glob("*.json")
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
    }


def test_a_runbook_names_the_panels_that_show_what_its_alert_is_about() -> None:
    """Where a panel asks for a metric of the alert, the runbook says which panel, and of which dashboard."""
    panels, silent = _panels(), []
    for name in ALERTS:
        text = " ".join((RUNBOOKS / f"{name}.md").read_text(encoding="utf-8").split())
        named = {
            (board, title)
            for titles, board in re.findall(r"Panels? (\*[^.:]+\*) of the (\w+) dashboard", text)
            for title in re.findall(r"\*([^*]+)\*", titles)
        }
        assert named <= panels.keys(), f"{name}: {named - panels.keys()}"
        asked = " ".join(rule["expr"] for rule in rules() if rule.get("alert") == name)
        metrics = set(re.findall(r"forewarn\w*:?[\w:]+", asked))
        shown = any(metrics & set(re.findall(r"[\w:]+", asks)) for asks in panels.values())
        if shown and not named:
            silent.append(name)
    assert not silent, "these runbooks name no panel, and there is one"


def test_recorded_names_say_level_metric_and_operation() -> None:
    for rule in rules():
        if "record" in rule:
            assert re.fullmatch(r"[a-z]+:[a-z_]+:[a-z0-9_]+", rule["record"])


def test_what_kubernetes_mounts_is_current() -> None:
    stale = [str(path) for path, text in rendered() if path.read_text(encoding="utf-8") != text]
    assert not stale, "run `python -m deploy.monitoring.render`"


def test_every_metric_that_is_asked_for_exists_and_every_recorded_series_is_used() -> None:
    known = {rule["record"] for rule in rules() if "record" in rule}
    for metric in (*worker_metrics(), *alerting_metrics(), *decision_metrics()):
        suffixes = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        known |= {metric.name + suffix for suffix in suffixes}
    asked = {
        name
        for _, expression in expressions()
        for name in re.findall(r"[a-z]*:?forewarn[_:][a-z0-9_:]+", expression)
    }
    assert asked - known == set()
    assert {name for name in known if ":" in name} - asked == set()


def test_panels_lie_side_by_side_and_ask_the_chosen_source() -> None:
    for name in DASHBOARDS:
        page = json.loads(dict(_texts())[f"{name}.json"])
        taken: set[tuple[int, int]] = set()
        for panel in page["panels"]:
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert not cells & taken, panel["title"]
            assert max(x for x, _ in cells) < 24
            taken |= cells
            assert {t["datasource"]["uid"] for t in panel["targets"]} == {"${source}"}
        assert page["uid"].startswith("forewarn-"), name


def _texts() -> Iterator[tuple[str, str]]:
    for path, text in rendered():
        yield path.name, text


def test_metrics_follow_the_conventions_of_prometheus(
    promtool: Callable[..., str], tmp_path: Path
) -> None:
    worker = CollectorRegistry()
    WorkerMetrics(worker)
    promtool("check", "metrics", text=generate_latest(worker).decode())

    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    migrate.upgrade(database)
    service = CollectorRegistry()
    service.register(
        alerting.service_metrics.DatabaseCollector(database, system_clock, ZoneInfo("UTC"))
    )
    for value in vars(alerting.service_metrics).values():
        if isinstance(value, MetricWrapperBase):
            service.register(value)
    text = generate_latest(service).decode()
    assert "forewarn_alerting_responses_total" in text
    assert "forewarn_alerting_outbox_messages" in text
    promtool("check", "metrics", text=text)
    database.dispose()
