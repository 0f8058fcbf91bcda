"""The evidence pack of a case, on both databases: what is in it, who may have it, and that a change is found."""

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from typer.testing import CliRunner

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.cases.playbooks.playbook_file import default_playbooks
from alerting.cases.unmasking_log import MOST_AT_ONCE, unmaskings
from alerting.db.journal_tables import AuditRecord
from alerting.evidence.evidence_check import check_file, claim_of
from alerting.evidence.evidence_file import DATA, digest_in
from alerting.evidence.evidence_service import EvidenceRequest, log_fault
from alerting.orders.appeal_service import Objection
from alerting.orders.order_rows import OrderRequest
from alerting.service_errors import NotFoundError, StepRefusedError
from alerting.web.console.evidence_words import evidence_words
from alerting.web.console.queries.review_query import load_unmaskings
from alerting.web.console.translations import translator
from alerting.web.service_container import Services
from forewarn.cli import evidence_command
from tests.alerting.conftest import SECOND, responder
from tests.alerting.factory import CALLER, PAYEE, VICTIM, Clock, warning

ENGLISH = evidence_words(translator("en"), ZoneInfo("Asia/Shanghai"), default_playbooks())
CLEAR = EvidenceRequest("for the file of the police", clear=True)
MASKED = EvidenceRequest("for a review", clear=False)
SECRETS = (
    VICTIM, PAYEE, CALLER, "王某某", "赵某某", "at the door", "It is mine", "three victims", "twice",
)  # fmt: skip


def other(services: Services, number: int) -> None:
    """Another case, whose lines stand in the log between those of the first."""
    person, caller = f"+861380000{number:04}", f"+8617099{number:06}"
    services.ingestor.ingest([warning(f"w-{number}", subscriber=person, caller=caller)], "test")


def lived(services: Services, boss: Principal) -> str:
    """A case with an order, an objection and an outcome, and other cases around it."""
    other(services, 100)
    case_id = services.ingestor.ingest([warning()], "test").results[0][1]
    services.case_service.claim(case_id, boss)
    other(services, 200)
    request = OrderRequest("stop_account", "paid <b>twice</b>", payee_name="王某某")
    order = services.orders.order(case_id, boss, request)
    services.orders.record_result(order.order_id, boss, done=True, reference="ref-17")
    objection = Objection("赵某某", "It is mine.", "phone")
    appeal = services.appeals.file(order.order_id, boss, objection)
    services.appeals.refuse(appeal.appeal_id, SECOND, reason="three victims")
    services.case_service.contact(case_id, boss, method="visit", reached=True, note="at the door")
    services.closures.close(case_id, boss, Closure("dissuaded", note="keeps the money"))
    return case_id


def data_of(content: bytes) -> dict[str, object]:
    found = DATA.search(content)
    assert found is not None
    data: dict[str, object] = json.loads(found.group(1))
    return data


def failing(content: bytes, expect_root: str = "") -> list[str]:
    return [one.name for one in check_file(content, expect_root=expect_root) if not one.holds]


def test_a_pack_holds_everything_about_its_case_and_its_proof(
    services: Services, boss: Principal
) -> None:
    case_id = lived(services, boss)
    content = services.evidence.export(case_id, boss, CLEAR, ENGLISH)
    assert failing(content) == []
    sections = data_of(content)["sections"]
    assert isinstance(sections, dict)
    assert sections["case"]["subscriber"] == VICTIM
    assert [row["state"] for row in sections["orders"]] == ["in_force"]
    assert [row["state"] for row in sections["objections"]] == ["refused"]
    kinds = [row["kind"] for row in sections["history"]]
    assert {"claimed", "order_placed", "order_confirmed", "appeal_refused", "closed"} <= set(kinds)
    lines = sections["audit"]["lines"]
    assert [line["action"] for line in lines] == kinds
    assert {line["subject"] for line in lines} == {case_id}
    assert len(lines) < sections["audit"]["last_no"]  # others stand between them, unseen
    page = content.decode()
    assert "paid &lt;b&gt;twice&lt;/b&gt;" in page
    assert VICTIM in page
    assert PAYEE in page


def test_a_masked_pack_holds_no_number_no_name_and_no_remark(
    services: Services, boss: Principal
) -> None:
    case_id = lived(services, boss)
    page = services.evidence.export(case_id, boss, MASKED, ENGLISH).decode()
    assert [secret for secret in SECRETS if secret in page] == []


def test_any_change_of_the_file_is_found(services: Services, boss: Principal) -> None:
    case_id = lived(services, boss)
    content = services.evidence.export(case_id, boss, CLEAR, ENGLISH)
    assert failing(content.replace(b"keeps the money", b"kept the money.", 1)) != []
    data = content.replace(b'"lost_minor":0', b'"lost_minor":1', 1)
    assert {"the bytes of the file", "the sections"} <= set(failing(data))
    line = content.replace(b'"action":"closed"', b'"action":"merged"', 1)
    assert "the audit lines" in failing(line)
    assert failing(content, "00" * 32) == ["the expected root"]
    for broken in (b"", b"<html>", content[: len(content) // 2], b"\xff" * 100):
        assert failing(broken) != []


def test_a_file_with_sums_of_its_own_is_found_by_the_log(
    services: Services, boss: Principal
) -> None:
    """New checksums do not make the audit log name them."""
    case_id = lived(services, boss)
    content = services.evidence.export(case_id, boss, CLEAR, ENGLISH)
    claim = claim_of(content)
    assert claim is not None
    assert log_fault(services.db, claim, digest_in(content)) is None
    assert log_fault(services.db, claim, "0" * 64) == "the log names no export of this file"
    with services.db.read() as session:
        logged = session.scalars(
            select(AuditRecord.detail).where(AuditRecord.action == "evidence_exported")
        ).one()
    assert json.loads(logged)["sha256"] == digest_in(content)
    assert "police" not in logged  # what a person wrote stays out of the log


def test_an_export_is_within_the_scope_and_bounded(services: Services, boss: Principal) -> None:
    case_id = lived(services, boss)
    with pytest.raises(NotFoundError):
        services.evidence.export(case_id, responder("local:far", "1101*"), MASKED, ENGLISH)
    with pytest.raises(StepRefusedError) as refused:
        services.evidence.export(case_id, boss, MASKED, ENGLISH, max_lines=3)
    assert refused.value.code == "log_too_long"
    with services.db.read() as session:
        count = text("SELECT count(*) FROM audit_log WHERE action = 'evidence_exported'")
        assert session.execute(count).scalar_one() == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_says_what_holds_and_what_does_not(
    services: Services, boss: Principal, tmp_path: Path
) -> None:
    case_id = lived(services, boss)
    content = services.evidence.export(case_id, boss, CLEAR, ENGLISH)
    file = tmp_path / "pack.html"
    file.write_bytes(content)
    good = CliRunner().invoke(evidence_command.app, ["verify", str(file)])
    assert good.exit_code == 0, good.output
    assert "FAILS" not in good.output
    file.write_bytes(content.replace(b"three victims", b"no such thing", 1))
    bad = CliRunner().invoke(evidence_command.app, ["verify", str(file)])
    assert bad.exit_code == 1
    assert "FAILS: the bytes of the file" in bad.output


def test_a_pack_in_clear_counts_against_the_hourly_limit_and_is_recorded_as_numbers_are(
    services: Services, boss: Principal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = lived(services, boss)
    with services.db.read() as session:
        before = unmaskings(session, boss, clock())
    services.evidence.export(case_id, boss, MASKED, ENGLISH)
    with services.db.read() as session:
        assert unmaskings(session, boss, clock()) == before  # a masked one shows nothing
    services.evidence.export(case_id, boss, CLEAR, ENGLISH)
    with services.db.read() as session:
        shown = unmaskings(session, boss, clock()) - before
        logged = session.scalars(
            select(AuditRecord.detail).where(AuditRecord.action == "personal.unmasked")
        ).one()
        (seen,) = load_unmaskings(session, boss.scope, clock())
    assert json.loads(logged) == {
        "what": "evidence",
        "reason": "exports_evidence",
        "numbers": shown,
    }
    assert (
        5 <= shown <= MOST_AT_ONCE
    )  # person, caller, payee and those of the order and the objection
    assert (seen.person, seen.shown) == (boss.subject, shown)
    monkeypatch.setattr("alerting.cases.unmasking_log.SUPERVISOR_LIMIT", 2 * shown - 1)
    with pytest.raises(StepRefusedError) as refused:
        services.evidence.export(case_id, boss, CLEAR, ENGLISH)
    assert refused.value.code == "unmask_limit"
    with services.db.read() as session:
        actions = session.scalars(select(AuditRecord.action)).all()
    assert actions.count("personal.unmask_refused") == 1
    assert actions.count("evidence_exported") == 2
    clock.advance(seconds=3601)
    assert services.evidence.export(case_id, boss, CLEAR, ENGLISH)
