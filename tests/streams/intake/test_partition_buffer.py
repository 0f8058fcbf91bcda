"""What waits in a partition is handed out in event-time order and never lost or repeated."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn.contracts.payment_question import PaymentQuestion
from streams.intake.partition_buffer import SOURCE_COUNT, JournalMismatchError, PartitionBuffer
from streams.intake.record_decoder import DecodedRecords


def make_run(source: int, first: int, times: list[int], *, tail: int = 0) -> DecodedRecords:
    """A run with one event per time, at consecutive offsets, then ``tail`` rejected records."""
    acked: list[bool] = []
    events = [SimpleNamespace(source=source, offset=first + i, time=t) for i, t in enumerate(times)]
    return DecodedRecords(
        source=source,
        next_offset=first + len(times) + tail,
        events=events,  # type: ignore[arg-type]
        offsets=np.arange(first, first + len(times), dtype=np.int64),
        appended_ms=np.array(times, np.int64),
        merge_ms=np.maximum.accumulate(np.array(times, np.int64)),
        dead_letters=[],
        acknowledge=lambda: acked.append(True),
    )


def nothing_behind(_source: int) -> bool:
    return False


def buffer_of(*decoded: DecodedRecords) -> PartitionBuffer:
    buffer = PartitionBuffer(0, (0, 0, 0), align_seconds=0.5)
    for run in decoded:
        buffer.add(run)
    return buffer


def test_topics_are_merged_by_event_time() -> None:
    """A call that started before a transfer is handed out before it."""
    buffer = buffer_of(make_run(0, 10, [100, 300]), make_run(1, 50, [200, 400]))
    chunk = buffer.take(100, nothing_behind, now=0.0)
    assert chunk is not None
    assert [e.time for e in chunk.events] == [100, 200, 300, 400]  # type: ignore[attr-defined]
    assert chunk.source.tolist() == [0, 1, 0, 1]
    assert chunk.offsets.tolist() == [10, 50, 11, 51]
    assert chunk.after == (12, 52, 0)


def test_late_event_keeps_its_place_in_its_topic() -> None:
    """Offsets of one topic are never reordered, however late an event is."""
    buffer = buffer_of(make_run(0, 0, [500, 100, 600]), make_run(1, 0, [550]))
    chunk = buffer.take(100, nothing_behind, now=0.0)
    assert chunk is not None
    assert [(e.source, e.offset) for e in chunk.events] == [(0, 0), (0, 1), (1, 0), (0, 2)]  # type: ignore[attr-defined]


def test_nothing_is_taken_beyond_a_source_that_has_more_to_come() -> None:
    """While calls are behind, a later transfer waits for them."""
    buffer = buffer_of(make_run(0, 0, [100]), make_run(1, 0, [90, 200]))
    chunk = buffer.take(100, lambda source: source == 0, now=0.0)
    assert chunk is not None
    assert [e.time for e in chunk.events] == [90, 100]  # type: ignore[attr-defined]
    assert buffer.take(100, lambda source: source == 0, now=1.0) is None
    released = buffer.take(100, lambda source: source == 0, now=1.6)
    assert released is not None
    assert [e.time for e in released.events] == [200]  # type: ignore[attr-defined]


def test_a_run_of_rejected_records_moves_the_position() -> None:
    """Rejected records are acknowledged with the chunk that carries their dead letters."""
    buffer = buffer_of(make_run(0, 7, [], tail=3))
    chunk = buffer.take(100, nothing_behind, now=0.0)
    assert chunk is not None
    assert chunk.after == (10, 0, 0)
    assert len(chunk.finished) == 1
    assert buffer.empty


def test_journalled_chunk_is_taken_exactly_once_all_of_it_is_here() -> None:
    """A recovery waits for every record of the chunk, and then takes these and no more."""
    buffer = buffer_of(make_run(0, 0, [100, 300, 500]))
    order = np.array([0, 1, 0], np.uint8)
    assert buffer.take_journalled(order, (2, 9, 0)) is None
    buffer.add(make_run(1, 8, [200, 700]))
    chunk = buffer.take_journalled(order, (2, 9, 0))
    assert chunk is not None
    assert [e.time for e in chunk.events] == [100, 200, 300]  # type: ignore[attr-defined]
    assert chunk.after == (2, 9, 0)


def test_journal_that_does_not_fit_is_an_error() -> None:
    """Records removed by retention are noticed, not papered over."""
    buffer = buffer_of(make_run(0, 5, [100, 300]))
    with pytest.raises(JournalMismatchError, match="4 events"):
        buffer.take_journalled(np.zeros(4, np.uint8), (6, 0, 0))


def test_a_record_delivered_twice_within_an_assignment_is_an_error() -> None:
    """An event twice in one chunk would be counted in its own vector."""
    buffer = buffer_of(make_run(0, 5, [100, 300]))
    with pytest.raises(RuntimeError, match="delivered again"):
        buffer.add(make_run(0, 6, [300]))
    buffer.add(make_run(0, 7, [400]))


runs_strategy = st.lists(
    st.tuples(
        st.integers(0, SOURCE_COUNT - 1),
        st.lists(st.integers(0, 50), max_size=6),
        st.integers(0, 2),
    ),
    max_size=12,
)


@given(runs_strategy, st.integers(1, 7), st.sets(st.integers(0, 2)))
def test_everything_is_taken_once_and_in_topic_order(
    spec: list[tuple[int, list[int], int]], limit: int, lagging: set[int]
) -> None:
    """Whatever the runs, limits and lags: each event once, each topic in order, all runs done."""
    buffer = PartitionBuffer(0, (0, 0, 0), align_seconds=0.5)
    following = [0, 0, 0]
    total = 0
    for source, times, tail in spec:
        buffer.add(make_run(source, following[source], times, tail=tail))
        following[source] += len(times) + tail
        total += len(times)
    taken: list[tuple[int, int]] = []
    finished = 0
    now = 0.0
    for _ in range(10 * (total + len(spec)) + 10):
        chunk = buffer.take(limit, lambda source: source in lagging, now)
        now += 0.3
        if chunk is None:
            if buffer.empty:
                break
            continue
        assert len(chunk.events) <= limit
        taken.extend((e.source, e.offset) for e in chunk.events)  # type: ignore[attr-defined]
        assert [(e.source, e.offset) for e in chunk.events] == list(  # type: ignore[attr-defined]
            zip(chunk.source.tolist(), chunk.offsets.tolist(), strict=True)
        )
        finished += len(chunk.finished)
    assert buffer.empty
    assert finished == len(spec)
    assert len(taken) == len(set(taken)) == total
    for source in range(SOURCE_COUNT):
        offsets = [offset for s, offset in taken if s == source]
        assert offsets == sorted(offsets)


def test_a_chunk_knows_how_long_its_first_events_have_waited() -> None:
    """Lag counts from them while they are in hand: nothing of them is done yet."""
    chunk = buffer_of(make_run(0, 5, [30, 40]), make_run(2, 9, [10])).take(9, nothing_behind, 0.0)
    assert chunk is not None
    assert chunk.first_appended_ms == (30, 0, 10)


def asking(decoded: DecodedRecords, *offsets: int) -> DecodedRecords:
    """The same records, with payments at these offsets that a bank waits for."""
    question = PaymentQuestion(b"q" * 16, 0, 0)
    return replace(decoded, questions=dict.fromkeys(offsets, question))


def test_a_payment_that_a_bank_waits_for_does_not_wait_for_calls() -> None:
    """All up to it is taken at once, though more calls are known to come; what is behind it waits."""
    buffer = buffer_of(make_run(0, 0, [100]), asking(make_run(1, 0, [90, 200, 210, 300]), 1, 2))
    assert buffer.asked
    chunk = buffer.take(100, lambda source: source == 0, now=0.0)
    assert chunk is not None
    assert [e.time for e in chunk.events] == [90, 100, 200, 210]  # type: ignore[attr-defined]
    assert list(chunk.questions) == [2, 3]
    assert buffer.take(100, lambda source: source == 0, now=0.0) is None


def test_questions_follow_their_events_when_others_are_set_aside() -> None:
    buffer = buffer_of(make_run(0, 0, [100]), asking(make_run(1, 0, [90, 200, 210]), 0, 2))
    chunk = buffer.take(100, nothing_behind, now=0.0)
    assert chunk is not None
    assert list(chunk.questions) == [0, 3]
    assert list(chunk.set_aside([1], ()).questions) == [0, 2]
    assert list(chunk.set_aside([0], ()).questions) == [2]


def test_a_chunk_that_is_cut_short_keeps_the_later_questions() -> None:
    buffer = buffer_of(asking(make_run(1, 5, [10, 20, 30]), 5, 7))
    first, second = (buffer.take(2, nothing_behind, now=0.0) for _ in range(2))
    assert first is not None
    assert second is not None
    assert (list(first.questions), list(second.questions)) == ([0], [0])
