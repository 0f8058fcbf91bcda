"""Warnings that do not decode go to the dead letters, with the reason and the bytes as received."""

from collections.abc import Callable

from alerting.clock import Clock
from alerting.links.reader import Record
from alerting.links.sender import Producer
from forewarn.errors import ContractError
from forewarn.events.codec import encode
from forewarn.events.deadletters import DeadLetter, kept


def rejecter(producer: Producer, clock: Clock) -> Callable[[Record, ContractError], None]:
    """A function that files one record; it returns once Kafka has acknowledged it."""

    def reject(item: Record, error: ContractError) -> None:
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
