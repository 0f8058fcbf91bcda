"""A small export of a town, as files of the canonical layout."""

from pathlib import Path

from features.offline.topic_frames import StoredRecord, frame_of
from forewarn.contracts import encode
from tests.simulation.little_town import Crowd, facts, topic_of


def write_export(directory: Path, count: int) -> None:
    """Two partitions of each topic in files of 100 rows; every eighth event is an hour late."""
    late = [
        (event.event_time_ms + (3_600_000 if number % 8 == 3 else 0), event)
        for number, event in enumerate(facts(seed=9, count=count, crowd=Crowd(minutes=2000)))
    ]
    raws: dict[tuple[str, int], list[StoredRecord]] = {}
    for arrival_ms, event in sorted(late, key=lambda pair: pair[0]):
        where = topic_of(event), int(event.subscriber[-1]) % 2
        held = raws.setdefault(where, [])
        held.append(StoredRecord(where[1], len(held), arrival_ms, encode(event)))
    for (topic, partition), records in raws.items():
        (directory / topic).mkdir(exist_ok=True)
        for first in range(0, len(records), 100):
            frame = frame_of(topic, records[first : first + 100])
            frame.write_parquet(directory / topic / f"p{partition}-{first:06d}.parquet")
