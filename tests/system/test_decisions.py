"""A bank asks while the payment waits, on real servers: Kafka, Redis, a worker and the decision service."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from forewarn.contracts import encode
from forewarn.local.stack import Stack
from forewarn.local.wait import wait_until
from tests.system.stacks import (
    PATIENCE_SECONDS,
    call_from_swindler,
    client_of,
    payment,
    producer_of,
    records_of,
    scripted_stack,
)

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]

PATIENT = {"Forewarn-Deadline-Ms": "5000"}
"""A deadline that a busy machine of CI keeps."""


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, model_registry: Path, servers: None
) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("decisions")
    with scripted_stack(root, model_registry, more='payment = "hold"\n') as stack:
        yield stack


@pytest.fixture
def bank(stack: Stack) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {stack.layout.bank_key_file.read_text()}"}
    with httpx.Client(base_url=stack.decide_url, headers=headers, timeout=20) as client:
        yield client


def test_a_payment_is_answered_and_lies_in_the_topics_like_any_other(
    stack: Stack, bank: httpx.Client
) -> None:
    first = bank.post("/v1/decisions", json=payment("plain-1"), headers=PATIENT)
    assert first.status_code == 200, first.text
    answer = first.json()
    assert answer["decision"] in ("proceed", "challenge", "hold", "refuse")
    assert answer["reason"] not in ("no_answer_in_time", "stream_unavailable")
    assert answer["recorded"] == "yes"
    assert answer["line"]["on_call"] is False
    assert 0 <= answer["probability"] <= 1
    assert answer["counts_until_ms"] > answer["decided_at_ms"]
    scored = records_of(stack, "scores", lambda r: b"plain-1-attempted" in r.value, "the score")
    assert any(b"plain-1-attempted" in record.value for record in scored)

    again = bank.post("/v1/decisions", json=payment("plain-1"), headers=PATIENT)
    assert again.content == first.content
    assert again.headers["Forewarn-Repeated"] == "true"
    other = bank.post("/v1/decisions", json=payment("plain-1", amount_minor=1), headers=PATIENT)
    assert (other.status_code, other.json()["type"]) == (
        409,
        "urn:forewarn:problem:transfer_id_reused",
    )


def test_a_payment_during_a_suspicious_call_is_held_and_warned_about(
    stack: Stack, bank: httpx.Client
) -> None:
    victim = "+8613800000002"
    began_ms = time.time_ns() // 1_000_000 - 20 * 60_000
    call = call_from_swindler("hold-call", began_ms, victim)
    with producer_of(stack) as send:
        send("calls", victim.encode(), encode(call))
    records_of(stack, "scores", lambda r: b"hold-call" in r.value, "the score of the call")
    line = bank.get(f"/v1/line-status/{victim}").json()
    assert line["known"]
    assert line["on_call"]
    assert 19 <= line["call_minutes"] <= 60
    assert "000755000017" not in json.dumps(line)

    asked = payment("held-1", subscriber=victim, district="D01", amount_minor=4_800_000)
    tried = bank.post("/v1/decisions/what-if", json=asked).json()
    answer = bank.post("/v1/decisions", json=asked, headers=PATIENT).json()
    assert (answer["decision"], answer["reason"]) == ("hold", "by_rule")
    assert answer["line"]["on_call"]
    assert answer["reasons"][0]["meaning"]
    assert answer["warning_id"]
    same = ("decision", "reason", "probability", "reasons", "typology")
    assert {name: tried[name] for name in same} == {name: answer[name] for name in same}
    assert tried["recorded"] == "no"

    def has_case() -> bool:
        with client_of(stack) as client:
            for case in client.get("/v1/cases").json()["cases"]:
                file = client.get(f"/v1/cases/{case['case_id']}").json()
                if any(w["warning_id"] == answer["warning_id"] for w in file["warnings"]):
                    return True
        return False

    wait_until(has_case, PATIENCE_SECONDS, what="the case of the held payment")


def test_the_commands_of_the_guide_work_as_they_stand(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / ".forewarn").symlink_to(stack.layout.root)
    stack.layout.write_environment(stack.environment)  # as `forewarn up` does
    page = (ROOT / "docs" / "banks.md").read_text(encoding="utf-8")
    script = "".join(re.findall(r"<!-- run -->\n```sh\n(.*?)```", page, re.DOTALL))
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{script}"],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('"decision"') == 2
    assert '"known"' in done.stdout
    # The bodies of curl end without a line break, so the client's line follows the last one.
    assert re.search(r"(proceed|challenge|hold|refuse) \w+$", done.stdout.strip())


def test_what_is_asked_wrong_is_refused_with_the_field(bank: httpx.Client) -> None:
    for changes, status, field in (
        ({"amount_minor": -1}, 422, "amount_minor"),
        ({"status": "completed"}, 422, "status"),
        ({"currency": "USD"}, 422, "currency"),
        ({"event_time_ms": 4_000_000_000_000}, 422, "event_time_ms"),
    ):
        answer = bank.post("/v1/decisions", json=payment("wrong", **changes))
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert answer.json()["errors"][0]["field"] == field
    assert bank.post("/v1/decisions", json=payment("wrong", tenant="other")).status_code == 403
    late = bank.post("/v1/decisions", json=payment("w"), headers={"Forewarn-Deadline-Ms": "1"})
    assert late.json()["errors"][0]["field"] == "Forewarn-Deadline-Ms"
    nothing = httpx.post(f"{bank.base_url}/v1/decisions", json=payment("wrong"))
    assert nothing.status_code == 401
