"""The page of the lists shows the sweeps that wait for a supervisor, and takes the decision."""

from collections.abc import Callable

import pytest

from alerting.db.contact_tables import Sweep
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning
from tests.alerting.factory import CALLER, NOW_MS, warning
from tests.alerting.web.console.conftest import Browser


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_a_held_sweep_is_decided_on_the_page_of_the_lists(
    make_browser: Callable[..., Browser], raise_case: Callable[[FraudWarning], str],
    services: Services, verdict: str,
) -> None:  # fmt: skip
    case_id = raise_case(warning())
    with services.db.write() as session:
        session.add(
            Sweep(
                sweep_id="s-1", tenant="default", case_id=case_id, kind="phone", peer=CALLER,
                state="held", held_because="touches_too_many", requested_at_ms=NOW_MS,
            )
        )  # fmt: skip
    boss, elsewhere = make_browser("boss"), make_browser("elsewhere")
    page = boss.get("/console/lists").text
    assert case_id in page
    assert CALLER not in page
    assert case_id not in elsewhere.get("/console/lists").text
    assert elsewhere.post(f"/console/sweeps/s-1/{verdict}").status_code == 404
    assert boss.post(f"/console/sweeps/s-1/{verdict}").status_code == 204
    assert case_id not in boss.get("/console/lists").text
    assert boss.post(f"/console/sweeps/s-1/{verdict}").status_code == 409
