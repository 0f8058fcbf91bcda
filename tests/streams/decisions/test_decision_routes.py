"""Who may ask what over HTTP, and what is refused with which field."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from features.catalog import CATALOG
from forewarn.contracts import Acceptance, encode
from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.request_signature import Signed, sign
from models.policy import DEFAULT_POLICY, PolicyFile
from streams.decisions import decision_routes
from streams.decisions.answer_store import AnswerStore, QuestionNames
from streams.decisions.bank_keys import KeyRing, load_keys, new_key
from streams.decisions.decision_desk import DecisionDesk
from streams.decisions.decision_metrics import DecisionMetrics
from streams.decisions.decision_routes import DecisionRoutes
from streams.decisions.late_spool import LateSpool
from streams.decisions.loop_delay import LoopDelay
from streams.decisions.openapi_document import openapi_document
from streams.decisions.unkept_answers import UnkeptAnswers
from tests.streams.decisions.bank import MemoryRedis, MemoryTopic, Workers, payment, worker_answer

KEY = b"a key that only tests use"
FAR = date(2099, 1, 1)


def make_key(tmp_path: Any, purposes: list[str], **changes: Any) -> tuple[str, KeyRing]:
    key, entry = new_key("bank", ["default"], purposes, changes.pop("expires", FAR), 100.0)
    for name, value in changes.items():
        entry += f"{name} = {json.dumps(value)}\n"
    file = tmp_path / "keys.toml"
    file.write_text(entry)
    return key, load_keys(file)


class Reader:
    """A state that cannot be read."""

    async def line(self, number: str, now_ms: int) -> Any:
        raise DependencyUnavailableError("Redis is away")

    async def try_payment(self, event: Any, now_ms: int) -> Any:
        return worker_answer("hold")


class Service:
    def __init__(self) -> None:
        self.ring = KeyRing({})
        self.metrics = DecisionMetrics(CollectorRegistry())
        policy = PolicyFile(DEFAULT_POLICY, CATALOG.names).current()
        link: Any = Workers(worker_answer)
        reader: Any = Reader()
        store = AnswerStore(MemoryRedis(), prefix="fw", keep_seconds=60, timeout_seconds=1.0)
        desk = DecisionDesk(
            link=link,
            store=store,
            unkept=UnkeptAnswers(store, MemoryTopic().share, self.metrics),
            names=QuestionNames(KEY),
            spool=LateSpool(None, 1, self.metrics),
            policy=lambda: policy,
            metrics=self.metrics,
            in_flight=10,
            refuse_overload=False,
        )
        self.routes = DecisionRoutes(
            desk=desk,
            reader=reader,
            keys=lambda: self.ring,
            acceptance=Acceptance(future_ms=10**15),
            pseudonymiser=Pseudonymiser(KEY),
            metrics=self.metrics,
            loop_delay=LoopDelay(self.metrics),
            deadline_ms=300,
            deadline_ms_max=5000,
        )


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, TestClient[Any, Any]]]:
    service = Service()
    async with TestClient(TestServer(service.routes.application())) as client:
        yield service, client


async def test_a_key_opens_its_purpose_and_tenant_alone(service: Any, tmp_path: Any) -> None:
    state, client = service
    key, state.ring = make_key(tmp_path, ["decide"])
    own = {"Authorization": f"Bearer {key}"}
    answer = await client.post("/v1/decisions", data=encode(payment()), headers=own)
    assert (answer.status, (await answer.json())["decision"]) == (200, "hold")
    for path, headers, changes, status, code in (
        ("/v1/decisions", {}, {}, 401, "unauthenticated"),
        ("/v1/decisions", {"Authorization": f"Bearer {key}x"}, {}, 401, "unauthenticated"),
        ("/v1/decisions", {"Authorization": f"Basic {key}"}, {}, 401, "unauthenticated"),
        ("/v1/decisions", own, {"tenant": "other"}, 403, "unknown_tenant"),
        ("/v1/decisions/what-if", own, {}, 403, "wrong_purpose"),
    ):
        refused = await client.post(path, data=encode(payment(**changes)), headers=headers)
        body = json.loads(await refused.read())
        assert (refused.status, body["type"]) == (status, f"urn:forewarn:problem:{code}")
        assert refused.content_type == "application/problem+json"
    assert (await client.get("/v1/line-status/+8613800000001", headers=own)).status == 403


async def test_the_time_before_a_question_was_read_counts_as_time_of_the_service(
    service: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, client = service
    key, state.ring = make_key(tmp_path, ["decide"])
    unread_seconds = 600.0
    monkeypatch.setattr(decision_routes, "arrival_of", lambda _, now: now - unread_seconds)
    answer = await client.post(
        "/v1/decisions", data=encode(payment()), headers={"Authorization": f"Bearer {key}"}
    )
    assert (await answer.json())["reason"] == "no_answer_in_time"
    total = re.match(r"total;dur=([0-9.]+), starved;dur=[0-9.]+$", answer.headers["Server-Timing"])
    assert total is not None
    assert float(total[1]) >= 1000 * unread_seconds


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/decisions/what-if"])
async def test_an_answer_is_in_the_language_of_the_request_else_of_the_key_else_of_the_service(
    service: Any, tmp_path: Any, path: str
) -> None:
    """Asked again in another language, the bank reads the same decision in other words."""
    state, client = service
    key, state.ring = make_key(tmp_path, ["decide", "what_if"])
    [entry] = state.ring.keys.values()

    async def ask(accepted: str = "") -> tuple[str, Any]:
        headers = {"Authorization": f"Bearer {key}"}
        if accepted:
            headers["Accept-Language"] = accepted
        answer = await client.post(path, data=encode(payment()), headers=headers)
        assert answer.headers["Vary"] == "Accept-Language"
        return answer.headers["Content-Language"], await answer.json()

    language, english = await ask()
    assert (language, english["decision"]) == ("en", "hold")
    assert english["explanation"].startswith("The probability")
    language, chinese = await ask("de, zh-CN;q=0.8, en;q=0.5")
    assert (language, chinese["explanation"]) == ("zh", "涉诈概率达到暂缓付款的门槛。")
    assert chinese | {"explanation": english["explanation"]} == english
    state.ring = KeyRing({entry.id: entry.model_copy(update={"language": "zh"})})
    assert await ask() == ("zh", chinese)
    assert await ask("en") == ("en", english)


async def test_an_expired_key_is_no_key(service: Any, tmp_path: Any) -> None:
    state, client = service
    key, state.ring = make_key(tmp_path, ["decide"], expires=date(2020, 1, 1))
    headers = {"Authorization": f"Bearer {key}"}
    assert (await client.post("/v1/decisions", headers=headers)).status == 401


@pytest.mark.parametrize(
    ("body", "headers", "field"),
    [
        (b"{", {}, ""),
        (encode(payment()).replace(b'"t1"', b'""'), {}, "transfer_id"),
        (encode(payment(status="completed")), {}, "status"),
        (encode(payment(direction="incoming")), {}, "direction"),
        (encode(payment(currency="USD")), {}, "currency"),
        (encode(payment()), {"Forewarn-Deadline-Ms": "5001"}, "Forewarn-Deadline-Ms"),
        (encode(payment()), {"Forewarn-Deadline-Ms": "soon"}, "Forewarn-Deadline-Ms"),
        (encode(payment()), {"Forewarn-Accept-Late": "maybe"}, "Forewarn-Accept-Late"),
    ],
)
async def test_a_wrong_request_is_refused_by_its_field(
    service: Any, tmp_path: Any, body: bytes, headers: dict[str, str], field: str
) -> None:
    state, client = service
    key, state.ring = make_key(tmp_path, ["decide"])
    headers = {"Authorization": f"Bearer {key}"} | headers
    refused = await client.post("/v1/decisions", data=body, headers=headers)
    problem = json.loads(await refused.read())
    assert refused.status == 422
    assert [error["field"] for error in problem["errors"]] == [field]
    assert "13800000001" not in json.dumps(problem)


async def test_what_is_too_long_is_refused_before_it_is_read(service: Any, tmp_path: Any) -> None:
    state, client = service
    key, state.ring = make_key(tmp_path, ["decide"])
    headers = {"Authorization": f"Bearer {key}"}
    assert (await client.post("/v1/decisions", data=b"x" * 99_999, headers=headers)).status == 413


async def test_a_key_that_asks_too_often_waits(service: Any, tmp_path: Any) -> None:
    state, client = service
    key, state.ring = make_key(tmp_path, ["what_if"])
    [entry] = state.ring.keys.values()
    state.ring = KeyRing({entry.id: entry.model_copy(update={"per_second": 0.001})})
    headers = {"Authorization": f"Bearer {key}"}
    statuses = [
        (await client.post("/v1/decisions/what-if", data=encode(payment()), headers=headers)).status
        for _ in range(2)
    ]
    assert statuses == [200, 429]


async def test_a_key_that_demands_signatures_takes_no_unsigned_request(
    service: Any, tmp_path: Any
) -> None:
    state, client = service
    key, state.ring = make_key(tmp_path, ["decide"], signed=True)
    [entry] = state.ring.keys.values()
    body = encode(payment())
    headers = {"Authorization": f"Bearer {key}"}
    assert (await client.post("/v1/decisions", data=body, headers=headers)).status == 401
    now_ms = round(datetime.now(UTC).timestamp() * 1000)
    what = Signed("request", "POST /v1/decisions", "", body)
    signed = headers | sign(entry.secret_sha256, what, now_ms)
    assert (await client.post("/v1/decisions", data=body, headers=signed)).status == 200
    other = encode(payment(amount_minor=5))
    assert (await client.post("/v1/decisions", data=other, headers=signed)).status == 401


async def test_a_state_that_cannot_be_read_is_unavailable(service: Any, tmp_path: Any) -> None:
    state, client = service
    key, state.ring = make_key(tmp_path, ["line_status"])
    headers = {"Authorization": f"Bearer {key}"}
    answer = await client.get("/v1/line-status/+8613800000001", headers=headers)
    assert answer.status == 503
    assert (await client.get("/v1/line-status/abc", headers=headers)).status == 422


async def test_the_service_describes_every_route(service: Any) -> None:
    state, client = service
    document = await (await client.get("/openapi.json")).json()
    served = {
        route.resource.canonical
        for route in state.routes.application().router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/v1")
    }
    assert set(document["paths"]) == served
    assert document == json.loads(json.dumps(openapi_document()))
    assert "BankAnswer" in document["components"]["schemas"]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('purposes = ["everything"]', "purposes"),
        ('secret_sha256 = "short"', "secret_sha256"),
        ("tenants = []", "tenants"),
        ("extra = 1", "extra"),
    ],
)
def test_a_faulty_file_of_keys_is_refused_by_its_field(
    tmp_path: Any, line: str, named: str
) -> None:
    _, entry = new_key("bank", ["default"], ["decide"], FAR, 1.0)
    kept = [
        one for one in entry.splitlines() if not one.startswith(line.split(" = ", maxsplit=1)[0])
    ]
    file = tmp_path / "keys.toml"
    file.write_text("\n".join([*kept, line]))
    with pytest.raises(ConfigurationError, match=named):
        load_keys(file)
