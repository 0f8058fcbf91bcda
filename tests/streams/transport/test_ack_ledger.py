"""The ledger against an obvious oracle: a list of chunks, and the longest done prefix of it."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streams.transport import ChunkLimits, FetchedRecords, Partition
from streams.transport.ack_ledger import AckLedger

HERE = Partition("calls", 3)
THERE = Partition("calls", 4)


@dataclass
class Record:
    offset: int
    timestamp: int = 0
    serialized_key_size: int = 4
    serialized_value_size: int = 96


def chunk(
    offsets: list[int], next_offset: int, *, partition: Partition = HERE, epoch: int = 1
) -> FetchedRecords:
    return FetchedRecords(
        *partition, [Record(o) for o in offsets], next_offset=next_offset, epoch=epoch
    )


def ledger(committed: int | None = 0, **limits: Any) -> AckLedger:
    made = AckLedger(ChunkLimits(**limits))
    made.reset(HERE, committed, 1)
    return made


class TestCommittable:
    def test_nothing_is_committed_over_a_single_unacknowledged_head(self):
        """The fault of the stock consumer: with one chunk out, the next one's end is committed."""
        book = ledger(0)
        book.open(chunk([0], 1))
        second = book.open(chunk([1], 2))
        assert book.close(second)
        assert book.committable() == {}

    def test_nothing_is_committed_over_the_head_when_nothing_was_ever_committed(self):
        book = ledger(None)
        book.open(chunk([0, 1], 2))
        assert book.close(book.open(chunk([2], 3)))
        assert book.committable() == {}

    def test_a_gap_behind_the_last_record_is_committed_with_its_chunk(self):
        book = ledger(0)
        book.close(book.open(chunk([0, 5], 9)))
        assert book.committable() == {HERE: 9}

    def test_a_gap_without_records_waits_for_the_chunks_before_it(self):
        book = ledger(0)
        first = book.open(chunk([0], 1))
        assert book.open(chunk([], 7)) is None
        assert book.committable() == {}
        book.close(first)
        assert book.committable() == {HERE: 7}

    def test_a_trailing_gap_alone_moves_the_offset(self):
        """Else the lag of a topic that ends in a transaction marker never becomes zero."""
        book = ledger(5)
        book.open(chunk([], 6))
        assert book.committable() == {HERE: 6}

    def test_a_confirmed_offset_is_not_committed_again(self):
        book = ledger(0)
        book.close(book.open(chunk([0], 1)))
        book.committed({HERE: 1})
        assert book.committable() == {}

    def test_a_refused_commit_is_offered_again(self):
        book = ledger(0)
        book.close(book.open(chunk([0], 1)))
        assert book.committable() == book.committable() == {HERE: 1}

    def test_only_the_chosen_partitions_are_offered(self):
        book = ledger(0)
        book.reset(THERE, 0, 1)
        book.close(book.open(chunk([0], 1)))
        book.close(book.open(chunk([0], 1, partition=THERE)))
        assert book.committable([THERE]) == {THERE: 1}

    def test_what_waits_is_known_from_the_first_record_on(self):
        """Lag of a partition without any processed chunk counts, too."""
        book = ledger(None)
        assert book.settled(HERE) is None
        ticket = book.open(chunk([7, 8], 9))
        assert (book.settled(HERE), book.oldest_ms(HERE)) == (7, 0)
        book.close(ticket)
        assert (book.settled(HERE), book.oldest_ms(HERE)) == (9, None)


class TestAssignment:
    def test_an_ack_of_an_earlier_assignment_changes_nothing(self):
        """Revoked and assigned again: the records will be read again, so the old ack is void."""
        book = ledger(0)
        late = book.open(chunk([0], 1))
        book.forget([HERE])
        assert not book.close(late)
        book.reset(HERE, 0, 2)
        assert not book.close(late)
        assert book.committable() == {}
        assert book.chunks_out == 0
        assert book.bytes_out == 0

    def test_a_forgotten_partition_is_never_committed(self):
        book = ledger(0)
        book.close(book.open(chunk([0], 1)))
        book.forget([HERE])
        assert book.committable() == {}

    def test_a_chunk_read_before_a_seek_is_distinguished_from_one_read_after_it(self):
        book = ledger(0)
        book.reset(HERE, 0, 5)
        assert not book.is_current(chunk([0], 1, epoch=4))
        assert book.is_current(chunk([0], 1, epoch=5))
        assert book.is_early(chunk([0], 1, epoch=6))

    def test_a_chunk_of_a_partition_that_was_lost_before_its_seek_was_reported_delays_no_other(
        self,
    ):
        """Its report never comes; that of a later seek says so."""
        book = ledger(0)
        assert book.is_early(chunk([0], 1, partition=THERE, epoch=4))
        book.reset(HERE, 0, 5)
        assert not book.is_early(chunk([0], 1, partition=THERE, epoch=4))
        assert not book.is_current(chunk([0], 1, partition=THERE, epoch=4))

    def test_a_second_ack_counts_once(self):
        book = ledger(0)
        ticket = book.open(chunk([0], 1))
        assert book.close(ticket)
        assert not book.close(ticket)
        assert book.chunks_out == 0


class TestRoom:
    @pytest.mark.parametrize(
        "limits", [{"partition_chunks": 2}, {"partition_records": 2}, {"bytes_out": 200}]
    )
    def test_a_partition_closes_at_its_bound_and_opens_with_an_ack(self, limits):
        book = ledger(0, **limits)
        book.open(chunk([0], 1))
        assert book.has_room(HERE)
        second = book.open(chunk([1], 2))
        assert not book.has_room(HERE)
        book.close(second)
        assert book.has_room(HERE), "room does not wait for the head: order of acks is the worker's"


class LedgerMachine(RuleBasedStateMachine):
    """Random opens, gaps, acks in any order, confirmations, losses and returns of a partition."""

    def __init__(self) -> None:
        super().__init__()
        self.book = AckLedger(ChunkLimits())
        self.epoch = 0
        self.stale: list[Any] = []
        self.start(0)

    def start(self, committed: int) -> None:
        self.epoch += 1
        self.book.reset(HERE, committed, self.epoch)
        self.confirmed = committed
        self.position = committed
        self.model: list[list[Any]] = []  # [end, done, ticket], in order of offsets

    @rule(gaps=st.lists(st.integers(0, 3), min_size=1, max_size=4), tail=st.integers(0, 3))
    def fetch(self, gaps, tail):
        offsets = []
        for gap in gaps:
            self.position += gap
            offsets.append(self.position)
            self.position += 1
        self.position += tail
        ticket = self.book.open(chunk(offsets, self.position, epoch=self.epoch))
        self.model.append([self.position, False, ticket])

    @rule(gap=st.integers(1, 3))
    def skip(self, gap):
        self.position += gap
        assert self.book.open(chunk([], self.position, epoch=self.epoch)) is None
        self.model.append([self.position, True, None])

    @precondition(lambda self: any(not done for _, done, _ in self.model))
    @rule(data=st.data())
    def ack(self, data):
        entry = data.draw(st.sampled_from([entry for entry in self.model if not entry[1]]))
        assert self.book.close(entry[2])
        entry[1] = True

    @rule()
    def commit(self):
        offsets = self.book.committable()
        self.book.committed(offsets)
        self.confirmed = offsets.get(HERE, self.confirmed)

    @rule()
    def rebalance(self):
        self.stale.extend(ticket for _, done, ticket in self.model if ticket and not done)
        self.start(self.confirmed)

    @precondition(lambda self: self.stale)
    @rule()
    def late_ack(self):
        assert not self.book.close(self.stale.pop())

    @invariant()
    def offers_the_end_of_the_done_prefix(self):
        end = self.confirmed
        for position, done, _ in self.model:
            if not done:
                break
            end = position
        expected = {HERE: end} if end > self.confirmed else {}
        assert self.book.committable() == expected

    @invariant()
    def counts_what_is_out(self):
        out = sum(not done for _, done, _ in self.model)
        assert self.book.chunks_out == out
        assert (self.book.bytes_out == 0) == (out == 0)


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=20, unique=True))
def test_a_chunk_gives_its_records_as_columns(offsets):
    offsets.sort()
    made = chunk(offsets, offsets[-1] + 1)
    assert made.offsets() == offsets
    assert (made.first_offset, made.last_offset, len(made)) == (
        offsets[0],
        offsets[-1],
        len(offsets),
    )
    assert made.size_bytes == 100 * len(offsets)
