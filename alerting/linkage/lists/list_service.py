"""Keep the lists, and publish every change to the workers in its transaction."""

from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.cases.history.audit_actions import AuditAction
from alerting.db.contact_tables import ListItem
from alerting.db.database import Database
from alerting.db.desk_tables import ClueImport
from alerting.linkage import sweep_requests as sweeps
from alerting.linkage.lists.list_decision import ItemState, decide_approval, decide_entry
from alerting.messaging.outbox import put_list_entry
from alerting.service_errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    StepRefusedError,
)
from forewarn.contracts.list_entry import ListEntry, ListName, PeerKind, list_key
from forewarn.platform.clock import Clock
from forewarn.platform.pseudonyms import Pseudonymiser, to_hex

ACTOR = "system:lists"
EXPIRE_BATCH = 500
HINTS = {
    "needs_an_expiry": "Give expires_at_ms.",
    "not_a_number": "A number has 3 to 20 digits, with or without a leading +.",
    "not_an_account": "An account has 4 to 64 letters, digits and hyphens.",
    "service_number": "Numbers of banks, operators and authorities are neither blocked nor watched.",
    "pair_needs_a_subscriber": "Give subscriber with pair, and with no other list.",
    "needs_a_second_person": "Another person than the owner has to approve it.",
}


DAY_MS = 86_400_000


class ListService:
    """Propose, approve, remove and expire entries.

    Args:
        pseudonymiser: keys numbers and accounts; the topic is kept without end and holds keys only.
    """

    def __init__(self, db: Database, clock: Clock, pseudonymiser: Pseudonymiser) -> None:
        self._db = db
        self._clock = clock
        self._pseudonyms = pseudonymiser

    def propose(
        self,
        who: Principal,
        *,
        tenant: str,
        name: ListName,
        kind: PeerKind,
        peer: str,
        reason: str,
        subscriber: str | None = None,
        expires_at_ms: int | None = None,
    ) -> ListItem:
        """Propose an entry; it is in force once a second person approves it.

        Raises:
            InvalidRequestError: naming the fault.
            ConflictError: the same entry exists already.
            NotFoundError: the tenant lies outside the caller's scope.
        """
        now_ms = self._clock()
        if who.scope.tenants is not None and tenant not in who.scope.tenants:
            raise NotFoundError("tenant", tenant)
        fault = decide_entry(
            name, kind, peer, subscriber=subscriber, expires_at_ms=expires_at_ms, now_ms=now_ms
        )
        if fault:
            raise InvalidRequestError(
                f"The entry is not valid: {fault.replace('_', ' ')}.",
                code=fault,
                hint=HINTS.get(fault, ""),
            )
        with self._db.write() as session:
            self._db.lock(session, [f"list/{tenant}/{name}/{kind}/{peer}/{subscriber}"])
            if self._same(session, tenant, name, kind, peer, subscriber) is not None:
                raise ConflictError("This entry already exists.", code="already_listed")
            item = self._new(tenant, name, kind, peer, reason, who.subject, "proposed", now_ms)
            item.subscriber, item.expires_at_ms = subscriber, expires_at_ms
            session.add(item)
            self._changed(session, item, "list_proposed", who.subject, now_ms)
        return item

    def approve(self, entry_id: str, who: Principal) -> ListItem:
        """Approve an entry as the second person; it is in force from now on.

        Raises:
            NotFoundError: no such entry in scope.
            StepRefusedError: it is not waiting for approval, or the caller is its owner.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            item = self._locked(session, entry_id, who.scope)
            fault = decide_approval(item.state, item.owner, who.subject)
            if fault:
                raise StepRefusedError(
                    f"Entry {entry_id}: {fault.replace('_', ' ')}.",
                    code=fault,
                    hint=HINTS.get(fault, ""),
                )
            item.state, item.approver, item.changed_at_ms = "active", who.subject, now_ms
            self._changed(session, item, "list_approved", who.subject, now_ms)
        return item

    def remove(self, entry_id: str, who: Principal) -> ListItem:
        """Take an entry off its list, or reject a proposal; raises NotFoundError, StepRefusedError."""
        now_ms = self._clock()
        with self._db.write() as session:
            item = self._locked(session, entry_id, who.scope)
            if item.state not in ("active", "proposed"):
                raise StepRefusedError(f"Entry {entry_id} is {item.state}.", code="not_in_force")
            was_active = item.state == "active"
            item.state = "removed" if was_active else "rejected"
            item.changed_at_ms = now_ms
            action: AuditAction = "list_removed" if was_active else "list_rejected"
            self._changed(session, item, action, who.subject, now_ms, retract=was_active)
        return item

    def expire(self) -> int:
        """Remove expired entries; return how many."""
        now_ms = self._clock()
        with self._db.write() as session:
            due = session.scalars(
                self._db.skip_locked(
                    select(ListItem)
                    .where(
                        ListItem.state.in_(("active", "proposed")),
                        ListItem.expires_at_ms <= now_ms,
                    )
                    .limit(EXPIRE_BATCH)
                )
            ).all()
            for item in due:
                was_active = item.state == "active"
                item.state, item.changed_at_ms = "expired", now_ms
                self._publish(session, item, now_ms, retract=was_active)
            entries = [
                AuditEntry(now_ms, ACTOR, "list_expired", item.entry_id, {"list": item.list})
                for item in due
            ]
            history.append(session, entries)
        return len(due)

    def add_confirmed(
        self,
        session: Session,
        tenant: str,
        name: ListName,
        peers: Sequence[tuple[PeerKind, str]],
        *,
        case_id: str,
        reason: str,
        expires_at_ms: int | None,
        now_ms: int,
    ) -> list[ListItem]:
        """Add entries that a sweep found, in its transaction; those that are there are left."""
        added = []
        for kind, peer in peers:
            if self._same(session, tenant, name, kind, peer, None) is not None:
                continue
            item = self._new(tenant, name, kind, peer, reason, ACTOR, "active", now_ms)
            item.expires_at_ms, item.case_id = expires_at_ms, case_id
            session.add(item)
            self._publish(session, item, now_ms)
            added.append(item)
        return added

    def listed(
        self, session: Session, tenant: str, name: ListName, peers: Sequence[tuple[str, str]]
    ) -> set[tuple[str, str]]:
        """The kinds and numbers of these that the list holds, or that are proposed for it."""
        rows = session.execute(
            select(ListItem.kind, ListItem.peer).where(
                ListItem.tenant == tenant,
                ListItem.list == name,
                ListItem.subscriber.is_(None),
                ListItem.peer.in_({peer for _, peer in peers}),
                ListItem.state.in_(("active", "proposed")),
            )
        )
        return {(kind, peer) for kind, peer in rows}

    def add_imported(self, session: Session, made: ClueImport, now_ms: int) -> list[str]:
        """Add the clues of an approved import, in its transaction; those that are there are left.

        Returns:
            The ids of the new entries.
        """
        name: ListName = made.list_name  # type: ignore[assignment]  # the column holds names only
        peers = [(str(clue["kind"]), str(clue["peer"])) for clue in made.clues]
        known = self.listed(session, made.tenant, name, peers)
        added = []
        for clue in made.clues:
            kind, peer = clue["kind"], str(clue["peer"])
            if (kind, peer) in known:
                continue
            reason = str(clue["reason"]) or made.reason
            item = self._new(made.tenant, name, kind, peer, reason, made.owner, "active", now_ms)
            item.approver = made.approver
            item.expires_at_ms = now_ms + int(clue["days"]) * DAY_MS
            session.add(item)
            self._publish(session, item, now_ms)
            added.append(item.entry_id)
        return added

    def take_off(self, session: Session, entry_ids: Sequence[str], actor: str, now_ms: int) -> None:
        """Take the entries off that are still in force, in the caller's transaction."""
        mine = select(ListItem).where(ListItem.entry_id.in_(entry_ids), ListItem.state == "active")
        for item in session.scalars(self._db.for_update(mine)).all():
            item.state, item.changed_at_ms = "removed", now_ms
            self._changed(session, item, "list_removed", actor, now_ms, retract=True)

    def take_back(self, session: Session, case_id: str, now_ms: int) -> int:
        """Take off what the sweeps of a case put on the lists, in the caller's transaction.

        What stands confirmed in another case stays, as an entry of that case.

        Returns:
            How many entries were taken off.
        """
        mine = select(ListItem).where(ListItem.case_id == case_id, ListItem.state == "active")
        removed = []
        for item in session.scalars(self._db.for_update(mine)).all():
            heir = sweeps.other_case(session, case_id, item.tenant, item.kind, item.peer)
            if heir is not None and item.list == "block":
                item.case_id, item.reason = heir, f"confirmed in {heir}"
                continue
            item.state, item.changed_at_ms = "removed", now_ms
            self._publish(session, item, now_ms, retract=True)
            removed.append(item)
        entries = [
            AuditEntry(now_ms, ACTOR, "list_removed", item.entry_id, {"list": item.list})
            for item in removed
        ]
        history.append(session, entries)
        return len(removed)

    def forget(self, session: Session, tenant: str, subscriber: str, now_ms: int) -> None:
        """Delete a person's own exceptions, in the transaction that erases the person."""
        mine = select(ListItem).where(ListItem.tenant == tenant, ListItem.subscriber == subscriber)
        for item in session.scalars(self._db.for_update(mine)).all():
            if item.state == "active":
                self._publish(session, item, now_ms, retract=True)
            session.delete(item)

    def trusts(self, session: Session, tenant: str, kind: str, peer: str, now_ms: int) -> bool:
        """Whether a number or account is on the allow list."""
        item = self._same(session, tenant, "allow", kind, peer, None)
        return item is not None and item.state == "active" and (item.expires_at_ms or 0) > now_ms

    def list(
        self, scope: Scope, *, name: str | None = None, state: str | None = None, limit: int = 200
    ) -> Sequence[ListItem]:
        """Entries, newest first."""
        statement = select(ListItem).order_by(ListItem.changed_at_ms.desc()).limit(limit)
        if scope.tenants is not None:
            statement = statement.where(ListItem.tenant.in_(sorted(scope.tenants)))
        if name:
            statement = statement.where(ListItem.list == name)
        if state:
            statement = statement.where(ListItem.state == state)
        with self._db.read() as session:
            return session.scalars(statement).all()

    def _locked(self, session: Session, entry_id: str, scope: Scope) -> ListItem:
        statement = select(ListItem).where(ListItem.entry_id == entry_id)
        if scope.tenants is not None:
            statement = statement.where(ListItem.tenant.in_(sorted(scope.tenants)))
        item: ListItem | None = session.scalar(self._db.for_update(statement))
        if item is None:
            raise NotFoundError("list entry", entry_id)
        return item

    @staticmethod
    def _same(
        session: Session,
        tenant: str,
        name: str,
        kind: str,
        peer: str,
        subscriber: str | None,
    ) -> ListItem | None:
        return session.scalar(
            select(ListItem).where(
                ListItem.tenant == tenant,
                ListItem.list == name,
                ListItem.kind == kind,
                ListItem.peer == peer,
                ListItem.subscriber.is_(None)
                if subscriber is None
                else ListItem.subscriber == subscriber,
                ListItem.state.in_(("active", "proposed")),
            )
        )

    @staticmethod
    def _new(
        tenant: str,
        name: ListName,
        kind: PeerKind,
        peer: str,
        reason: str,
        owner: str,
        state: ItemState,
        now_ms: int,
    ) -> ListItem:
        return ListItem(
            entry_id=f"l-{uuid4().hex[:20]}",
            tenant=tenant,
            list=name,
            kind=kind,
            peer=peer,
            reason=reason,
            owner=owner,
            state=state,
            created_at_ms=now_ms,
            changed_at_ms=now_ms,
        )

    def _changed(
        self,
        session: Session,
        item: ListItem,
        action: AuditAction,
        actor: str,
        now_ms: int,
        *,
        retract: bool = False,
    ) -> None:
        self._publish(session, item, now_ms, retract=retract)
        detail = {"list": item.list, "kind": item.kind, "state": item.state}
        entry = AuditEntry(now_ms, actor, action, item.entry_id, detail)
        history.append(session, [entry])

    def _publish(
        self, session: Session, item: ListItem, now_ms: int, *, retract: bool = False
    ) -> None:
        """Publish the entry if it is in force, or its removal if it no longer is."""
        if item.state != "active" and not retract:
            return
        of_kind = self._pseudonyms.phone if item.kind == "phone" else self._pseudonyms.account
        peer = to_hex(of_kind(item.peer))
        subscriber = to_hex(self._pseudonyms.phone(item.subscriber)) if item.subscriber else None
        name: ListName = item.list  # type: ignore[assignment]  # the column holds names only
        kind: PeerKind = item.kind  # type: ignore[assignment]  # likewise
        entry = ListEntry(
            entry_id=item.entry_id,
            tenant=item.tenant,
            list=name,
            kind=kind,
            peer=peer,
            subscriber=subscriber,
            changed_at_ms=now_ms,
            expires_at_ms=item.expires_at_ms,
        )
        key = list_key(item.tenant, name, kind, peer, subscriber)
        put_list_entry(session, key, None if retract else entry, now_ms)
