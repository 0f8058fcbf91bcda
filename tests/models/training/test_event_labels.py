"""Outcomes become labels of events, with the time at which they were known."""

import numpy as np
import polars as pl
import pytest

from features.event_columns import EventColumns, from_arrays
from features.kinds import EventKind
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from models.training.event_labels import label_events
from models.training.label_weights import LARGEST, label_weights
from models.training.training_dataset import HOUR_MS, NEVER_MS

P = Pseudonymiser(b"a key of the label tests")
T0 = 1_767_225_600_000
VICTIM, SWINDLER, ACCOUNT, FRIEND = "+8613800000001", "+8617000000009", "acct-9", "+8613800000002"

EVENTS: list[tuple[int, int, int, int, int]] = [  # kind, hours after T0, party, subject, amount
    (EventKind.CALL_STARTED, 1, P.phone(SWINDLER), 1, 0),
    (EventKind.CALL_ENDED, 2, P.phone(SWINDLER), 1, 0),
    (EventKind.CALL_STARTED, 2, P.phone(FRIEND), 2, 0),
    (EventKind.LINE_CHANGED, 3, 0, 3, 0),
    (EventKind.OUT_ATTEMPTED, 4, P.account(ACCOUNT), 4, 5_000),
    (EventKind.OUT_COMPLETED, 5, P.account(ACCOUNT), 4, 5_000),
    (EventKind.LINE_CHANGED, 20, 0, 5, 0),
    (EventKind.CALL_STARTED, 90, P.phone(SWINDLER), 6, 0),
]


def events(subscriber: str = VICTIM) -> EventColumns:
    kind, hours, party, subject, amount = zip(*EVENTS, strict=True)
    return from_arrays(
        kind=kind,
        time_ms=T0 + np.array(hours) * HOUR_MS,
        subscriber=np.full(len(kind), P.phone(subscriber), np.uint64),
        counterparty=np.array(party, np.uint64),  # as float64 the last digits would be lost
        subject=subject,
        amount_minor=amount,
        offset=np.arange(len(kind)),
    )


def outcome(**changes: object) -> pl.DataFrame:
    row = {
        "subscriber": VICTIM, "disposition": "loss_occurred", "label_time_ms": T0 + 48 * HOUR_MS,
        "fraud_began_ms": T0 + HOUR_MS, "callers": [SWINDLER], "payees": [ACCOUNT],
        "lost_minor": 5_000, "prevented_minor": 1_000, "typology": "task_scam",
    }  # fmt: skip
    return pl.DataFrame([{**row, **changes}], strict=False)


def test_events_with_the_confirmed_parties_are_the_fraud_and_nothing_else() -> None:
    found = label_events(events(), outcome(), P)
    # The friend's call, the later line change and the call after the report are not.
    assert found.label.tolist() == [1, 1, 0, 1, 1, 1, 0, 0]
    assert set(found.label_time_ms[found.label == 1]) == {T0 + 48 * HOUR_MS}
    assert found.label_time_ms[2] == NEVER_MS
    assert set(found.first_loss_ms[found.label == 1]) == {T0 + 5 * HOUR_MS}
    assert set(found.exposure_minor[found.label == 1]) == {6_000}


def test_a_dissuaded_fraud_is_a_fraud_that_was_warned_about() -> None:
    found = label_events(events(), outcome(disposition="dissuaded", lost_minor=0), P)
    assert found.label.sum() == 5
    assert found.warned[found.label == 1].all()
    assert (found.first_loss_ms == NEVER_MS).all()


def test_a_false_alarm_says_when_honesty_was_known() -> None:
    found = label_events(events(), outcome(disposition="false_alarm"), P)
    assert found.label.sum() == 0
    assert found.label_time_ms[0] == T0 + 48 * HOUR_MS


def test_a_fraud_is_known_only_from_the_first_word_that_calls_it_one() -> None:
    alarm = outcome(disposition="false_alarm", label_time_ms=T0 + 24 * HOUR_MS)
    found = label_events(events(), pl.concat([alarm, outcome()]), P)
    assert set(found.label_time_ms[found.label == 1]) == {T0 + 48 * HOUR_MS}
    again = outcome(disposition="false_alarm", label_time_ms=T0 + 30 * HOUR_MS)
    found = label_events(events(), pl.concat([outcome(), again]), P)
    assert set(found.label_time_ms[found.label == 1]) == {T0 + 48 * HOUR_MS}


def test_other_people_are_not_concerned() -> None:
    assert label_events(events(FRIEND), outcome(), P).label.sum() == 0


def test_the_last_word_on_a_case_counts() -> None:
    first = outcome(case_id="c1")
    second = outcome(case_id="c1", disposition="false_alarm", label_time_ms=T0 + 60 * HOUR_MS)
    assert label_events(events(), pl.concat([first, second]), P).label.sum() == 0
    assert label_events(events(), pl.concat([second, first]), P).label.sum() == 0


def test_every_warning_of_a_case_labels_its_own_parties() -> None:
    """Alerting publishes one outcome a warning; together they are one episode, at stake once."""
    common = {"case_id": "c1", "prevented_minor": 0}
    call = outcome(**common, warning_id="w1", payees=[], lost_minor=0, at_risk_minor=2_000)
    paid = outcome(**common, warning_id="w2", callers=[], transfer_id="t")
    found = label_events(events(), pl.concat([call, paid], how="diagonal_relaxed"), P)
    assert found.label.tolist() == [1, 1, 0, 0, 1, 1, 0, 0]
    fraud = found.label == 1
    assert len(set(found.episode[fraud])) == len(set(found.ring[fraud])) == 1
    assert set(found.exposure_minor[fraud]) == {5_000}, (
        "what the call may have been after is not added"
    )
    assert set(found.first_loss_ms[fraud]) == {T0 + 5 * HOUR_MS}, "also of the call before it"


def test_a_correction_of_one_warning_leaves_the_others() -> None:
    first = outcome(case_id="c1", warning_id="w1", payees=[])
    other = outcome(case_id="c1", warning_id="w2", callers=[])
    corrected = outcome(
        case_id="c1", warning_id="w1", payees=[], disposition="false_alarm",
        label_time_ms=T0 + 60 * HOUR_MS,
    )  # fmt: skip
    found = label_events(events(), pl.concat([first, other, corrected], how="diagonal_relaxed"), P)
    assert found.label.tolist() == [0, 0, 0, 0, 1, 1, 0, 0]


def test_outcomes_that_share_an_account_are_one_ring() -> None:
    both = pl.concat([outcome(), outcome(subscriber=FRIEND, callers=["+8617000000001"])])
    mine, theirs = label_events(events(), both, P), label_events(events(FRIEND), both, P)
    assert mine.ring[0] == theirs.ring[4] != 0
    apart = pl.concat([outcome(), outcome(subscriber=FRIEND, callers=["+1"], payees=["other"])])
    assert len({int(label_events(events(), apart, P).ring[0]), 0}) == 2


def test_missing_columns_are_named() -> None:
    with pytest.raises(ConfigurationError, match="label_time_ms"):
        label_events(events(), pl.DataFrame({"subscriber": ["1"], "disposition": ["x"]}), P)


def test_each_labelled_fraud_counts_the_inverse_of_its_chance_to_be_labelled() -> None:
    label, warned = np.array([1, 1, 0], np.int8), np.array([True, False, False])
    weights = label_weights(label, warned, report_share=0.5, closed_share=0.8)
    assert weights.tolist() == [1.25, 2.0, 1.0]
    assert label_weights(label, warned, report_share=0.01)[1] == LARGEST
    with pytest.raises(ConfigurationError, match="report_share"):
        label_weights(label, warned, report_share=0.0)


def test_weights_undo_a_biased_selection() -> None:
    """Half of the frauds were warned about and all labelled, of the others one in four."""
    rng = np.random.default_rng(0)
    warned = rng.random(40_000) < 0.5
    labelled = rng.random(40_000) < np.where(warned, 1.0, 0.25)
    weights = label_weights(labelled.astype(np.int8), warned, report_share=0.25, closed_share=1.0)[
        labelled
    ]
    share = weights[warned[labelled]].sum() / weights.sum()
    assert share == pytest.approx(0.5, abs=0.02)
