"""Which partitioner put keys into their partitions.

Kafka does not say how a record's partition was chosen. The partitioners of the common clients are functions of the
key, so records that lie in a topic tell which one it was. The functions follow the clients' sources: Kafka's own
client (murmur2, sign bit removed), librdkafka's ``consistent_random`` (CRC32), sarama's hash partitioner and
kafka-go's ``Hash`` balancer (FNV-1a as a signed number), and @platformatic/kafka (murmur2, sign bit kept).
"""

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from aiokafka.partitioner import murmur2

Placement = Literal[
    "java", "crc32", "fnv1a", "murmur2_unsigned", "no_function_of_the_key", "unknown", "undecided"
]

KEYS_MIN = 20
"""Fewer different keys say nothing: with two partitions a wrong function fits 20 keys once in a million."""

SHARE_MIN = 0.95
"""Share of the keys that one function has to explain; the others may be older than the newest partition."""

_FNV_OFFSET, _FNV_PRIME = 0x811C9DC5, 0x01000193


def java(key: bytes, partitions: int) -> int:
    """Partition by Kafka's own client, kafka-python, aiokafka, franz-go and KafkaJS 2."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2_unsigned(key: bytes, partitions: int) -> int:
    """Partition by @platformatic/kafka: the same as ``java`` if the partitions are a power of two."""
    return int(murmur2(key) & 0xFFFFFFFF) % partitions


def crc32(key: bytes, partitions: int) -> int:
    """Partition by librdkafka's default, so also by confluent-kafka of every language but Java."""
    return zlib.crc32(key) % partitions


def fnv1a(key: bytes, partitions: int) -> int:
    """Partition by sarama's default and by the ``Hash`` balancer of kafka-go."""
    value = _FNV_OFFSET
    for byte in key:
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return abs(value - (1 << 32) if value >= 1 << 31 else value) % partitions


PARTITIONERS: dict[Placement, Callable[[bytes, int], int]] = {
    "java": java,
    "crc32": crc32,
    "fnv1a": fnv1a,
    "murmur2_unsigned": murmur2_unsigned,
}

ADVICE: dict[Placement, str] = {
    "java": "Kafka's default partitioner: nothing to do.",
    "crc32": "CRC32, the default of librdkafka and confluent-kafka: set partitioner=murmur2_random.",
    "fnv1a": "FNV-1a, the default of sarama and the Hash balancer of kafka-go: use a murmur2 partitioner, in "
    "kafka-go Murmur2Balancer{Consistent: true}.",
    "murmur2_unsigned": "murmur2 with its sign bit, the default of @platformatic/kafka: give its producer a "
    "partitioner that clears the bit, or make the partitions a power of two.",
    "no_function_of_the_key": "one key lies in several partitions: the producer spreads records (kafka-go's bare "
    "Writer does), or several producers disagree, or partitions were added.",
    "unknown": "none of the known partitioners: see the table of clients in docs/operations.md.",
    "undecided": "Too few keys, or one partition only: ask again after more records were written.",
}


@dataclass(frozen=True, slots=True)
class KeyPlacementReport:
    """How the keys of one topic were placed.

    Attributes:
        placement: the partitioner, or why there is no answer.
        keys: different keys that were looked at.
        partitions: of the topic.
        explained: keys that each partitioner would have put where they lie.
    """

    placement: Placement
    keys: int
    partitions: int
    explained: dict[Placement, int]

    @property
    def is_wrong(self) -> bool:
        """Whether records of one person may lie in different partitions."""
        return self.placement not in ("java", "undecided")


def decide(samples: Iterable[tuple[bytes, int]], partitions: int) -> KeyPlacementReport:
    """Name the partitioner that explains where keys lie.

    Args:
        samples: (key, partition) of records; those without a key are left out by the caller.
        partitions: of the topic.
    """
    places: dict[bytes, set[int]] = {}
    for key, partition in samples:
        places.setdefault(key, set()).add(partition)
    explained: dict[Placement, int] = {
        name: sum(found == {function(key, partitions)} for key, found in places.items())
        for name, function in PARTITIONERS.items()
    }
    return KeyPlacementReport(
        placement=_placement(list(places.values()), explained, partitions),
        keys=len(places),
        partitions=partitions,
        explained=explained,
    )


def _placement(
    places: Sequence[set[int]], explained: dict[Placement, int], partitions: int
) -> Placement:
    if partitions == 1 or len(places) < KEYS_MIN:
        return "undecided"
    # Of two that explain the same keys the first is meant: java, where the partitions are a power of two.
    best = max(explained, key=lambda name: explained[name])
    if explained[best] >= SHARE_MIN * len(places):
        return best
    scattered = sum(len(found) > 1 for found in places)
    return "no_function_of_the_key" if scattered > (1 - SHARE_MIN) * len(places) else "unknown"
