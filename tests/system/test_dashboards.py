"""A real Prometheus scrapes a running stack: every expression of rules and dashboards has data."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from deploy.monitoring.render import rule_files
from forewarn.local.ports import free_port
from forewarn.local.stack import Stack
from forewarn.local.wait import wait_until
from tests.deploy.test_monitoring import expressions, rules
from tests.system.stacks import (
    PATIENCE_SECONDS,
    call_from_swindler,
    client_of,
    payment,
    scripted_stack,
    send_scam,
    transfer_during,
)

pytestmark = pytest.mark.system

# Empty on a healthy young system, each for its reason; nothing else may be.
MAY_BE_EMPTY = {
    "forewarn:score_drift_psi:max": "drift is read from 500 sampled events on",
    "ForewarnScoreDrift": "looks at the one above",
    "detection: Calibration of warned events": "its models are named when outcomes have come",
    "ForewarnCalibrationDrift": "the same",
}


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, model_registry: Path, servers: None
) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("watched")
    # Gateways that do not listen: deliveries fail, and their circuits open.
    (root / "alerting.toml").write_text(
        f"""[gateways]
sms_url = "http://127.0.0.1:{free_port()}/sms"
bank_url = "http://127.0.0.1:{free_port()}/bank"
"""
    )
    variables = {
        "FOREWARN_ALERTING_SMS_SECRET": "a secret that only tests use, 32 bytes",
        "FOREWARN_ALERTING_BANK_SECRET": "another that only tests use, 32 bytes",
    }
    with scripted_stack(root, model_registry, partitions=2, **variables) as stack:
        yield stack


@pytest.fixture(scope="module")
def prometheus(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory, require: Callable[[bool, str], None]
) -> Iterator[httpx.Client]:
    require(shutil.which("prometheus") is not None, "prometheus is not on the PATH")
    root = tmp_path_factory.mktemp("prometheus")
    services = (stack.alerting, stack.decide, *stack.workers)
    jobs = [
        {
            "job_name": service.child.name,
            "static_configs": [{"targets": [f"127.0.0.1:{service.probe_port}"]}],
        }
        for service in services
    ]
    # Rules at a second's pace: the same files, only evaluated more often.
    for path in rule_files():
        groups = yaml.safe_load(path.read_text())
        for group in groups["groups"]:
            group["interval"] = "1s"
        (root / path.name).write_text(yaml.safe_dump(groups))
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(root / path.name) for path in rule_files()],
        "scrape_configs": jobs,
    }
    (root / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    with (
        (root / "log").open("w") as log,
        subprocess.Popen(
            [
                "prometheus",
                f"--config.file={root / 'prometheus.yml'}",
                f"--storage.tsdb.path={root / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:

                def up() -> bool:
                    assert process.poll() is None, (root / "log").read_text()
                    try:
                        found = _ask(client, "up == 1")
                    except httpx.HTTPError:
                        return False
                    return len(found) == len(services)

                wait_until(up, PATIENCE_SECONDS, what="Prometheus to scrape every part")
                yield client
        finally:
            process.terminate()
            process.wait(20)


def _ask(client: httpx.Client, expression: str) -> list[object]:
    answer = client.get("/api/v1/query", params={"query": expression})
    assert answer.status_code in (200, 503), f"{expression}: {answer.text}"
    answer.raise_for_status()
    return list(answer.json()["data"]["result"])


def _scam(stack: Stack, number: int) -> None:
    """A call, and a large transfer while it lasts."""
    now_ms = time.time_ns() // 1_000_000 - 60_000
    call = call_from_swindler(
        f"call-event-{number}", now_ms, f"+86138000{number:05}", district="430405"
    )
    attempt = transfer_during(
        call,
        f"transfer-{number}",
        event_time_ms=now_ms + 30_000,
        payer_account=f"62220000{number:05}",
    )
    send_scam(stack, call, attempt)


def _bank_asks(stack: Stack, number: int) -> None:
    """A payment that is answered in time, and one whose answer comes too late."""
    assert _asked(stack, f"patient-{number}", "5000")["reason"] != "no_answer_in_time"
    for worker in stack.workers:
        os.kill(worker.child.pid, signal.SIGSTOP)
    try:
        assert _asked(stack, f"hurried-{number}", "200")["reason"] == "no_answer_in_time"
    finally:
        for worker in stack.workers:
            os.kill(worker.child.pid, signal.SIGCONT)


def _asked(stack: Stack, transfer_id: str, deadline_ms: str) -> dict[str, object]:
    asked = payment(
        transfer_id,
        subscriber="+8613900000001",
        payer_account="6222111100000001",
        payee_account="6217000000001111",
    )
    key = stack.layout.bank_key_file.read_text()
    headers = {"Authorization": f"Bearer {key}", "Forewarn-Deadline-Ms": deadline_ms}
    answer = httpx.post(f"{stack.decide_url}/v1/decisions", json=asked, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _close_all(stack: Stack) -> int:
    """Answer every open case and close it as prevented; how many there were."""
    with client_of(stack) as client:
        cases = [c for c in client.get("/v1/cases").json()["cases"] if c["state"] != "closed"]
        for case in cases:
            for step, body in (
                ("claim", {}),
                ("contact", {"method": "phone", "reached": True}),
                ("close", {"disposition": "dissuaded"}),
            ):
                answer = client.post(f"/v1/cases/{case['case_id']}/{step}", json=body)
                assert answer.status_code == 200, answer.text
    return len(cases)


def test_every_expression_parses_and_has_data(stack: Stack, prometheus: httpx.Client) -> None:
    """Alerts compare, so what they compare is asked: the expression up to its comparison."""
    closed = 0
    for number in range(3):
        _scam(stack, number)
        _bank_asks(stack, number)

        def answered() -> bool:
            nonlocal closed
            closed += _close_all(stack)
            return closed > number  # noqa: B023 - called at once, in this round

        wait_until(answered, PATIENCE_SECONDS, what="the case")
        # Each is scraped before the next, so that the counters are seen to grow.
        prevented = 4_800_000 * (number + 1)
        seen = f"sum(forewarn_alerting_prevented_loss_minor_total) >= {prevented}"
        wait_until(
            lambda: bool(_ask(prometheus, seen)),  # noqa: B023 - called at once, in this round
            PATIENCE_SECONDS,
            what="the scrape",
            interval_seconds=0.5,
        )

    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    wanted = {
        (place, part)
        for place, expression in expressions()
        for part in (_compared(expression) if place in alerts else [expression])
        if place not in MAY_BE_EMPTY
    }
    empty: list[tuple[str, str]] = []

    def all_have_data() -> bool:
        empty[:] = [pair for pair in sorted(wanted) if not _ask(prometheus, pair[1])]
        return not empty

    try:
        # Counts over whole tables are kept for a minute.
        wait_until(all_have_data, PATIENCE_SECONDS, what="data", interval_seconds=3)
    finally:
        print("empty:", *empty, sep="\n  ")
    for expression in (pair[1] for pair in expressions()):
        _ask(prometheus, expression)  # those that may be empty have to parse


def _compared(expression: str) -> list[str]:
    """The metrics that an alert looks at; its own result is empty while all is well."""
    return re.findall(r"[a-z]*:?forewarn[_:][a-z0-9_:]+(?:\{[^}]*\})?", expression)
