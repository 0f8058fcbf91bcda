"""A replay decides as a worker would, and counts what came of it."""

from pathlib import Path

import numpy as np
import pytest

from features.event_columns import EventColumns, from_arrays
from features.kinds import CLEARED, CONFIRMED, EventKind
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from models.evaluation.backtest import difference_of, replay, summarise
from models.evaluation.backtest.lists_file import read_lists
from models.evaluation.backtest.payment_figures import payment_figures, payment_lines
from models.policy import DEFAULT_POLICY, Policy, parse_policy
from models.serving.scorer import Scorer, load_scorer
from models.training.event_labels import Labels
from models.training.train_artifact import Trained
from models.training.training_dataset import NEVER_MS

HOUR = 3_600_000
T0 = 1_767_225_600_000


@pytest.fixture
def scorer(trained: Trained) -> Scorer:
    return load_scorer(trained.path, fingerprint="")


@pytest.fixture
def policy(scorer: Scorer) -> Policy:
    document, version = parse_policy(DEFAULT_POLICY.read_bytes())
    return Policy(document, version, scorer.features, {"raise": 0.3})


def _vectors(trained: Trained, hot: list[bool]) -> np.ndarray:
    """Vectors that this model finds hot or cold."""
    test = trained.run.split.parts["test"]
    order = np.argsort(trained.run.probability["test"])
    return np.stack([test.vectors[order[-1] if one else order[0]] for one in hot])


def _events(rows: list[tuple[int, int, int, int, int]]) -> EventColumns:
    kind, hours, person, subject, amount = zip(*rows, strict=True)
    return from_arrays(
        kind=kind, time_ms=T0 + np.array(hours) * HOUR, subscriber=person, subject=subject,
        amount_minor=amount, counterparty=np.full(len(rows), 9), offset=np.arange(len(rows)),
    )  # fmt: skip


def _labels(label: list[int], episode: list[int]) -> Labels:
    n = len(label)
    return Labels(
        label=np.array(label, np.int8), label_time_ms=np.full(n, NEVER_MS), episode=np.array(episode),
        ring=np.zeros(n, np.uint64), exposure_minor=np.zeros(n, np.int64),
        first_loss_ms=np.full(n, NEVER_MS), typology=np.full(n, "task_scam"),
        warned=np.zeros(n, bool),
    )  # fmt: skip


ROWS = [
    (EventKind.CALL_STARTED, 0, 1, 10, 0),
    (EventKind.CALL_ENDED, 1, 1, 10, 0),
    (EventKind.OUT_ATTEMPTED, 2, 1, 11, 400_000),
    (EventKind.OUT_COMPLETED, 3, 1, 11, 400_000),
    (EventKind.CALL_STARTED, 4, 2, 12, 0),
    (EventKind.OUT_ATTEMPTED, 5, 3, 13, 100_000),
    (EventKind.OUT_COMPLETED, 6, 3, 13, 100_000),
]
HOT = [False, True, True, True, False, False, False]


def test_warnings_money_and_lead_time_are_counted(
    trained: Trained, scorer: Scorer, policy: Policy
) -> None:
    events = _events(ROWS)
    labels = _labels([1, 1, 1, 1, 0, 1, 1], [0, 0, 0, 0, -1, 1, 1])
    every = np.ones(len(events), bool)
    result = replay(events, _vectors(trained, HOT), np.full(7, "D01"), scorer, policy)
    found = summarise(result, events, labels, policy, every)
    assert [one.row for one in result.raised()] == [1, 2]
    assert found["messages"] == {
        "raise": 2,
        "update": 1,
    }  # the update reports what became of the transfer
    assert (found["episodes"], found["episodes_reached"]) == (2, 1)
    assert (found["paid_minor"], found["movable_minor"]) == (500_000, 400_000)
    assert found["saved_minor"] == 160_000  # call_ended saves two fifths
    assert found["minutes_before_loss"] == 120.0
    assert found["precision"] == 1.0


def test_nothing_outside_the_judged_period_is_decided(
    trained: Trained, scorer: Scorer, policy: Policy
) -> None:
    events = _events(ROWS)
    late = events.time_ms >= T0 + 2 * HOUR
    result = replay(events, _vectors(trained, HOT), np.full(7, ""), scorer, policy, rows=late)
    assert [one.row for one in result.raised()] == [2]


def test_blocks_do_not_change_what_is_decided(
    trained: Trained, of_triggers: Trained, policy: Policy
) -> None:
    """Events of all triggers, by a model of its own for two of them."""
    scorer = load_scorer(of_triggers.path, fingerprint="")
    rng = np.random.default_rng(0)
    rows = [
        (int(rng.choice([1, 2, 4, 5])), hour, int(rng.integers(1, 6)), int(rng.integers(1, 40)),
         int(rng.integers(1, 10**6)))
        for hour in range(200)
    ]  # fmt: skip
    events = _events(rows)
    vectors = _vectors(trained, (rng.random(200) < 0.4).tolist())
    whole = replay(events, vectors, np.full(200, "D"), scorer, policy)
    parts = replay(events, vectors, np.full(200, "D"), scorer, policy, block_rows=7)
    assert [(s.row, s.decision) for s in parts.sent] == [(s.row, s.decision) for s in whole.sent]
    assert len(whole.sent) > 10
    alone = [
        scorer.predict(vectors[i : i + 1], events.kind[i : i + 1])[0] for i in range(len(events))
    ]
    assert whole.probability.tolist() == parts.probability.tolist() == alone


@pytest.mark.parametrize(("flag", "raised"), [(CLEARED, False), (CONFIRMED, True)])
def test_outcomes_in_history_settle_and_quieten_as_they_would(
    trained: Trained, scorer: Scorer, policy: Policy, flag: int, raised: bool
) -> None:
    rows = [
        (EventKind.OUT_ATTEMPTED, 0, 1, 11, 300_000),
        (EventKind.OUTCOME, 1, 1, 50, 0),
        (EventKind.OUT_ATTEMPTED, 2, 1, 12, 300_000),
    ]
    events = _events(rows)
    events.flags[1] = flag
    result = replay(events, _vectors(trained, [True, False, True]), np.full(3, ""), scorer, policy)
    assert (2 in [one.row for one in result.raised()]) == raised
    assert result.reasons.get("suppressed_cleared", 0) == int(not raised)


def test_two_policies_are_compared_warning_by_warning(
    trained: Trained, scorer: Scorer, policy: Policy
) -> None:
    events, vectors = _events(ROWS), _vectors(trained, HOT)
    labels = _labels([1] * 7, [0] * 7)
    document, version = parse_policy(DEFAULT_POLICY.read_bytes().replace(b', "call_ended"]', b"]"))
    quiet = Policy(document, version, scorer.features, {"raise": 0.3})
    first = replay(events, vectors, np.full(7, ""), scorer, policy)
    second = replay(events, vectors, np.full(7, ""), scorer, quiet)
    gap = difference_of(first, second, events, labels)
    assert (gap["both"], gap["only_first"]["warnings"], gap["only_second"]["warnings"]) == (1, 1, 0)
    assert gap["only_first"]["frauds"] == 1
    same = difference_of(first, first, events, labels)
    assert (same["both"], same["only_first"]["warnings"], same["sooner_seconds"]) == (2, 0, 0.0)


def test_what_cannot_be_stopped_any_more_is_decided_as_a_worker_would(
    trained: Trained, scorer: Scorer, policy: Policy
) -> None:
    """Receipts and settled transfers never reach the policy unless the subject was warned about."""
    rows = [
        (EventKind.IN_COMPLETED, 0, 1, 10, 900_000),
        (EventKind.OUT_COMPLETED, 1, 1, 11, 900_000),
        (EventKind.OUT_ATTEMPTED, 2, 1, 12, 900_000),
        (EventKind.OUT_COMPLETED, 3, 1, 12, 900_000),
        (EventKind.OUT_COMPLETED, 4, 1, 13, 900_000),
    ]
    result = replay(_events(rows), _vectors(trained, [True] * 5), np.full(5, ""), scorer, policy)
    assert [(one.row, one.decision.action) for one in result.sent] == [(2, "raise"), (3, "update")]
    assert sum(result.reasons.values()) == 2


def test_lists_are_read_in_clear_and_are_in_force(
    trained: Trained, scorer: Scorer, policy: Policy, tmp_path: Path
) -> None:
    key = Pseudonymiser(b"a key of the backtest tests")
    path = tmp_path / "lists.csv"
    path.write_text(
        "list,kind,peer,subscriber,expires_at_ms\n"
        "allow,account,acct-9,,\n"
        "pair,phone,+8613900000002,+8613800000001,\n"
        f"block,phone,+8613900000003,,{T0 - 1}\n"
    )
    lists = read_lists(path, key)
    events = _events(ROWS)
    events.counterparty[:] = key.account("acct-9")
    result = replay(events, _vectors(trained, HOT), np.full(7, ""), scorer, policy, lists=lists)
    assert result.raised() == []
    assert result.reasons["allow_listed"] >= 2
    assert lists.holds(
        "pair", "default", key.phone("+8613900000002"), T0, key.phone("+8613800000001")
    )
    assert not lists.holds("block", "default", key.phone("+8613900000003"), T0)


@pytest.mark.parametrize(
    "line", ["deny,phone,+8613900000002,,", "pair,phone,+8613900000002,,", "block,phone,,,",
             "block,account,a,+8613800000001,", "block,account,a,,soon"],
)  # fmt: skip
def test_a_line_that_is_no_list_entry_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "lists.csv"
    path.write_text(f"list,kind,peer,subscriber,expires_at_ms\nallow,account,a,,\n{line}\n")
    with pytest.raises(ConfigurationError, match="line 3"):
        read_lists(path, Pseudonymiser(b"a key of the backtest tests"))


def test_honest_payments_that_are_held_are_counted_with_their_hours(
    trained: Trained, scorer: Scorer, policy: Policy
) -> None:
    """Every attempt of the period is answered once; other events are not asked about."""
    events = _events(ROWS)
    fraud = np.array([True, True, True, True, False, False, False])
    bounds = policy.payments.bounds("app", 0)
    probability = np.array([0.99] * 2 + [bounds.hold, 0.99, 0.99, bounds.hold, 0.99])
    every = np.ones(len(events), bool)
    figures = payment_figures(
        events, _vectors(trained, HOT), probability, fraud, policy, rows=every
    )
    assert figures["asked"] == 2
    assert figures["honest"] == {"proceed": 0, "challenge": 0, "hold": 1, "refuse": 0}
    assert figures["frauds"] == {"proceed": 0, "challenge": 0, "hold": 1, "refuse": 0}
    assert figures["honest_held_per_10000"] == 10_000
    assert figures["honest_held_hours"] == policy.document.payments.hold_minutes / 60
    assert (figures["stopped_minor"], figures["fraud_minor"]) == (400_000, 400_000)
    nothing = payment_figures(
        events, _vectors(trained, HOT), probability, fraud, policy, rows=~every
    )
    assert (nothing["asked"], nothing["honest_held_per_10000"]) == (0, 0.0)
    assert len(payment_lines(nothing)) == 4
