"""The person who works on the case informs relatives: few of them, and each is recorded."""

import json

import pytest
from sqlalchemy import select

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.cases.emergency_contacts import MAX_RELATIVES
from alerting.db.case_tables import EmergencyContact
from alerting.db.journal_tables import AuditRecord
from alerting.service_errors import NotFoundError, StepRefusedError
from alerting.web.service_container import Services
from tests.alerting.conftest import responder
from tests.alerting.factory import VICTIM, warning

PHONE = "+8613700000000"


@pytest.fixture
def case_id(services: Services) -> str:
    return services.ingestor.ingest([warning()], "test").results[0][1]


def relatives(services: Services) -> list[tuple[str, str, str]]:
    with services.db.read() as session:
        rows = session.scalars(select(EmergencyContact).order_by(EmergencyContact.phone)).all()
    return [(row.subscriber, row.phone, row.name) for row in rows]


def test_the_holder_adds_an_emergency_contact(
    services: Services, case_id: str, li: Principal
) -> None:
    services.case_service.claim(case_id, li)
    services.emergency_contacts.add(li, case_id, phone=PHONE, name="Moter")
    services.emergency_contacts.add(li, case_id, phone=PHONE, name="Mother")
    assert relatives(services) == [(VICTIM, PHONE, "Mother")]


def test_only_the_holder_or_a_supervisor_adds_a_contact(
    services: Services, case_id: str, li: Principal, wang: Principal, boss: Principal
) -> None:
    services.case_service.claim(case_id, li)
    with pytest.raises(StepRefusedError) as refused:
        services.emergency_contacts.add(wang, case_id, phone=PHONE, name="")
    assert refused.value.code == "not_the_holder"
    for scope in ("1101*", "430406"):
        with pytest.raises(NotFoundError):
            services.emergency_contacts.add(
                responder("local:x", scope), case_id, phone=PHONE, name=""
            )
    assert relatives(services) == []
    services.emergency_contacts.add(boss, case_id, phone=PHONE, name="Mother")
    assert relatives(services) == [(VICTIM, PHONE, "Mother")]


def test_a_closed_case_accepts_no_contact(
    services: Services, case_id: str, boss: Principal
) -> None:
    services.case_service.claim(case_id, boss)
    services.case_service.contact(case_id, boss, method="phone", reached=True)
    services.case_service.contact(case_id, boss, method="phone", reached=True)
    services.closures.close(case_id, boss, Closure("dissuaded"))
    with pytest.raises(StepRefusedError):
        services.emergency_contacts.add(boss, case_id, phone=PHONE, name="")


def test_contacts_of_a_person_are_bounded(
    services: Services, case_id: str, boss: Principal
) -> None:
    phones = [f"+86137000000{number:02}" for number in range(MAX_RELATIVES)]
    for phone in phones:
        services.emergency_contacts.add(boss, case_id, phone=phone, name="")
    with pytest.raises(StepRefusedError) as refused:
        services.emergency_contacts.add(boss, case_id, phone=PHONE + "1", name="")
    assert refused.value.code == "enough_relatives"
    services.emergency_contacts.add(boss, case_id, phone=phones[0], name="Mother")  # one of them


def test_the_audit_log_names_the_case_and_a_pseudonym(
    services: Services, case_id: str, boss: Principal
) -> None:
    services.emergency_contacts.add(boss, case_id, phone=PHONE, name="Mother")
    with services.db.read() as session:
        line = session.scalars(
            select(AuditRecord).where(AuditRecord.action == "relative_added")
        ).one()
    assert (line.actor, line.subject) == (boss.subject, case_id)
    assert len(json.loads(line.detail)["relative"]) == 16
    assert PHONE not in line.detail
    assert "Mother" not in line.detail
