"""The contact index and the timelines, fed from the calls and transfers topics in batches.

A repeated batch changes nothing: a call or transfer counts as a contact when its row is first
written, in the same transaction. A batch also shows payments that went through after a case was
closed as prevented; these take the prevented loss back.
"""

from collections.abc import Sequence
from typing import Any, cast

import structlog
from sqlalchemy import Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alerting.cases.late_loss_service import LateLoss, LateLossService
from alerting.db.case_tables import Case, Warning_
from alerting.db.contact_tables import Activity, Contact
from alerting.db.database import Database
from alerting.db.key_conditions import among
from alerting.db.ledger_tables import LedgerClaim
from alerting.linkage.contact_rows import Edge, SeenContact, from_call, from_transfer
from alerting.messaging.poison_isolation import Reject, apply_isolated
from alerting.messaging.topic_reader import TopicRecord
from alerting.service_metrics import INDEXED
from forewarn.contracts.event_codec import decode_call, decode_transfer
from forewarn.errors import ContractError
from forewarn.platform.clock import Clock

ACTOR = "system:index"
KEYS_A_QUERY = 500
"""SQLite takes 32,766 parameters a statement; a key has three."""

_log = structlog.get_logger(__name__)


class ContactIndex:
    """Indexes batches of records.

    Args:
        transfers_topic: name of the transfers topic; any other is calls.
        attribution_window_ms: how long after its last warning a payment still undoes a case's
            prevented loss.
        reject: files a record that the database refuses.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        late_losses: LateLossService,
        *,
        transfers_topic: str,
        attribution_window_ms: int,
        reject: Reject,
    ) -> None:
        self._db = db
        self._clock = clock
        self._late_losses = late_losses
        self._transfers_topic = transfers_topic
        self._window_ms = attribution_window_ms
        self._reject = reject

    def handle(self, records: list[TopicRecord]) -> None:
        """Index a batch.

        Records that do not decode are skipped, since the worker files them as dead letters; records
        that the database refuses go to ``reject``.
        """
        decoded = ((item, self._decode(item)) for item in records)
        seen = [(item, found) for item, found in decoded if found is not None]

        def apply(items: Sequence[tuple[TopicRecord, SeenContact]]) -> None:
            with self._db.write() as session:
                self.take(session, [found for _, found in items])

        if seen:
            refused = apply_isolated(seen, apply, self._reject)
            INDEXED.inc(len(seen) - refused)

    def take(self, session: Session, seen: Sequence[SeenContact]) -> None:
        """Write rows and edges, in the caller's transaction."""
        # Two replicas may write one contact; the lock keeps them from a deadlock.
        self._db.lock(session, ["contacts"])
        newest: dict[tuple[str, str, str], SeenContact] = {}
        for item in seen:
            known = newest.get(item.key)
            if known is None or item.row["source_offset"] >= known.row["source_offset"]:
                newest[item.key] = item
        before = _stored(session, list(newest))
        fresh = [
            item
            for key, item in newest.items()
            if key not in before or item.row["source_offset"] > before[key][0]
        ]
        edges = [
            (
                item.edge,
                key not in before,
                item.completed and before.get(key, (0, ""))[1] != "completed",
            )
            for key, item in newest.items()
            if item.edge is not None
        ]
        _upsert(self._db, session, Activity, [item.row for item in fresh])
        _upsert(self._db, session, Contact, _contacts(edges))
        self._take_back_losses(session, [item for item in fresh if item.completed])

    def _decode(self, item: TopicRecord) -> SeenContact | None:
        try:
            if item.topic == self._transfers_topic:
                return from_transfer(decode_transfer(item.value), item.offset)
            return from_call(decode_call(item.value), item.offset)
        except ContractError:
            return None

    def _take_back_losses(self, session: Session, completed: Sequence[SeenContact]) -> None:
        """Take back the prevented loss of payments that went through after all."""
        if not completed:
            return
        rows = {item.row["subject_id"]: item.row for item in completed}
        victims = sorted({(row["tenant"], row["subscriber"]) for row in rows.values()})
        case_ids = session.scalars(
            select(Case.case_id).where(
                among(Case.tenant, Case.subscriber, victims), Case.state == "closed"
            )
        ).all()

        def losses_of(case: Case) -> list[LateLoss]:
            claims = _claims(session, case.tenant, sorted(rows))
            honest = _withdrawn(session, case.case_id, sorted(rows))
            return [
                LateLoss(row["amount_minor"], transfer_id, known_at_ms=row["at_ms"])
                for transfer_id, row in rows.items()
                if transfer_id not in honest
                and _undoes(case, row, claims.get(transfer_id), self._window_ms)
            ]

        changed = self._late_losses.see_losses(session, case_ids, losses_of, ACTOR, self._clock())
        for case_id in changed:
            _log.info("loss_seen_after_closing", case_id=case_id)


def _undoes(case: Case, row: dict[str, Any], claimed_by: str | None, window_ms: int) -> bool:
    """Whether a completed payment undoes what a closed case prevented."""
    if (row["tenant"], row["subscriber"]) != (case.tenant, case.subscriber):
        return False
    if row["currency"] != case.currency:
        return False
    if claimed_by is not None:
        return claimed_by == case.case_id
    since_ms = row["at_ms"] - case.last_event_ms
    return bool(row["peer"] == case.payee and 0 <= since_ms <= window_ms)


def _claims(session: Session, tenant: str, transfer_ids: Sequence[str]) -> dict[str, str]:
    """The case in whose ledger each transfer counts."""
    claims = session.scalars(
        select(LedgerClaim).where(
            LedgerClaim.tenant == tenant, LedgerClaim.transfer_id.in_(transfer_ids)
        )
    )
    return {claim.transfer_id: claim.case_id for claim in claims}


def _withdrawn(session: Session, case_id: str, transfer_ids: Sequence[str]) -> set[str]:
    """The transfers whose warning in this case was withdrawn: they were meant to go through."""
    return set(
        session.scalars(
            select(Warning_.subject_id).where(
                Warning_.case_id == case_id,
                Warning_.subject_id.in_(transfer_ids),
                Warning_.action == "withdraw",
            )
        )
    )


def _stored(
    session: Session, keys: list[tuple[str, str, str]]
) -> dict[tuple[str, str, str], tuple[int, str]]:
    found: dict[tuple[str, str, str], tuple[int, str]] = {}
    for start in range(0, len(keys), KEYS_A_QUERY):
        stop = start + KEYS_A_QUERY
        rows = session.execute(
            select(
                Activity.tenant,
                Activity.subject_id,
                Activity.kind,
                Activity.source_offset,
                Activity.status,
            ).where(
                among(
                    Activity.tenant,
                    Activity.subject_id,
                    [(tenant, subject_id) for tenant, subject_id, _ in keys[start:stop]],
                )
            )
        )
        found |= {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}
    return found


def _contacts(edges: Sequence[tuple[Edge, bool, bool]]) -> list[dict[str, Any]]:
    """One row a pair for the batch: what is new of it adds up."""
    pairs: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for edge, is_new, is_paid in edges:
        key = (edge.tenant, edge.subscriber, edge.kind, edge.peer)
        row = pairs.setdefault(
            key,
            {
                "tenant": edge.tenant,
                "subscriber": edge.subscriber,
                "kind": edge.kind,
                "peer": edge.peer,
                "district": edge.district,
                "events": 0,
                "paid_minor": 0,
                "first_event_ms": edge.at_ms,
                "last_event_ms": edge.at_ms,
            },
        )
        row["events"] += int(is_new)
        row["paid_minor"] += edge.paid_minor if is_paid else 0
        row["district"] = edge.district or row["district"]
        row["first_event_ms"] = min(row["first_event_ms"], edge.at_ms)
        row["last_event_ms"] = max(row["last_event_ms"], edge.at_ms)
    return [pairs[key] for key in sorted(pairs)]


def _upsert(
    db: Database,
    session: Session,
    table: type[Activity] | type[Contact],
    rows: list[dict[str, Any]],
) -> None:
    if not rows:
        return
    insert = postgresql.insert if db.is_postgresql else sqlite.insert
    # The table, not its class: the session's handling of bulk rows took half the time of an upsert.
    statement: Any = insert(cast("Table", table.__table__))
    new = statement.excluded
    if table is Activity:
        kept = ("status", "duration_ms", "source_offset", "amount_minor", "currency", "at_ms")
        changes = {name: getattr(new, name) for name in kept}
        keys = ["tenant", "subject_id", "kind"]
    else:
        keys = ["tenant", "subscriber", "kind", "peer"]
        changes = {
            "events": Contact.events + new.events,
            "paid_minor": Contact.paid_minor + new.paid_minor,
            "district": new.district,
            "first_event_ms": _lesser(db, Contact.first_event_ms, new.first_event_ms),
            "last_event_ms": _greater(db, Contact.last_event_ms, new.last_event_ms),
        }
    connection = session.connection()
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), rows)


def _lesser(db: Database, first: Any, second: Any) -> Any:
    return func.least(first, second) if db.is_postgresql else func.min(first, second)


def _greater(db: Database, first: Any, second: Any) -> Any:
    return func.greatest(first, second) if db.is_postgresql else func.max(first, second)
