"""The HTTP application for banks: three routes, their checks in one order.

Key, purpose, rate, signature, body, tenant: what costs least is refused first, and nothing about a payment is
said to a caller without a key.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import structlog
from aiohttp import web

from forewarn.contracts import MAX_EVENT_BYTES, Acceptance, Transfer
from forewarn.errors import DependencyUnavailableError
from forewarn.platform.pseudonyms import Pseudonymiser, to_hex
from forewarn.platform.request_signature import Signed, is_signed
from forewarn.platform.words import Language, accepted_language
from streams.decisions.answer_words import worded
from streams.decisions.bank_answer import of_worker
from streams.decisions.bank_keys import BankKey, KeyPurpose, KeyRing, require
from streams.decisions.bank_request import (
    encode_problem,
    read_number,
    read_question,
    read_transfer,
)
from streams.decisions.decision_desk import DecisionDesk
from streams.decisions.decision_errors import PROBLEM_TYPE, RequestRefusedError
from streams.decisions.decision_metrics import DecisionMetrics
from streams.decisions.line_status import line_status
from streams.decisions.loop_delay import LoopDelay
from streams.decisions.openapi_document import (
    LANGUAGE_HEADER,
    REPEATED_HEADER,
    TENANT_HEADER,
    TIMING_HEADER,
    openapi_document,
)
from streams.decisions.pending_question import KEEP_RESERVE_SECONDS, Question
from streams.decisions.request_arrival import arrival_of
from streams.decisions.request_rates import RequestRates
from streams.decisions.state_reader import StateReader

log = structlog.get_logger(__name__)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_encoder = msgspec.json.Encoder()


class DecisionRoutes:
    """Answers HTTP requests of banks.

    Args:
        desk: answers questions.
        reader: reads the state.
        keys: returns the keys in force.
        acceptance: what the workers take for an event.
        pseudonymiser: for the log.
        metrics: refusals are counted.
        loop_delay: of the loop that serves.
        deadline_ms: usual deadline.
        deadline_ms_max: longest deadline.
        language: of a bank whose key and request name none.
    """

    def __init__(
        self,
        *,
        desk: DecisionDesk,
        reader: StateReader,
        keys: Callable[[], KeyRing],
        acceptance: Acceptance,
        pseudonymiser: Pseudonymiser,
        metrics: DecisionMetrics,
        loop_delay: LoopDelay,
        deadline_ms: int,
        deadline_ms_max: int,
        language: Language = "en",
    ) -> None:
        self._desk = desk
        self._reader = reader
        self._keys = keys
        self._acceptance = acceptance
        self._pseudonymiser = pseudonymiser
        self._metrics = metrics
        self._loop_delay = loop_delay
        self._deadline_ms = deadline_ms
        self._deadline_ms_max = deadline_ms_max
        self._language: Language = language
        self._rates = RequestRates()

    def application(self) -> web.Application:
        """The application."""
        app = web.Application(client_max_size=MAX_EVENT_BYTES + 1)
        app.router.add_post("/v1/decisions", self._guarded(self.decide))
        app.router.add_post("/v1/decisions/what-if", self._guarded(self.what_if))
        app.router.add_get("/v1/line-status/{number}", self._guarded(self.line_status))
        app.router.add_get("/openapi.json", self.openapi)
        return app

    async def decide(self, request: web.Request) -> web.Response:
        """``POST /v1/decisions``."""
        key, event = await self._transfer(request, "decide")
        arrived = arrival_of(request.transport, time.monotonic())
        question = read_question(
            event,
            request.headers,
            arrived=arrived,
            usual_ms=self._deadline_ms,
            longest_ms=self._deadline_ms_max,
        )
        answered = await self._desk.answer(question)
        response = self._worded(request, key, answered.body)
        if answered.repeated:
            response.headers[REPEATED_HEADER] = "true"
        response.headers[TIMING_HEADER] = self._timing(question)
        return response

    def _timing(self, question: Question) -> str:
        """How long the answer took; waiting that ended before a late one was due is no excuse for it."""
        now, due = time.monotonic(), question.until - KEEP_RESERVE_SECONDS
        since = question.arrived if now <= question.until else max(question.arrived, due)
        starved = self._loop_delay.since(since, now).starved
        total = now - question.arrived
        return f"total;dur={total * 1e3:.1f}, starved;dur={starved * 1e3:.1f}"

    async def what_if(self, request: web.Request) -> web.Response:
        """``POST /v1/decisions/what-if``."""
        key, event = await self._transfer(request, "what_if")
        tried = await self._reader.try_payment(event, _now_ms())
        self._metrics.trials.inc()
        body = msgspec.structs.replace(of_worker(tried), recorded="no")
        return self._worded(request, key, _encoder.encode(body))

    async def line_status(self, request: web.Request) -> web.Response:
        """``GET /v1/line-status/{number}``."""
        key = self._key(request, "line_status")
        self._signature(request, key, b"")
        number = read_number(request.match_info["number"])
        tenant = request.headers.get(TENANT_HEADER, "default")
        require(key, "line_status", tenant)
        now_ms = _now_ms()
        found = await self._reader.line(number, now_ms)
        self._metrics.line_status.labels("known" if found.known else "unknown").inc()
        log.info(
            "line_status_asked",
            key=key.id,
            line=to_hex(self._pseudonymiser.phone(number)),
            known=found.known,
            tenant=tenant,
        )
        status = line_status(found, now_ms)
        return web.Response(body=_encoder.encode(status), content_type="application/json")

    async def openapi(self, _request: web.Request) -> web.Response:
        """``GET /openapi.json``."""
        return web.json_response(openapi_document())

    async def _transfer(
        self, request: web.Request, purpose: KeyPurpose
    ) -> tuple[BankKey, Transfer]:
        key = self._key(request, purpose)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            body = bytes(MAX_EVENT_BYTES + 1)  # refused as the same
        self._signature(request, key, body)
        event = read_transfer(body, self._acceptance, _now_ms())
        require(key, purpose, event.tenant)
        return key, event

    def _worded(self, request: web.Request, key: BankKey, body: bytes) -> web.Response:
        """The answer in the language that the bank asked for."""
        language = accepted_language(
            ",".join(request.headers.getall(LANGUAGE_HEADER, [])), key.language or self._language
        )
        headers = {"Content-Language": language, "Vary": LANGUAGE_HEADER}
        return web.Response(
            body=worded(body, language), content_type="application/json", headers=headers
        )

    def _key(self, request: web.Request, purpose: KeyPurpose) -> BankKey:
        key = self._keys().check(request.headers.get("Authorization", ""), datetime.now(UTC).date())
        wait = self._rates.take(key.id, purpose, key.per_second, time.monotonic())
        if wait:
            raise RequestRefusedError(
                429, "rate_limited", "Too many requests", "This key asks too often.",
                headers={"Retry-After": str(max(1, round(wait)))},
            )  # fmt: skip
        return key

    @staticmethod
    def _signature(request: web.Request, key: BankKey, body: bytes) -> None:
        if not key.signed:
            return
        what = Signed("request", f"{request.method} {request.path}", "", body)
        if not is_signed(key.secret_sha256, request.headers, what, _now_ms()):
            raise RequestRefusedError(
                401, "not_signed", "Not authenticated", "This key demands signed requests."
            )

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except RequestRefusedError as error:
                return self._problem(error)
            except DependencyUnavailableError as error:
                log.warning("dependency_away", why=str(error))
                return self._problem(_UNAVAILABLE)
            except web.HTTPException:
                raise
            except Exception:
                log.exception("request_failed", route=request.match_info.route.name)
                return self._problem(_INTERNAL)

        return guarded

    def _problem(self, error: RequestRefusedError) -> web.Response:
        self._metrics.refused.labels(error.code).inc()
        return web.Response(
            body=encode_problem(error),
            status=error.status,
            content_type=PROBLEM_TYPE,
            headers=error.headers,
        )


_UNAVAILABLE = RequestRefusedError(
    503,
    "unavailable",
    "Not available",
    "The state cannot be read now.",
    headers={"Retry-After": "2"},
)
_INTERNAL = RequestRefusedError(500, "internal", "Internal error", "See the log of the service.")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
