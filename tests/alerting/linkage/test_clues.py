"""Clues from files: broken lines cost no other, a second person approves, and all can be undone."""

import pytest
from sqlalchemy import select

from alerting.access import Principal, Scope
from alerting.db.contact_tables import ListItem
from alerting.linkage.clues.clue_file import MAX_LINES, read_clues
from alerting.service_errors import InvalidRequestError, NotFoundError, StepRefusedError
from alerting.web.service_container import Services
from tests.alerting.conftest import SECOND

FILE = """类型,号码,理由,天数
电话,+86 170-0000-1111,冒充客服,30
账户,6222020000001234567,涉案,
电话,"+8617000002222,没有结束的引号,30
电话,+8617000001111,重复,30
邮箱,x@example.org,不是号码,30
电话,95588,银行客服,30
电话,+8617000003333,少一列
账户,62220200000076543"21,引号,30
电话,+8617000004444,过长,99999
"""
FAULTS = [
    "", "", "broken_line", "twice_in_the_file", "unknown_kind", "service_number",
    "another_number_of_cells", None, "not_a_number_of_days",
]  # fmt: skip


def items(services: Services) -> list[ListItem]:
    with services.db.read() as session:
        return list(session.scalars(select(ListItem).order_by(ListItem.peer)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_each_line_is_judged_for_itself(services: Services, boss: Principal, encoding: str) -> None:
    lines = services.clue_imports.preview(
        boss, tenant="default", name="watch", data=FILE.encode(encoding)
    )
    assert [line.line_no for line in lines] == list(range(2, 11))
    for line, fault in zip(lines, FAULTS, strict=True):
        assert fault is None or line.fault == fault, line
    assert lines[0].number == "+8617000001111"
    assert items(services) == []


def test_clues_are_in_force_after_a_second_person_and_undone_as_a_whole(
    services: Services, boss: Principal
) -> None:
    made = services.clue_imports.propose(
        boss, tenant="default", name="watch", data=FILE.encode(), reason="协查"
    )
    assert items(services) == []
    with pytest.raises(StepRefusedError):
        services.clue_imports.decide(made.import_id, boss, approve=True)
    services.clue_imports.decide(made.import_id, SECOND, approve=True)
    found = items(services)
    assert {row.state for row in found} == {"active"}
    assert [row.peer for row in found][:1] == ["+8617000001111"]
    assert {(row.owner, row.approver) for row in found} == {(boss.subject, SECOND.subject)}
    with pytest.raises(StepRefusedError):
        services.clue_imports.decide(made.import_id, SECOND, approve=True)
    again = services.clue_imports.preview(boss, tenant="default", name="watch", data=FILE.encode())
    assert again[0].fault == "already_listed"
    services.clue_imports.undo(made.import_id, boss)
    assert {row.state for row in items(services)} == {"removed"}
    with pytest.raises(StepRefusedError):
        services.clue_imports.undo(made.import_id, boss)


def test_a_rejected_import_adds_nothing_and_another_tenant_finds_none(
    services: Services, boss: Principal
) -> None:
    made = services.clue_imports.propose(
        boss, tenant="default", name="block", data=FILE.encode(), reason=""
    )
    foreign = Principal(
        "local:x", "X", frozenset({"supervisor"}), Scope.of(["other"], ["*"]), "session"
    )
    with pytest.raises(NotFoundError):
        services.clue_imports.decide(made.import_id, foreign, approve=True)
    with pytest.raises(NotFoundError):
        services.clue_imports.preview(foreign, tenant="default", name="block", data=b"")
    assert services.clue_imports.recent(foreign.scope) == []
    services.clue_imports.decide(made.import_id, SECOND, approve=False)
    assert items(services) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "no_header"),
        (b"a,b\n1,2\n", "no_header"),
        (b"kind,number\n", "not_that_many_clues"),
        (b"kind,number\n" + b"phone,+8617000001111\n" * (MAX_LINES + 1), "not_that_many_clues"),
        (b"\xff\xfe\x00k", "not_a_text_file"),
        (b"kind,number\nphone,\0\n", "not_a_text_file"),
    ],
)
def test_a_file_that_is_no_list_of_clues_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        read_clues(data)
    assert raised.value.code == code


def test_a_list_that_spares_takes_no_file(services: Services, boss: Principal) -> None:
    with pytest.raises(InvalidRequestError):
        services.clue_imports.preview(boss, tenant="default", name="allow", data=FILE.encode())
