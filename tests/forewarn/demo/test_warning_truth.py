"""The demonstration's precision and lead, on a town of three events."""

import polars as pl

from forewarn.demo.warning_truth import WarningTruth, truth_of_warnings

LABELS = pl.DataFrame(
    {
        "subscriber": ["+861", "+861", "+862", "+863"],
        "event_time_ms": [0, 600_000, 0, 0],
        "is_fraud": [True, True, True, False],
        "episode_id": ["e1", "e1", "e2", None],
        "first_loss_ms": [1_200_000, 1_200_000, None, None],
    }
)


def test_leads_go_from_the_first_warning_to_the_loss() -> None:
    raised = [("+861", 600_000), ("+861", 0), ("+862", 0), ("+863", 0), ("+864", 5)]
    assert truth_of_warnings(raised, LABELS) == WarningTruth(4, 2, 1, 20.0)


def test_a_warning_after_the_loss_has_no_lead() -> None:
    late = LABELS.with_columns(pl.lit(600_000).alias("first_loss_ms"))
    assert truth_of_warnings([("+861", 600_000)], late).lead_minutes is None
    assert truth_of_warnings([], LABELS) == WarningTruth()
