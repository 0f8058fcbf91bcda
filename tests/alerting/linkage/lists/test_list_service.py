"""Lists: four eyes where warnings are switched off, expiry, and what workers receive."""

import pytest
from sqlalchemy import select

from alerting.access import EVERYTHING, Principal, Scope
from alerting.cases import history
from alerting.db.journal_tables import OutboxMessage
from alerting.service_errors import AlertingError, NotFoundError
from alerting.web.service_container import Services
from forewarn.contracts.list_entry import decode_list_entry, list_key
from forewarn.platform.pseudonyms import Pseudonymiser, to_hex
from tests.alerting.factory import CALLER, NOW_MS, VICTIM, Clock

DAY_MS = 86_400_000


def topic(services: Services) -> dict[bytes, str | None]:
    """The compacted topic as a worker sees it: the newest value per key."""
    with services.db.read() as session:
        rows = session.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.topic == "lists")
            .order_by(OutboxMessage.message_no)
        ).all()
    return {row.key: row.value and decode_list_entry(row.value).list for row in rows}


def propose(services: Services, who: Principal, name: str, **changes: object):
    fields = {
        "tenant": "default", "name": name, "kind": "phone", "peer": CALLER, "reason": "test",
        "subscriber": VICTIM if name == "pair" else None, "expires_at_ms": NOW_MS + DAY_MS,
    }  # fmt: skip
    return services.lists.propose(who, **(fields | changes))


@pytest.mark.parametrize("name", ["allow", "pair", "block", "watch"])
def test_an_entry_needs_a_second_person(
    services: Services, boss: Principal, li: Principal, name: str
) -> None:
    item = propose(services, boss, name)
    assert item.state == "proposed"
    assert topic(services) == {}
    with pytest.raises(AlertingError) as refused:
        services.lists.approve(item.entry_id, boss)
    assert refused.value.code == "needs_a_second_person"
    services.lists.approve(item.entry_id, li)
    assert list(topic(services).values()) == [name]


def test_a_removed_entry_is_a_tombstone_under_the_same_key(
    services: Services, boss: Principal, li: Principal, pseudonymiser: Pseudonymiser
) -> None:
    item = propose(services, boss, "block")
    services.lists.approve(item.entry_id, li)
    key = list_key("default", "block", "phone", to_hex(pseudonymiser.phone(CALLER)))
    assert topic(services) == {key: "block"}
    services.lists.remove(item.entry_id, boss)
    assert topic(services) == {key: None}


def test_an_entry_expires_by_itself(
    services: Services, boss: Principal, li: Principal, clock: Clock
) -> None:
    services.lists.approve(propose(services, boss, "watch").entry_id, li)
    clock.advance(seconds=86_399)
    assert services.lists.expire() == 0
    clock.advance(seconds=1)
    assert services.lists.expire() == 1
    assert list(topic(services).values()) == [None]
    assert services.lists.list(EVERYTHING, state="active") == []


@pytest.mark.parametrize(
    ("name", "changes", "code"),
    [
        ("allow", {"expires_at_ms": None}, "needs_an_expiry"),
        ("allow", {"expires_at_ms": NOW_MS}, "expired_already"),
        ("watch", {"expires_at_ms": NOW_MS + 91 * DAY_MS}, "expires_too_late"),
        ("pair", {"subscriber": None}, "pair_needs_a_subscriber"),
        ("block", {"subscriber": VICTIM}, "pair_needs_a_subscriber"),
        ("block", {"expires_at_ms": None}, "needs_an_expiry"),
        ("block", {"peer": "abc"}, "not_a_number"),
        ("allow", {"peer": "+86 138 0000"}, "not_a_number"),
        ("block", {"kind": "account", "peer": "6222/1"}, "not_an_account"),
        ("block", {"peer": "95588"}, "service_number"),
        ("watch", {"peer": "+8696110"}, "service_number"),
        ("block", {"peer": "110"}, "service_number"),
    ],
)
def test_an_entry_that_cannot_be_right_is_refused_by_name(
    services: Services, boss: Principal, name: str, changes: dict, code: str
) -> None:
    with pytest.raises(AlertingError) as refused:
        propose(services, boss, name, **changes)
    assert refused.value.code == code


def test_the_same_entry_twice_is_a_conflict(services: Services, boss: Principal) -> None:
    propose(services, boss, "watch")
    with pytest.raises(AlertingError) as refused:
        propose(services, boss, "watch")
    assert refused.value.code == "already_listed"


def test_another_tenants_entries_do_not_exist(services: Services, boss: Principal) -> None:
    item = propose(services, boss, "watch")
    stranger = Principal(
        "local:x", "x", frozenset({"supervisor"}), Scope.of(["other"], ["*"]), "session"
    )
    assert services.lists.list(stranger.scope) == []
    with pytest.raises(NotFoundError):
        services.lists.remove(item.entry_id, stranger)
    with pytest.raises(NotFoundError):
        propose(services, stranger, "watch", peer="+8617012345678")


def test_the_number_of_a_bank_can_be_trusted(
    services: Services, boss: Principal, li: Principal
) -> None:
    item = propose(services, boss, "allow", peer="95588")
    assert services.lists.approve(item.entry_id, li).state == "active"


def test_no_number_is_in_the_audit_log_or_the_topic(
    services: Services, boss: Principal, li: Principal
) -> None:
    services.lists.approve(propose(services, boss, "block").entry_id, li)
    with services.db.read() as session:
        values = [row.key + (row.value or b"") for row in session.scalars(select(OutboxMessage))]
    assert values
    assert not any(CALLER.encode() in value for value in values)
    assert history.verify(services.db).lines == 2
