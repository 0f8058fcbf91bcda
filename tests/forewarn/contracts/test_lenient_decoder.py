"""Decoding without regular expressions gives what the contract's own decoder gives."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn.contracts import (
    CallEnded,
    CallEvent,
    CallStarted,
    Transfer,
    decode_call,
    decode_transfer,
    encode,
)
from forewarn.contracts.lenient_decoder import plain_call, plain_transfer
from forewarn.errors import ContractError

BASE = {"event_id": "e-1", "event_time_ms": 1_764_000_000_000, "subscriber": "+8613000000001"}
CALL = BASE | {
    "call_id": "c",
    "direction": "inbound",
    "caller": "95588",
    "callee": "+8613000000001",
}
RECORDS: dict[str, dict[str, Any]] = {
    "call_started": CALL | {"type": "call_started", "attestation": "A", "device": "d 1"},
    "call_ended": CALL
    | {
        "type": "call_ended",
        "started_at_ms": 1_763_999_000_000,
        "duration_ms": 5,
        "answered": True,
        "caller": None,
        "tenant": "north2",
        "district": "430400",
        "revision": 3,
    },
    "line_changed": BASE | {"type": "line_changed", "setting": "do_not_disturb", "active": True},
    "transfer": BASE
    | {
        "type": "transfer",
        "transfer_id": "t",
        "status": "blocked",
        "direction": "incoming",
        "payer_account": "62",
        "payee_account": "63",
        "amount_minor": 7,
        "purpose": "loan",
        "channel": "atm",
        "device": "d",
    },
}
TEXTS = st.one_of(
    st.sampled_from(
        ["", " ", "a b", "+", "+1", "++123", "+12345", "12345", "١٢٣", "²²²", "a\n", "1234\n", "é",
         "CNY", "USD", "usd", "default", "a-b", "A-b", "\x7f", "x" * 64, "x" * 65]
    ),
    st.text(max_size=8),
    st.none(),
    st.integers(),
)  # fmt: skip


def verdict(decode: Any, value: bytes) -> Any:
    try:
        return decode(value)
    except (ContractError, msgspec.MsgspecError) as error:
        return error.message if isinstance(error, ContractError) else str(error)
    except UnicodeDecodeError as error:
        return str(error)


@pytest.mark.parametrize("name", ["call_started", "call_ended", "transfer"])
def test_a_usual_record_needs_no_regular_expression(name: str) -> None:
    value = msgspec.json.encode(RECORDS[name])
    found = plain_transfer(value) if name == "transfer" else plain_call(value)
    assert type(found) in (CallStarted, CallEnded, Transfer)
    assert found == msgspec.json.decode(value, type=CallEvent | Transfer)
    assert msgspec.json.decode(encode(found)) == RECORDS[name]


@settings(max_examples=400, deadline=None)
@given(name=st.sampled_from(sorted(RECORDS)), data=st.data())
def test_the_verdict_is_the_contracts(name: str, data: st.DataObject) -> None:
    """Whatever is put into any field, event or error are those of the struct's own decoder."""
    record = dict(RECORDS[name])
    fields = sorted({*record, "tenant", "district", "currency", "device", "caller"})
    for field in data.draw(st.lists(st.sampled_from(fields), max_size=2, unique=True)):
        record[field] = data.draw(TEXTS)
    value = msgspec.json.encode(record)
    kind, decode = (Transfer, decode_transfer) if name == "transfer" else (CallEvent, decode_call)
    assert verdict(decode, value) == verdict(msgspec.json.Decoder(kind).decode, value)
