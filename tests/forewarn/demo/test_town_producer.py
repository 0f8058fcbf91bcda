"""The producer sends the town in order; interventions change what follows."""

from datetime import date

from forewarn.contracts import decode_transfer
from forewarn.demo.demo_figures import Figures
from forewarn.demo.town_producer import TownProducer
from forewarn.platform.settings import KafkaSettings
from forewarn.simulator import Scenario, simulate
from forewarn.simulator.live_town import LiveTown


class Producer:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, bytes]] = []

    def send(self, topic: str, value: bytes, key: bytes) -> None:
        self.records.append((topic, key, value))

    def flush(self, timeout: float) -> None: ...


SCENARIO = Scenario(
    seed=3, subscribers=300, days=4, start=date(2026, 1, 5), prevalence=0.1, intervention_share=0
)


def _sent() -> tuple[TownProducer, list[tuple[str, bytes, bytes]]]:
    producer = Producer()
    sender = TownProducer(
        LiveTown(simulate(SCENARIO), start_ms=SCENARIO.start_ms),
        producer,
        KafkaSettings(topic_prefix="p-"),
        Figures(),
        first_ms=SCENARIO.start_ms,
        speed=1e9,
        seconds=2.0,
    )
    sender.run()
    assert sender.error is None
    return sender, producer.records


def test_everything_is_sent_keyed_by_subscriber_and_losses_are_known() -> None:
    sender, records = _sent()
    assert len(records) == sender.sent == simulate(SCENARIO).event_count
    assert {topic for topic, _, _ in records} == {"p-calls", "p-transfers"}
    for topic, key, value in records:
        if topic == "p-transfers":
            assert decode_transfer(value).subscriber.encode() == key
    truth = simulate(SCENARIO).truth
    losers = set(truth.filter(truth["lost_minor"] > 0)["victim"])
    assert losers
    assert all(sender.paid_to_swindlers(victim) > 0 for victim in losers)


def test_a_person_dissuaded_before_the_fraud_begins_pays_nothing_more() -> None:
    truth = simulate(SCENARIO).truth
    first = truth.filter(truth["lost_minor"] > 0).sort("began_ms").row(0, named=True)
    sender, _ = _sent()
    before = sender.paid_to_swindlers(first["victim"])
    scene = LiveTown(simulate(SCENARIO), start_ms=first["began_ms"])
    stopped = scene.intervene(first["victim"], first["began_ms"] + 1)
    assert sum(episode.spared_minor for episode in stopped) > 0
    assert before > 0
    left = sum(
        decode_transfer(record.value).amount_minor
        for record in scene
        if record.topic == "transfers"
        and record.episode >= 0
        and record.key == first["victim"].encode()
        and decode_transfer(record.value).status == "completed"
        and decode_transfer(record.value).direction == "outgoing"
    )
    assert left < before
