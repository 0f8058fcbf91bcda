"""The parity check: vectors that workers logged against the same vectors computed offline.

The same kernel computes every logged vector again from the exported events, and the bits are compared, NaN
included. Scores that the export does not cover are counted; a check that compared nothing does not pass.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from features.catalog import CATALOG, Catalog
from features.engine import Engine
from features.event_columns import EventColumns, concat
from features.offline.chunk_replay import ChunkReplay, LoggedChunk
from features.offline.frame_columns import COLUMNS_OF
from features.offline.parquet_schema import SOURCE_OF
from features.offline.parquet_tables import read_topic
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser

EVENT: Final = ["source", "source_partition", "source_offset"]


@dataclass(frozen=True, slots=True)
class VectorDifference:
    """One value that differs from the worker's."""

    event_id: str
    event_time_ms: int
    feature: str
    online: float
    offline: float


@dataclass(frozen=True, slots=True)
class ParityReport:
    """Results of a check.

    Attributes:
        compared: number of vectors compared.
        differing: number of vectors that differ in at least one bit.
        first: the first difference in event time.
        repeated: number of further scores of the same event (from a chunk that was repeated after a
            crash); they are compared as well.
        uncovered: number of scored events that could not be computed, because the export begins later
            than the state or lacks events.
        unscored: number of exported events without a score, up to the last scored one of their
            partition: quarantined by a worker (``processing_failed``), or lost.
        chunks: number of chunks computed.
        races: number of updates that landed on a newer version than was read.
    """

    compared: int
    differing: int
    first: VectorDifference | None
    repeated: int
    uncovered: int
    unscored: int
    chunks: int
    races: int

    @property
    def proved(self) -> bool:
        """Whether vectors were compared, none differs, and every event has a score."""
        return self.compared > 0 and self.differing == 0 and self.unscored == 0


def check_parity(
    directory: Path,
    pseudonymiser: Pseudonymiser,
    *,
    topic_prefix: str = "",
    catalog: Catalog = CATALOG,
) -> ParityReport:
    """Compare every logged vector of an export.

    Args:
        directory: an export of the source topics and of ``scores``.
        pseudonymiser: with the workers' key.
        topic_prefix: prefix of the topics' names in the cluster, as in scores.
        catalog: with which the scores were computed.

    Raises:
        ConfigurationError: if there is no score, or a score of another catalog.
        InconsistentVersionsError: if no order of the chunks explains the logged versions.
    """
    scores = _scores(directory, topic_prefix, catalog)
    columns, first_row, lengths = _events(directory, pseudonymiser)
    scores = scores.join(
        _index(columns, first_row, lengths), on=EVENT, how="left", maintain_order="left"
    )
    once = scores.unique(EVENT, keep="first", maintain_order=True)
    chunks, numbers = _chunks(once, columns)
    replay = ChunkReplay(Engine(catalog), chunks)
    compared = computed = 0
    differing: list[tuple[int, int, int]] = []
    online = _Online(scores, len(catalog.names))
    for chunk, result in replay.run():
        computed += 1
        rows = chunk.columns.event_rows()
        offline = np.ascontiguousarray(result.vectors[rows], "<f4").view("<u4")
        for logged, place in online.of(numbers[chunk.partition, chunk.number]):
            unequal = logged.view("<u4") != offline[place]
            compared += 1
            if unequal.any():
                feature = int(np.flatnonzero(unequal)[0])
                differing.append((online.current, feature, int(offline[place, feature])))
    return ParityReport(
        compared=compared,
        differing=len(differing),
        first=_first(differing, scores, online, catalog),
        repeated=scores.height - once.height,
        uncovered=scores.height - compared,
        unscored=_unscored(once, columns),
        chunks=computed,
        races=replay.races,
    )


class _Online:
    """The logged vectors by chunk."""

    def __init__(self, scores: pl.DataFrame, width: int) -> None:
        self._vectors = scores["vector"]
        self._width = width
        self.current = -1
        events = scores.select(EVENT).with_row_index("row")
        self._copies: dict[tuple[int, int, int], list[int]] = {}
        for row, *event in events.iter_rows():
            self._copies.setdefault((event[0], event[1], event[2]), []).append(row)
        self._events = events

    def vector(self, row: int) -> npt.NDArray[np.float32]:
        """The vector of a score.

        Raises:
            ConfigurationError: if it is not as long as the catalog.
        """
        values = np.frombuffer(base64.b64decode(self._vectors[row]), "<f4")
        if len(values) != self._width:
            raise ConfigurationError(
                f"A logged vector has {len(values)} features, the catalog {self._width}."
            )
        return values

    def of(
        self, events: Sequence[tuple[int, int, int]]
    ) -> Iterator[tuple[npt.NDArray[np.float32], int]]:
        """All logged vectors of a chunk's events, each with the place of its event in the chunk."""
        for place, event in enumerate(events):
            for row in self._copies[event]:
                self.current = row
                yield self.vector(row), place


def _scores(directory: Path, topic_prefix: str, catalog: Catalog) -> pl.DataFrame:
    topic = pl.col("source").struct.field("topic").str.strip_prefix(topic_prefix)
    scores = (
        read_topic(directory, "scores")
        .sort("partition", "offset", maintain_order=True)  # a record holds many rows
        .select(
            "event_id",
            "event_time_ms",
            "chunk",
            "fingerprint",
            "vector",
            "reads",
            "applied",
            "appended_at_ms",
            topic.replace_strict(SOURCE_OF, default=None, return_dtype=pl.UInt8).alias("source"),
            pl.col("source").struct.field("partition").cast(pl.Int32).alias("source_partition"),
            pl.col("source").struct.field("offset").alias("source_offset"),
        )
        .collect()
    )
    if scores.is_empty():
        raise ConfigurationError(
            f"There is no score in {directory}.", hint="Export the scores too: --topic scores."
        )
    if scores["source"].null_count():
        raise ConfigurationError(
            "The scores name topics that are not sources.",
            hint="Set FOREWARN_KAFKA_TOPIC_PREFIX to the workers' value.",
        )
    others = set(scores["fingerprint"].unique()) - {catalog.fingerprint}
    if others:
        raise ConfigurationError(
            f"The scores have the fingerprint {min(others)[:12]}, the catalog {catalog.fingerprint[:12]}.",
            hint="Run the check with the version that the workers ran.",
        )
    return scores


def _events(
    directory: Path, pseudonymiser: Pseudonymiser
) -> tuple[EventColumns, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """All events, and the first row and the number of rows of each."""
    parts = [
        make(read_topic(directory, topic).collect(), pseudonymiser)
        for topic, make in COLUMNS_OF.items()
    ]
    columns = concat(parts)
    rows = columns.event_rows()
    return columns, rows, np.diff(rows, append=len(columns))


def _index(
    columns: EventColumns, first_row: npt.NDArray[np.intp], lengths: npt.NDArray[np.intp]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "source": columns.source[first_row],
            "source_partition": columns.partition[first_row],
            "source_offset": columns.offset[first_row],
            "row": first_row,
            "rows": lengths,
        }
    ).unique(EVENT, keep="first", maintain_order=True)


def _chunks(
    scores: pl.DataFrame, columns: EventColumns
) -> tuple[list[LoggedChunk], dict[tuple[int, int], list[tuple[int, int, int]]]]:
    """The chunks of which every event was exported, and their events in order."""
    chunks: list[LoggedChunk] = []
    numbers: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for (partition, number), part in scores.group_by(
        "source_partition", "chunk", maintain_order=True
    ):
        if part["row"].null_count():
            continue
        spans = zip(part["row"].to_list(), part["rows"].to_list(), strict=True)
        rows = np.concatenate([np.arange(first, first + count) for first, count in spans])
        reads = _versions(part["reads"], len(rows))
        # A score without ``applied`` had no race; a repeated chunk may have had one in one attempt only.
        applied = part.select(
            pl.when(pl.col("applied").list.len() == 0).then("reads").otherwise("applied")
        ).to_series()
        chunk = LoggedChunk(
            partition=int(str(partition)),
            number=int(str(number)),
            appended_ms=int(str(part["appended_at_ms"].min())),
            columns=columns.take(rows),
            reads=reads,
            applied=_versions(applied, len(rows)),
        )
        chunks.append(chunk)
        numbers[chunk.partition, chunk.number] = [
            (event[0], event[1], event[2]) for event in part.select(EVENT).iter_rows()
        ]
    return chunks, numbers


def _versions(logged: pl.Series, rows: int) -> npt.NDArray[np.uint32]:
    values = logged.explode().to_numpy().astype(np.uint32)
    if len(values) != 3 * rows:
        raise ConfigurationError(
            f"The scores name {len(values)} versions for {rows} rows.",
            hint="Another version of the worker wrote them; run the check with that version.",
        )
    return values.reshape(rows, 3)


def _first(
    differing: Sequence[tuple[int, int, int]],
    scores: pl.DataFrame,
    online: _Online,
    catalog: Catalog,
) -> VectorDifference | None:
    if not differing:
        return None
    row, feature, bits = min(differing, key=lambda found: scores["event_time_ms"][found[0]])
    return VectorDifference(
        event_id=scores["event_id"][row],
        event_time_ms=scores["event_time_ms"][row],
        feature=catalog.names[feature],
        online=float(online.vector(row)[feature]),
        offline=float(np.array([bits], "<u4").view("<f4")[0]),
    )


def _unscored(scores: pl.DataFrame, columns: EventColumns) -> int:
    """Number of events without a score, though a later one of the same source partition has one."""
    rows = columns.event_rows()
    events = pl.DataFrame(
        {
            "source": columns.source[rows],
            "source_partition": columns.partition[rows],
            "source_offset": columns.offset[rows],
        }
    )
    last = scores.group_by("source", "source_partition").agg(
        pl.col("source_offset").min().alias("first"), pl.col("source_offset").max().alias("last")
    )
    return (
        events.join(scores, on=EVENT, how="anti")
        .join(last, on=["source", "source_partition"])
        .filter(pl.col("source_offset").is_between(pl.col("first"), pl.col("last")))
        .height
    )
