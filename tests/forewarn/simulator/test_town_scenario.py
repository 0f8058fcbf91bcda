"""Impossible scenarios are refused with a reason; local midnight is where it should be."""

from datetime import UTC, date, datetime

import pytest

from forewarn.errors import ConfigurationError
from forewarn.simulator import DeliveryFaults, Scenario


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        ({"subscribers": 10}, "subscribers"),
        ({"days": 0}, "days"),
        ({"prevalence": 0.5}, "prevalence"),
        ({"report_share": 1.5}, "report_share"),
        ({"intervention_share": -0.1}, "intervention_share"),
        ({"seed": -1}, "seed"),
        ({"districts": ()}, "districts"),
        ({"typology_shares": {"tulips": 1.0}}, "typology_shares"),
        ({"typology_shares": {"task_scam": 0.0}}, "typology_shares"),
        ({"delivery_faults": DeliveryFaults(duplicates=2.0)}, "duplicates"),
        ({"delivery_faults": DeliveryFaults(jitter_seconds=-1.0)}, "delays"),
    ],
)
def test_an_impossible_scenario_names_what_is_wrong(choice: dict, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Scenario(**choice)


def test_days_begin_at_local_midnight() -> None:
    scenario = Scenario(start=date(2026, 3, 1), days=2, utc_offset_hours=8)
    assert datetime.fromtimestamp(scenario.start_ms / 1000, UTC) == datetime(
        2026, 2, 28, 16, tzinfo=UTC
    )
    assert scenario.end_ms - scenario.start_ms == 2 * 86_400_000
