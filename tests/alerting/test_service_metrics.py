"""Responses are counted once, by the deadline that they met or missed."""

from alerting.access import Principal
from alerting.service_metrics import RESPONSE_SECONDS, RESPONSES
from alerting.web.service_container import Services
from tests.alerting.cases.ledger.test_closing import case_of
from tests.alerting.factory import Clock, warning


def test_a_response_counts_once_as_met_or_missed(
    services: Services, li: Principal, clock: Clock
) -> None:
    def counts() -> dict[str, float]:
        return {
            result: sum(
                RESPONSES.labels(severity, result)._value.get()
                for severity in ("critical", "high", "medium")
            )
            for result in ("met", "missed")
        }

    before = counts()
    waited = sum(RESPONSE_SECONDS.labels(s)._sum.get() for s in ("critical", "high", "medium"))
    services.ingestor.ingest([warning("w-1")], "test")
    services.case_service.claim(case_of(services, "w-1"), li)
    services.case_service.contact(case_of(services, "w-1"), li, method="phone", reached=True)
    assert counts() == {"met": before["met"] + 1, "missed": before["missed"]}
    other = warning("w-2", subscriber="+8613899999999", caller=None, payee="X9")
    services.ingestor.ingest([other], "test")
    clock.advance(seconds=7200)
    services.case_service.claim(case_of(services, "w-2"), li)
    assert counts() == {"met": before["met"] + 1, "missed": before["missed"] + 1}
    after = sum(RESPONSE_SECONDS.labels(s)._sum.get() for s in ("critical", "high", "medium"))
    assert after - waited >= 7200
