"""What the database does not tell: values, in whatever is logged when a statement fails."""

import traceback

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from alerting.db import Database
from alerting.db.cases import Relative
from tests.alerting.factory import NOW_MS, VICTIM

OTHER = "+8613700000000"


def relative(phone: str = OTHER, name: str = "Mother") -> Relative:
    return Relative(tenant="default", subscriber=VICTIM, phone=phone, name=name, added_at_ms=NOW_MS)


def test_a_row_that_is_there_already_is_told_without_its_numbers(db: Database) -> None:
    with db.write() as session:
        session.add(relative())
    with pytest.raises(DBAPIError) as failed, db.write() as session:
        session.add(relative())
    logged = "".join(traceback.format_exception(failed.value))
    assert "relatives" in logged  # enough is left to find the fault
    for secret in (VICTIM, OTHER, VICTIM[1:], OTHER[1:], "Mother"):
        assert secret not in logged


def test_a_statement_that_fails_is_told_without_its_parameters(db: Database) -> None:
    with pytest.raises(DBAPIError) as failed, db.write() as session:
        session.execute(
            text("INSERT INTO relatives (tenant, subscriber, phone) VALUES ('x', :a, :b)"),
            {"a": VICTIM, "b": OTHER},
        )
    logged = "".join(traceback.format_exception(failed.value))
    assert VICTIM not in logged
    assert OTHER not in logged


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.system
def test_a_value_of_the_wrong_type_is_not_quoted(db: Database) -> None:
    with pytest.raises(DBAPIError) as failed, db.write() as session:
        session.execute(text("SELECT CAST(:a AS bigint)"), {"a": f"x{VICTIM}"})
    assert VICTIM not in "".join(traceback.format_exception(failed.value))
