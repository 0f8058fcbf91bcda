"""Files records as dead letters, with the reason and the bytes as received."""

from collections.abc import Callable

from alerting.messaging.outbox_sender import Producer
from alerting.messaging.topic_reader import TopicRecord
from forewarn.contracts.dead_letter import DeadLetter, kept
from forewarn.contracts.event_codec import encode
from forewarn.errors import ContractError
from forewarn.platform.clock import Clock


def rejecter(producer: Producer, clock: Clock) -> Callable[[TopicRecord, ContractError], None]:
    """A function that files one record, and returns once Kafka has acknowledged it."""

    def reject(item: TopicRecord, error: ContractError) -> None:
        letter = DeadLetter(
            reason=error.reason,  # type: ignore[arg-type]  # the decoder names no other
            detail=error.message[:500],
            topic=item.topic,
            partition=item.partition,
            offset=item.offset,
            appended_at_ms=item.appended_at_ms,
            rejected_at_ms=clock(),
            key=kept(item.key),
            value=kept(item.value),
        )
        producer.send([("dead-letters", item.key, encode(letter))])

    return reject
