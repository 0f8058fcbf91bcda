"""Takes warnings of HTTP requests in, several in one transaction with their idempotency keys."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from alerting.access import Principal, Scope
from alerting.ingest.grouped_work import GroupedWork
from alerting.ingest.ingestor import Ingestor
from alerting.service_errors import NotFoundError
from alerting.service_metrics import INGEST_SECONDS, INGESTED
from alerting.web.api.idempotency import IdempotencyStore, StoredAnswer
from alerting.web.api.loop_handover import LoopHandover
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning

LINGER_SECONDS = 0.05
"""How long a warning waits for others to share its transaction, as ten do at 200 warnings a second.

A transaction of one takes 14 ms of processor time and one of ten 21 ms (docs/performance.md).
"""


@dataclass(frozen=True, slots=True)
class IncomingWarning:
    """A decoded warning, who sent it, and its idempotency key with the digest of the request."""

    warning: FraudWarning
    who: Principal
    key: str | None
    digest: str


class WarningIntake:
    """Gives each warning its answer."""

    def __init__(self, services: Services) -> None:
        self._db = services.db
        self._ingestor: Ingestor = services.ingestor
        self._keys = IdempotencyStore(services.clock)
        self.work: GroupedWork[IncomingWarning, StoredAnswer | Exception] = GroupedWork(
            self._apply, linger_seconds=LINGER_SECONDS
        )
        self._handover: LoopHandover[StoredAnswer | Exception] | None = None

    async def answer(self, item: IncomingWarning) -> StoredAnswer | Exception:
        """The answer of an item, once its group is committed.

        Raises:
            DependencyUnavailableError: if too many wait already, or the database does not answer.
        """
        loop = asyncio.get_running_loop()
        if self._handover is None or self._handover.loop is not loop:
            self._handover = LoopHandover(loop)
        return await self._handover.result_of(self.work.submit(item))

    def _apply(self, items: Sequence[IncomingWarning]) -> Sequence[StoredAnswer | Exception]:
        """The answer of each item, or the error of that item alone."""
        answers: dict[int, StoredAnswer | Exception] = {}
        counted: list[str] = []
        with INGEST_SECONDS.time(), self._db.write() as session:
            keyed = [(one.who.subject, one.key, one.digest) for one in items if one.key]
            known = self._keys.find(session, keyed)
            fresh = []
            for place, one in enumerate(items):
                before = known.get((one.who.subject, one.key or "", one.digest))
                if before is None:
                    fresh.append((place, one))
                else:
                    answers[place] = before
            for scope, run in groupby(fresh, key=lambda pair: _scope(pair[1])):
                pairs = list(run)
                warnings = [one.warning for _, one in pairs]
                results = self._ingestor.apply(session, warnings, scope=scope).results
                for (place, _), found in zip(pairs, results, strict=True):
                    answers[place] = _answer(found)
                    counted.append(found[2])
            self._keys.keep(
                session,
                [
                    (one.who.subject, one.key, one.digest, answer)
                    for place, one in fresh
                    if one.key and isinstance(answer := answers[place], StoredAnswer)
                ],
            )
        for result in counted:
            INGESTED.labels("http", result).inc()
        return [answers[place] for place in range(len(items))]


def _answer(found: tuple[str, str, str]) -> StoredAnswer | Exception:
    warning_id, case_id, result = found
    if result == "foreign":
        return NotFoundError("warning", warning_id)
    body = {"warning_id": warning_id, "case_id": case_id, "result": result}
    return StoredAnswer(201 if result == "raised" else 200, body)


def _scope(one: IncomingWarning) -> Scope:
    return one.who.scope
