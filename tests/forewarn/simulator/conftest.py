"""A small town that most tests look at; made once, since it does not change."""

import pytest

from forewarn.simulator import Scenario, Town, simulate


@pytest.fixture(scope="package")
def town() -> Town:
    """1,500 people for 21 days with fraud enough to count, and no interventions."""
    return simulate(
        Scenario(seed=7, subscribers=1_500, days=21, prevalence=0.02, intervention_share=0.0)
    )
