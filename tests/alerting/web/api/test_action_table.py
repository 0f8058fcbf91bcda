"""The table of actions in docs/security.md is what the service allows each role."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest
from fastapi.testclient import TestClient

from alerting.access import GRANTS, PERMISSIONS
from alerting.cases.history.audit_actions import AuditAction

PEOPLE = ("responder", "supervisor", "analyst", "auditor", "administrator")
PAGE = Path(__file__).parents[4] / "docs" / "security.md"


@dataclass(frozen=True, slots=True)
class Row:
    """One action of the table."""

    name: str
    method: str
    path: str
    permission: str
    roles: frozenset[str]
    audit: str


def rows() -> list[Row]:
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and (route := re.fullmatch(r"`(POST|DELETE) (/\S+)`", cells[1])):
            roles = frozenset(cells[3].split(", "))
            found.append(Row(cells[0], *route.groups(), cells[2][1:-1], roles, cells[5][1:-1]))
    return found


def test_the_table_names_the_roles_of_each_permission_and_the_audit_action() -> None:
    assert len(rows()) >= 15
    for row in rows():
        assert row.permission in PERMISSIONS, row.name
        allowed = {role for role in PEOPLE if row.permission in GRANTS[role]}
        assert row.roles == allowed, row.name
        assert row.audit in get_args(AuditAction), row.name


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("role", PEOPLE)
def test_every_role_may_do_what_the_table_says_and_nothing_else(
    client: TestClient, key_for: Callable[..., dict[str, str]], role: str
) -> None:
    headers = key_for(role)
    for row in rows():
        if row.path.startswith("/v1/"):
            answer = client.request(row.method, row.path, headers=headers, json={})
            assert (answer.status_code != 403) == (role in row.roles), (row.name, answer.text)
