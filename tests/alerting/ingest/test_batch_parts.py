"""However many warnings the people of a batch have, a transaction reads a bounded number of them."""

import pytest
from sqlalchemy import event, func, select

from alerting.cases.case_summary import SUMMED_UP
from alerting.db.case_tables import Warning_
from alerting.ingest.batch_parts import held_warnings, parts
from alerting.messaging.topic_reader import TopicRecord
from alerting.web.service_container import Services
from forewarn.contracts.event_codec import encode
from forewarn.contracts.fraud_warning import FraudWarning
from tests.alerting.factory import warning

HELD = {("cn", "a"): 60, ("cn", "b"): 50, ("cn", "c"): 500}


def split(*people: str) -> list[str]:
    found = parts(people, lambda person: ("cn", person), HELD, read_max=110)
    return ["".join(part) for part in found]


def test_parts_keep_the_order_and_count_the_warnings_of_a_person_once() -> None:
    assert split() == []
    assert split("a", "b", "a", "b") == ["abab"]
    assert split("a", "c", "c", "b", "a") == ["a", "cc", "ba"]
    assert split("x", "a", "y", "b", "z", "c") == ["xaybz", "c"]


def record(offset: int, one: FraudWarning) -> TopicRecord:
    return TopicRecord("warnings", 0, offset, 0, one.subscriber.encode(), encode(one))


def test_a_batch_of_people_with_many_warnings_is_applied_in_parts(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [f"+86138000000{number:02}" for number in range(6)]
    before = [warning(f"w-{who}-{no}", subscriber=who) for who in people for no in range(20)]
    services.ingestor.ingest(before, "test")
    with services.db.read() as session:
        held = held_warnings(session, {("default", who) for who in people})
    assert held == {("default", who): 20 for who in people}

    monkeypatch.setattr(services.ingestor, "_read_max", 40)
    sizes = []
    real = services.ingestor.ingest

    def counted(batch: list[FraudWarning], source: str) -> object:
        sizes.append(len(batch))
        return real(batch, source)

    monkeypatch.setattr(services.ingestor, "ingest", counted)
    records = [record(no, warning(f"w-new-{no}", subscriber=people[no % 6])) for no in range(12)]
    services.ingestor.handle(records, lambda item, error: pytest.fail(f"{item} {error}"))
    assert sizes == [2] * 6
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Warning_)) == 132


def test_the_reasons_of_the_other_warnings_of_a_case_are_not_read(services: Services) -> None:
    services.ingestor.ingest([warning(f"w-{no}") for no in range(30)], "test")
    loaded = []
    event.listen(Warning_, "load", lambda row, _context: loaded.append("reasons" in row.__dict__))
    services.ingestor.ingest([warning("w-more")], "test")
    assert loaded == [False] * 30
    with services.db.read() as session:
        rows = session.scalars(select(Warning_).options(SUMMED_UP)).all()
        assert not any("reasons" in row.__dict__ for row in rows)
