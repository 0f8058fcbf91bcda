"""What does not fit becomes a dead letter that the broker takes, whatever its size."""

import base64
from types import SimpleNamespace

import msgspec
import pytest

from features.offline.topic_frames import RejectedRecords, StoredRecord, frame_of
from forewarn.contracts import (
    MAX_KEPT_BYTES,
    Acceptance,
    Transfer,
    decode_call,
    decode_transfer,
    encode,
)
from forewarn.contracts.payment_question import PaymentQuestion, question_headers
from forewarn.errors import ConfigurationError, ContractError
from forewarn.platform.settings import WorkerSettings
from streams.intake.record_decoder import decode_records, require_same_topic


def test_the_largest_record_makes_a_dead_letter_that_fits_into_a_mebibyte() -> None:
    """Else the producer would be refused for good, and one record would stop the partition."""
    huge = bytes(range(256)) * 4095
    record = SimpleNamespace(offset=7, timestamp=1, key=huge, value=huge)
    run = decode_records(
        [record],
        source=0,
        topic="calls",
        partition=0,
        next_offset=8,
        acknowledge=lambda: None,
        now_ms=1,
        acceptance=Acceptance(future_ms=0),
    )
    (letter,) = run.dead_letters
    assert letter.reason == "too_large"
    assert base64.b64decode(letter.value) == huge[:MAX_KEPT_BYTES]
    assert len(encode(letter)) < 1_000_000


def test_a_topic_that_was_created_again_is_not_taken_for_a_redelivery() -> None:
    """Its records lie below the journal's floor and would all be skipped in silence."""
    require_same_topic("calls", 3, floor=100, highwater=100)
    require_same_topic("calls", 3, floor=100, highwater=None)
    with pytest.raises(ConfigurationError, match="created again"):
        require_same_topic("calls", 3, floor=100, highwater=7)


def test_amounts_in_another_currency_are_set_aside_online_and_offline() -> None:
    """Yen added to fen would be a hundred times too much; the next transfer goes on."""
    transfer = Transfer(
        event_id="e",
        event_time_ms=1_772_413_928_000,
        subscriber="+8613800000001",
        transfer_id="t",
        status="attempted",
        payer_account="own",
        payee_account="other",
        amount_minor=100,
    )
    key, values = transfer.subscriber.encode(), {}
    for offset, currency in enumerate(("CNY", "JPY", "CNY")):
        values[offset] = encode(msgspec.structs.replace(transfer, currency=currency))
    run = decode_records(
        [
            SimpleNamespace(offset=n, timestamp=1_772_413_928_000, key=key, value=v, headers=())
            for n, v in values.items()
        ],
        source=1,
        topic="transfers",
        partition=0,
        next_offset=3,
        acknowledge=lambda: None,
        now_ms=1,
        acceptance=WorkerSettings().acceptance,
    )
    assert run.offsets.tolist() == [0, 2]
    assert [(letter.offset, letter.reason) for letter in run.dead_letters] == [
        (1, "other_currency")
    ]
    rejected = RejectedRecords()
    raws = [StoredRecord(0, n, 1_772_413_928_000, value, key) for n, value in values.items()]
    frame = frame_of("transfers", raws, rejected, acceptance=WorkerSettings().acceptance)
    assert frame["offset"].to_list() == [0, 2]
    assert rejected.rows == [(0, 1, "other_currency")]


@pytest.mark.parametrize("name", ["event_time_ms", "started_at_ms"])
@pytest.mark.parametrize(
    "time_ms", [0, 1_772_413_928, 1_772_413_928_000_000], ids=["never", "s", "us"]
)
def test_a_time_in_another_unit_is_set_aside_with_its_reason(name: str, time_ms: int) -> None:
    """One call of 1970 would make a stranger an acquaintance of half a century."""
    call = {
        "type": "call_ended", "event_id": "e", "event_time_ms": 1_772_413_928_000,
        "subscriber": "+8613800000001", "call_id": "c", "direction": "inbound", "caller": None,
        "callee": "+8613800000001", "started_at_ms": 1_772_413_928_000, "duration_ms": 0, "answered": False,
    }  # fmt: skip
    assert decode_call(msgspec.json.encode(call)).caller is None
    with pytest.raises(ContractError) as refusal:
        decode_call(msgspec.json.encode(call | {name: time_ms}))
    assert refusal.value.reason == "impossible_time"


@pytest.mark.parametrize("amount_minor", [0, -5_000, 10**13 + 1], ids=["nothing", "less", "more"])
def test_a_transfer_that_cannot_be_is_set_aside_with_its_reason(amount_minor: int) -> None:
    """A transfer of nothing would make a new payee and lift a victim to the last stage."""
    transfer = {
        "type": "transfer", "event_id": "e", "event_time_ms": 1_772_413_928_000,
        "subscriber": "+8613800000001", "transfer_id": "t", "status": "completed",
        "payer_account": "a", "payee_account": "b", "amount_minor": 1,
    }  # fmt: skip
    assert decode_transfer(msgspec.json.encode(transfer)).amount_minor == 1
    with pytest.raises(ContractError) as refusal:
        decode_transfer(msgspec.json.encode(transfer | {"amount_minor": amount_minor}))
    assert refusal.value.reason == "impossible_amount"


def test_a_call_has_to_say_that_its_caller_was_withheld() -> None:
    """A source that forgets the field is no source of withheld calls."""
    call = {
        "type": "call_started", "event_id": "e", "event_time_ms": 1_772_413_928_000,
        "subscriber": "+8613800000001", "call_id": "c", "direction": "inbound", "callee": "+8613800000001",
    }  # fmt: skip
    with pytest.raises(ContractError, match="caller"):
        decode_call(msgspec.json.encode(call))


QUESTION = PaymentQuestion(b"0123456789abcdef" * 4, 3, 1_772_413_929_000)


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        (question_headers(QUESTION), QUESTION),
        ([], None),
        ([("traceparent", b"00-1")], None),
        ([("forewarn-question", b"too short"), *question_headers(QUESTION)[1:]], None),
        ([("forewarn-question", b"0123456789abcdef\n!"), *question_headers(QUESTION)[1:]], None),
        ([*question_headers(QUESTION)[:1], ("forewarn-answer-partition", b"-1")], None),
        ([*question_headers(QUESTION)[:2], ("forewarn-answer-by-ms", b"9" * 30)], None),
        ([(name, None) for name, _ in question_headers(QUESTION)], None),
    ],
)
def test_a_question_is_read_from_the_headers_and_a_wrong_one_stops_nothing(
    headers: list[tuple[str, bytes | None]], asked: PaymentQuestion | None
) -> None:
    transfer = Transfer(
        event_id="e",
        event_time_ms=1_772_413_928_000,
        subscriber="+8613800000001",
        transfer_id="t",
        status="attempted",
        payer_account="own",
        payee_account="other",
        amount_minor=100,
    )
    record = SimpleNamespace(
        offset=9,
        timestamp=1_772_413_928_000,
        key=transfer.subscriber.encode(),
        value=encode(transfer),
        headers=headers,
    )
    run = decode_records(
        [record],
        source=1,
        topic="transfers",
        partition=0,
        next_offset=10,
        acknowledge=lambda: None,
        now_ms=1,
        acceptance=WorkerSettings().acceptance,
    )
    assert len(run.events) == 1
    assert run.questions == ({9: asked} if asked else {})
