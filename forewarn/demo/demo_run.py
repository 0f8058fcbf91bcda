"""The demonstration from start to summary, over a running stack."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date

import httpx
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from forewarn.contracts.topics import qualified
from forewarn.demo.demo_figures import Figures, Snapshot
from forewarn.demo.demo_options import DemoOptions
from forewarn.demo.ledger_money import LedgerReader, Money
from forewarn.demo.simulated_responders import Responders
from forewarn.demo.terminal_view import View
from forewarn.demo.town_bank import BankFigures, TownBank
from forewarn.demo.town_producer import TownProducer
from forewarn.demo.warning_consumer import WarningConsumer
from forewarn.demo.warning_truth import WarningTruth, truth_of_warnings
from forewarn.errors import ForewarnError
from forewarn.local.stack import Stack
from forewarn.platform.kafka import client_arguments, explained
from forewarn.simulator import simulate
from forewarn.simulator.live_town import LiveTown
from forewarn.simulator.town import Town

REFRESH_SECONDS = 0.25
PRODUCER_LINGER_MS = 10
"""As a collector of call records would: a request for every event takes more processor time than the worker."""
SETTLE_SECONDS = 3.0
"""After the last event, for warnings that are under way and cases that are being closed."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The results of a demonstration."""

    figures: Snapshot
    money: Money
    truth: WarningTruth
    streamed_seconds: float
    errors: tuple[str, ...]
    bank: BankFigures


@dataclass(frozen=True, slots=True)
class DemoTown:
    """The town and the moment from which its events are sent."""

    town: Town
    first_ms: int


def simulate_town(options: DemoOptions, today: date) -> DemoTown:
    """Simulate the town; a second or two."""
    scenario = options.scenario(today)
    return DemoTown(simulate(scenario), options.first_ms(scenario))


def run_demo(stack: Stack, demo_town: DemoTown, options: DemoOptions, view: View) -> DemoResult:
    """Stream the town, answer the warnings, and gather the figures.

    Raises:
        DependencyUnavailableError: if a part of the stack ends meanwhile.
        ForewarnError: if the stream cannot be sent.
    """
    figures = Figures()
    with (
        closing(LedgerReader(stack.alerting.metrics)) as ledger,
        _participants(stack, demo_town, options, figures) as participants,
    ):
        sender, reader, responders, bank = participants
        ending = threading.Event()
        team = threading.Thread(target=responders.work, args=(ending,), name="team", daemon=True)
        began = time.monotonic()
        figures.began(began)
        bank.open(sender.produce)
        for thread in (reader, sender, team):
            thread.start()
        try:
            while sender.is_alive():
                stack.require_running()
                now = time.monotonic()
                left = max(0.0, options.seconds - (now - began))
                view.show(figures.snapshot(), ledger.money(now), left)
                sender.join(REFRESH_SECONDS)
            streamed_seconds = time.monotonic() - began
            time.sleep(SETTLE_SECONDS)
        finally:
            sender.stop()
            ending.set()
            sender.join(10)
            bank.stop()
        team.join(30)
        reader.stop()
        reader.join(10)
        for thread in (sender, reader):
            if thread.error is not None:
                raise ForewarnError(f"the {thread.name} failed: {thread.error!r}")
        figures.sent(sender.sent, figures.snapshot().event_time_ms, time.monotonic())
        money = ledger.money(time.monotonic())
    truth = truth_of_warnings(reader.raised, demo_town.town.labels)
    return DemoResult(
        figures.snapshot(),
        money,
        truth,
        streamed_seconds,
        tuple(responders.errors),
        bank.figures(),
    )


@contextmanager
def _participants(
    stack: Stack, demo_town: DemoTown, options: DemoOptions, figures: Figures
) -> Iterator[tuple[TownProducer, WarningConsumer, Responders, TownBank]]:
    """The producer, the consumer and the responders with their connections, which close at the end."""
    settings = stack.kafka_settings
    arguments = client_arguments(settings)
    topic = qualified("warnings", settings)
    partitions = [TopicPartition(topic, number) for number in range(settings.partitions)]
    with explained(settings):
        producer = KafkaProducer(
            **arguments, acks="all", linger_ms=PRODUCER_LINGER_MS, batch_size=64 * 1024
        )
        consumer = KafkaConsumer(**arguments, group_id=None, enable_auto_commit=False)
        consumer.assign(partitions)
        for partition, end in consumer.end_offsets(partitions).items():
            consumer.seek(partition, end)
    key = stack.layout.secret("forewarn_alerting_api_key")
    client = httpx.Client(
        base_url=stack.console_url, headers={"Authorization": f"Bearer {key}"}, timeout=10.0
    )
    bank = TownBank(stack.decide_url, stack.layout.bank_key_file.read_text())
    sender = TownProducer(
        LiveTown(demo_town.town, start_ms=demo_town.first_ms),
        producer,
        settings,
        figures,
        first_ms=demo_town.first_ms,
        speed=options.speed,
        seconds=options.seconds,
        bank=bank.take,
    )
    reader = WarningConsumer(consumer, figures)
    responders = Responders(client, sender, reader.subscriber, figures.closed, options.seed)
    try:
        yield sender, reader, responders, bank
    finally:
        for thread in (sender, reader):
            thread.stop()
            if thread.is_alive():
                thread.join(10)
        producer.close(timeout=5)
        consumer.close()
        client.close()
