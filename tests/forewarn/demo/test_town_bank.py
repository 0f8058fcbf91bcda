"""The bank of the demonstration asks once for each attempt and keeps the order of each person."""

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from forewarn.contracts import Transfer, encode
from forewarn.demo.town_bank import TownBank
from forewarn.local.wait import wait_until
from forewarn.simulator.live_town import TownRecord


class Service:
    """A decision service that records events and may fail."""

    def __init__(self) -> None:
        self.log: list[bytes] = []
        self.status = 200
        self.answer: dict[str, Any] = {
            "decision": "hold", "reason": "over_hold", "probability": 0.5, "recorded": "yes",
        }  # fmt: skip


@pytest.fixture
def service() -> Iterator[tuple[Service, str]]:
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if state.status == 200:
                state.log.append(body)
            text = json.dumps(state.answer).encode()
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def record(person: int, number: int, status: str, episode: int = -1) -> TownRecord:
    event = Transfer(
        event_id=f"{person}-{number}-{status}",
        event_time_ms=1_780_000_000_000 + number,
        subscriber=f"+861380000{person:04d}",
        transfer_id=f"{person}-{number}",
        status=status,  # type: ignore[arg-type]
        payer_account="a",
        payee_account="b",
        amount_minor=100,
    )
    return TownRecord(
        event_time_ms=event.event_time_ms,
        arrival_ms=event.event_time_ms,
        topic="transfers",
        key=event.subscriber.encode(),
        value=encode(event),
        episode=episode,
    )


@pytest.mark.parametrize("status", [200, 503])
def test_a_persons_records_keep_their_order_and_none_is_lost(
    service: tuple[Service, str], status: int
) -> None:
    state, url = service
    state.status = status
    bank = TownBank(url, "key", one_in=1)
    bank.open(lambda sent: state.log.append(sent.value))
    wanted = defaultdict(list)
    for number in range(20):
        for person in range(3):
            for stage in ("attempted", "completed"):
                one = record(person, number, stage, episode=0 if person == 0 else -1)
                wanted[person].append(one.value)
                bank.take(one)
    wait_until(lambda: len(state.log) == 120, 30, what="all records")
    bank.stop()
    for person in range(3):
        mine = [value for value in state.log if value in set(wanted[person])]
        assert mine == wanted[person]
    figures = bank.figures()
    if status == 200:
        assert figures.decisions == {"hold": 60}
        assert (figures.held_minor, figures.held_of_frauds_minor) == (6_000, 2_000)
    else:
        assert (figures.decisions, figures.failed) == ({}, 60)


def test_a_fallback_whose_event_was_not_recorded_is_sent_all_the_same(
    service: tuple[Service, str],
) -> None:
    state, url = service
    state.answer |= {"probability": None, "reason": "stream_unavailable", "recorded": "no"}
    sent: list[bytes] = []
    bank = TownBank(url, "key", one_in=1)
    bank.open(lambda one: sent.append(one.value))
    bank.take(record(1, 1, "attempted"))
    wait_until(lambda: bool(sent), 30, what="the record")
    bank.stop()
    assert bank.figures().fallbacks == {"stream_unavailable": 1}
