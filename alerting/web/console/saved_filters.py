"""Filters of the queue that a person keeps under a name; each person sees their own."""

from collections.abc import Sequence
from dataclasses import asdict
from urllib.parse import urlencode

from sqlalchemy import delete, func, select

from alerting.access import Principal
from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.db.database import Database
from alerting.db.desk_tables import SavedFilter
from alerting.service_errors import InvalidRequestError, NotFoundError
from alerting.web.console.queries.queue_query import QueueFilter

MAX_FILTERS = 30
SUBJECT = "queue"
"""What the audit log says that a filter is of."""


class SavedFilters:
    """Keeps, lists and removes the filters of a person."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def keep(self, who: Principal, name: str, wanted: QueueFilter, now_ms: int) -> None:
        """Keep a filter; one of the same name is replaced.

        Raises:
            InvalidRequestError: the person has 30 already.
        """
        query = {field: value for field, value in asdict(wanted).items() if value}
        with self._db.write() as session:
            row = session.get(SavedFilter, (who.subject, name))
            if row is not None:
                row.query = query
            else:
                mine = session.scalar(
                    select(func.count()).where(SavedFilter.subject == who.subject)
                )
                if (mine or 0) >= MAX_FILTERS:
                    raise InvalidRequestError("You have 30 filters.", code="too_many_filters")
                session.add(
                    SavedFilter(subject=who.subject, name=name, query=query, created_at_ms=now_ms)
                )
            # Without the name, which is free text: the log cannot be erased.
            detail = {"query": query}
            history.append(
                session, [AuditEntry(now_ms, who.subject, "filter_kept", SUBJECT, detail)]
            )

    def remove(self, who: Principal, name: str, now_ms: int) -> None:
        """Remove a filter; raises NotFoundError."""
        mine = (SavedFilter.subject == who.subject, SavedFilter.name == name)
        with self._db.write() as session:
            gone = session.execute(
                delete(SavedFilter).where(*mine).returning(SavedFilter.name)
            ).first()
            if gone is None:
                raise NotFoundError("filter", name)
            history.append(session, [AuditEntry(now_ms, who.subject, "filter_removed", SUBJECT)])

    def of(self, who: Principal) -> Sequence[tuple[str, str]]:
        """Names with the query of the queue's address, by name."""
        statement = (
            select(SavedFilter).where(SavedFilter.subject == who.subject).order_by(SavedFilter.name)
        )
        with self._db.read() as session:
            return [(row.name, urlencode(row.query)) for row in session.scalars(statement)]
