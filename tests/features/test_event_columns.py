"""Events become columns without losing what the kernel needs, and merge the same way every time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import kinds
from features.event_columns import concat, empty, from_arrays, from_events, merge, number_flags
from features.kinds import EventKind as K
from forewarn.contracts import CallEnded, CallStarted, LineChanged, Outcome, Transfer
from forewarn.platform.pseudonyms import Pseudonymiser

PSEUDONYMISER = Pseudonymiser(b"a key for tests only")
ME = "+8613800000001"


def test_each_event_becomes_its_row() -> None:
    """Kind, pseudonyms, amounts and flags of every event type."""
    base = {"event_time_ms": 5_000, "subscriber": ME}
    call = {"call_id": "c1", "direction": "inbound", "caller": "+85261234567", "callee": ME}
    events = [
        CallStarted(event_id="1", **base, **call, attestation="C"),
        CallEnded(
            event_id="2",
            **base,
            **call,
            started_at_ms=1,
            duration_ms=4_000,
            answered=True,
            revision=2,
        ),
        LineChanged(event_id="3", **base, setting="call_forwarding", active=True),
        Transfer(
            event_id="4",
            **base,
            transfer_id="t1",
            status="blocked",
            payer_account="mine",
            payee_account="theirs",
            amount_minor=77,
            purpose="loan",
            device="phone",
        ),
        Transfer(
            event_id="5",
            **base,
            transfer_id="t1",
            status="completed",
            direction="incoming",
            payer_account="theirs",
            payee_account="mine",
            amount_minor=78,
        ),
    ]
    columns = from_events(events, PSEUDONYMISER, source=1, partition=7, offsets=range(10, 15))
    assert columns.kind.tolist() == [
        K.CALL_STARTED,
        K.CALL_ENDED,
        K.LINE_CHANGED,
        K.OUT_BLOCKED,
        K.IN_COMPLETED,
    ]
    assert set(columns.subscriber.tolist()) == {PSEUDONYMISER.phone(ME)}
    number, account = PSEUDONYMISER.phone("+85261234567"), PSEUDONYMISER.account("theirs")
    assert columns.counterparty.tolist() == [number, number, 0, account, account]
    assert columns.subject[0] == columns.subject[1] == PSEUDONYMISER.subject("c1")
    assert columns.device.tolist() == [0, 0, 0, PSEUDONYMISER.device("phone"), 0]
    assert columns.amount_minor.tolist() == [0, 0, 0, 77, 78]
    assert columns.flags[0] == kinds.INBOUND | kinds.FOREIGN | 3 << kinds.ATTESTATION_SHIFT
    assert columns.flags[1] >> kinds.REVISION_SHIFT == 2
    assert columns.flags[1] & kinds.ANSWERED
    assert columns.flags[2] == kinds.FORWARDING | kinds.ACTIVE
    assert columns.flags[3] >> kinds.PURPOSE_SHIFT & 15 == kinds.PURPOSES.index("loan")
    assert columns.offset.tolist() == [10, 11, 12, 13, 14]
    assert set(columns.partition.tolist()) == {7}


def test_an_outcome_has_a_row_for_each_that_it_names() -> None:
    """The first row stands for the outcome, the others concern their counterparty alone."""
    outcome = Outcome(
        event_id="o",
        event_time_ms=1,
        subscriber=ME,
        disposition="dissuaded",
        label_time_ms=1,
        callers=("+8610", "+8611", "+8610"),
        payees=("acc",),
    )
    bare = Outcome(
        event_id="p", event_time_ms=1, subscriber=ME, disposition="unreachable", label_time_ms=1
    )
    columns = from_events([outcome, bare], PSEUDONYMISER, source=2, partition=0, offsets=[4, 5])
    assert columns.offset.tolist() == [4, 4, 4, 5]
    assert columns.event_rows().tolist() == [0, 3]
    assert [bool(f & kinds.ACCOUNT) for f in columns.flags] == [False, False, True, False]
    assert [bool(f & kinds.CONFIRMED) for f in columns.flags] == [True, True, True, False]
    assert columns.counterparty[3] == 0


@pytest.mark.parametrize(
    ("other", "mine", "expected"),
    [
        ("+8613900000000", ME, 0),
        ("008613900000000", ME, 0),
        ("13900000000", ME, 0),
        ("+85261234567", ME, kinds.FOREIGN),
        ("+85361234567", "+85261234567", kinds.FOREIGN),  # three digits tell Macau from Hong Kong
        ("+14155550100", "+12125550100", 0),  # one digit is the code of all of North America
        ("0014155550100", ME, kinds.FOREIGN),
        ("95588", ME, kinds.SHORT_CODE),
        ("+85261234567", "13800000001", 0),  # nothing is foreign to a number without a country
    ],
)
def test_foreign_numbers_are_recognised_by_country_code(
    other: str, mine: str, expected: int
) -> None:
    """Country codes of one, two and three digits, and short codes."""
    assert number_flags(other, mine) == expected


@given(st.lists(st.lists(st.integers(0, 50), max_size=12), min_size=1, max_size=3))
def test_merging_goes_by_time_and_keeps_each_sources_order(times: list[list[int]]) -> None:
    """Every row once; within a source the order given; no row before an earlier one of another."""
    parts = [
        from_arrays(time_ms=t, source=[s] * len(t), offset=range(len(t)))
        for s, t in enumerate(times)
    ]
    merged = merge(parts)
    assert len(merged) == sum(map(len, times))
    newest = dict.fromkeys(range(3), 0)
    reached = 0
    for s in range(len(times)):
        mine = merged.source == s
        assert merged.offset[mine].tolist() == list(range(len(times[s])))
    for source, time in zip(merged.source.tolist(), merged.time_ms.tolist(), strict=True):
        newest[source] = max(newest[source], time)
        assert newest[source] >= reached  # a late row stands where the newest before it stood
        reached = max(reached, newest[source])


def test_joining_and_taking_keep_types() -> None:
    """Types are those of the contract whatever goes in."""
    columns = concat([from_arrays(kind=[1.0], subscriber=[2]), empty()])
    assert columns.kind.dtype == np.uint8
    assert columns.take(np.array([0, 0])).subscriber.tolist() == [2, 2]
    with pytest.raises(ValueError, match="no such column: knid"):
        from_arrays(knid=[1])
    with pytest.raises(ValueError, match="different lengths"):
        from_arrays(kind=[1], flags=[1, 2])
