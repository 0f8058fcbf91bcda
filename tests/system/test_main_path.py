"""The main path on real servers: from two events to a warning, an outcome and prevented loss.

Apache Kafka, Redis, a stream worker and the alerting service run as they do for users, each in a
process of its own.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from forewarn.contracts import (
    CallStarted,
    DeadLetter,
    FraudWarning,
    Outcome,
    decode_scores,
    encode,
)
from forewarn.contracts.list_entry import ListEntry, list_key
from forewarn.demo.ledger_money import read_money
from forewarn.local.stack import Stack
from forewarn.local.wait import wait_until
from forewarn.platform.pseudonyms import Pseudonymiser, to_hex
from tests.system.stacks import (
    PATIENCE_SECONDS,
    SWINDLER,
    call_from_swindler,
    client_of,
    producer_of,
    records_of,
    scripted_stack,
    send_scam,
    transfer_during,
)

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    model_registry: Path,
    servers: None,
) -> Iterator[Stack]:
    with scripted_stack(tmp_path_factory.mktemp("stack"), model_registry) as stack:
        yield stack


def _prevented_minor(stack: Stack) -> int:
    return read_money(httpx.get(stack.alerting.metrics, timeout=20).text).prevented_minor


def test_a_scam_becomes_a_warning_a_case_an_outcome_and_prevented_loss(stack: Stack) -> None:
    began_ms = time.time_ns() // 1_000_000 - 3_600_000
    victim = "+8613800000001"
    call = call_from_swindler("scam-call", began_ms, victim)
    later_ms = began_ms + 40 * 60_000
    send_scam(stack, call, transfer_during(call, "transfer-1", event_time_ms=later_ms))

    def is_it(record: object) -> bool:
        return _warning(record).subject.subject_id == "transfer-1"

    record = next(r for r in records_of(stack, "warnings", is_it, "the warning") if is_it(r))
    warning = _warning(record)
    assert record.key == victim.encode()
    assert (warning.action, warning.severity, warning.subject_status) == (
        "raise",
        "critical",
        "attempted",
    )
    assert warning.on_call
    assert warning.amount_at_risk_minor == 4_800_000
    assert warning.payee == "6217000000009999"
    assert warning.reasons
    assert record.timestamp >= warning.appended_at_ms

    before = _prevented_minor(stack)
    with client_of(stack) as client:
        case = _case_with(client, warning.warning_id)
        assert victim not in json.dumps(client.get(f"/v1/cases/{case}").json())
        for step, body in (
            ("claim", {}),
            ("contact", {"method": "phone", "reached": True}),
            ("close", {"disposition": "dissuaded"}),
        ):
            answer = client.post(f"/v1/cases/{case}/{step}", json=body)
            assert answer.status_code == 200, answer.text
    assert _prevented_minor(stack) - before == 4_800_000

    decoder = msgspec.json.Decoder(Outcome)
    outcomes = records_of(
        stack, "outcomes", lambda r: decoder.decode(r.value).case_id == case, "the outcome"
    )
    outcome = next(o for o in map(decoder.decode, (r.value for r in outcomes)) if o.case_id == case)
    assert (outcome.disposition, outcome.prevented_minor) == ("dissuaded", 4_800_000)
    assert outcome.subscriber == victim
    assert SWINDLER in outcome.callers or "6217000000009999" in outcome.payees

    def applied() -> bool:
        metrics = httpx.get(stack.workers[0].metrics, timeout=20).text
        return 'forewarn_worker_events_total{source="outcomes"} 0.0' not in metrics

    wait_until(applied, PATIENCE_SECONDS, what="the worker to learn the outcome")


def test_an_invalid_record_is_kept_named_and_replayable_and_stops_no_other(stack: Stack) -> None:
    person = b"+8613800000077"
    poison = b'{"type": "call_started", "event_id'
    good = CallStarted(
        event_id="after-the-poison",
        event_time_ms=time.time_ns() // 1_000_000 - 1000,
        subscriber=person.decode(),
        call_id="call-77",
        direction="outbound",
        caller=person.decode(),
        callee="+8613800000078",
    )
    with producer_of(stack) as send:
        send("calls", person, poison)
        send("calls", person, encode(good))
    records_of(stack, "scores", lambda r: b"after-the-poison" in r.value, "the event behind it")
    letters = records_of(stack, "dead-letters", lambda _: True, "the dead letter")
    letter = _letter(letters[-1])
    assert (letter.reason, letter.topic) == ("not_json", "calls")

    listed = _forewarn(stack, "dead-letters", "list")
    assert "not_json" in listed
    assert "13800000077" not in listed
    assert "1 sent again" in _forewarn(stack, "dead-letters", "replay")
    again = records_of(
        stack, "calls", lambda r: r.value == poison and r.offset > letter.offset, "the replay"
    )
    assert [r.key for r in again if r.value == poison] == [person, person]
    seen: list[int] = []

    def second(record: object) -> bool:
        seen.extend([1] if _letter(record).value == letter.value else [])
        return len(seen) == 2

    records_of(stack, "dead-letters", second, "the worker to reject it again")


def test_a_number_on_the_block_list_raises_warnings_in_the_worker(stack: Stack) -> None:
    """What the lists topic says reaches the decisions of a worker that is running already."""
    blocked = "+000755000099"
    person = "+8613800000055"
    pseudonymiser = Pseudonymiser(stack.layout.secret("forewarn_privacy_pseudonym_key").encode())
    peer = to_hex(pseudonymiser.phone(blocked))
    entry = ListEntry(
        entry_id="blocked-1",
        list="block",
        kind="phone",
        peer=peer,
        changed_at_ms=time.time_ns() // 1_000_000,
    )
    with producer_of(stack) as send:
        send("lists", list_key("default", "block", "phone", peer), encode(entry))
    raised: list[FraudWarning] = []
    sent = 0

    def warned() -> bool:
        # The entry is on its way; a call that is a moment too early is only scored.
        nonlocal sent
        sent += 1
        call = CallStarted(
            event_id=f"blocked-{sent}",
            event_time_ms=time.time_ns() // 1_000_000,
            subscriber=person,
            call_id=f"blocked-{sent}",
            direction="inbound",
            caller=blocked,
            callee=person,
        )
        with producer_of(stack) as send:
            send("calls", person.encode(), encode(call))
        name = f"blocked-{sent}".encode()
        scored = records_of(stack, "scores", lambda r: name in r.value, "the score")
        scores = [s for r in scored if name in r.value for s in decode_scores(r.value)]
        if next(s for s in scores if s.event_id.encode() == name).decision != "raised_by_list":
            return False
        found = records_of(stack, "warnings", lambda r: name in r.value, "the warning")
        raised.extend(_warning(r) for r in found if name in r.value)
        return True

    wait_until(warned, PATIENCE_SECONDS, what="a warning by the list")
    assert raised[-1].decision == "raised_by_list"
    assert raised[-1].caller == blocked


def _letter(record: object) -> DeadLetter:
    return msgspec.json.decode(record.value, type=DeadLetter)


def _warning(record: object) -> FraudWarning:
    return msgspec.json.decode(record.value, type=FraudWarning)


def _case_with(client: httpx.Client, warning_id: str) -> str:
    found: list[str] = []

    def there() -> bool:
        for case in client.get("/v1/cases").json()["cases"]:
            file = client.get(f"/v1/cases/{case['case_id']}").json()
            if any(w["warning_id"] == warning_id for w in file["warnings"]):
                found.append(case["case_id"])
        return bool(found)

    wait_until(there, PATIENCE_SECONDS, what="the case")
    return found[0]


def _forewarn(stack: Stack, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "forewarn", *arguments],
        env=os.environ | stack.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
