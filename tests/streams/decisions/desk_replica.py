"""A desk of the decision service with stand-ins for its neighbours."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from features.catalog import CATALOG
from models.policy import DEFAULT_POLICY, PolicyFile
from streams.decisions.answer_store import AnswerStore, QuestionNames
from streams.decisions.decision_desk import DecisionDesk
from streams.decisions.decision_metrics import DecisionMetrics
from streams.decisions.late_spool import LateSpool
from streams.decisions.pending_question import Question
from streams.decisions.unkept_answers import UnkeptAnswers
from tests.streams.decisions.bank import MemoryRedis, MemoryTopic, Workers, payment

KEY = b"a key that only tests use"


class Replica:
    """A desk with its neighbours."""

    def __init__(
        self,
        redis: MemoryRedis,
        workers: Workers,
        *,
        in_flight: int = 10,
        refuse: bool = False,
        spool: Path | None = None,
        spool_events: int = 10,
        topic: MemoryTopic | None = None,
    ) -> None:
        self.redis, self.workers = redis, workers
        self.metrics = DecisionMetrics(CollectorRegistry())
        self.spool = LateSpool(spool, spool_events, self.metrics)
        policy = PolicyFile(DEFAULT_POLICY, CATALOG.names).current()
        link: Any = workers
        store = AnswerStore(redis, prefix="fw", keep_seconds=60, timeout_seconds=600.0)
        topic = topic or MemoryTopic()
        self.unkept = UnkeptAnswers(store, topic.share, self.metrics)
        topic.follow(self.unkept.learn)
        self.desk = DecisionDesk(
            link=link,
            store=store,
            unkept=self.unkept,
            names=QuestionNames(KEY),
            spool=self.spool,
            policy=lambda: policy,
            metrics=self.metrics,
            in_flight=in_flight,
            refuse_overload=refuse,
        )

    async def ask(self, seconds: float = 5.0, **changes: Any) -> tuple[dict[str, Any], bool]:
        late, unread = changes.pop("accept_late", False), changes.pop("unread_seconds", 0.0)
        arrived = time.monotonic() - unread
        question = Question(payment(**changes), arrived, seconds, accept_late=late)
        answered = await self.desk.answer(question)
        return json.loads(answered.body), answered.repeated

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    async def keep_all(self, answers: int = 1) -> None:
        """Wait until Redis has so many answers, and this replica none that it has not."""
        keeping = asyncio.create_task(self.unkept.run())
        async with asyncio.timeout(5):
            while len(self.redis.values) < answers or self.value("forewarn_decide_unkept_answers"):
                await asyncio.sleep(0)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
