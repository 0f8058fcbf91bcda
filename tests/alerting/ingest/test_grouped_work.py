"""Requests that wait together share one transaction, and fail alone."""

import threading
from collections.abc import Sequence

import pytest

from alerting.ingest.grouped_work import GroupedWork
from forewarn.errors import DependencyUnavailableError

SECONDS = 30


class Held:
    """Applies items once it is let go; notes the groups."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.groups.append(list(items))
        self.begun.set()
        assert self.go.wait(SECONDS)
        if 13 in items:
            raise ValueError("unlucky")
        return [item * 2 for item in items]


def test_what_arrives_while_a_group_is_applied_forms_the_next() -> None:
    held = Held()
    work = GroupedWork(held, max_group=3)
    first = work.submit(1)
    assert held.begun.wait(SECONDS)
    later = [work.submit(item) for item in (2, 3, 4, 5)]
    held.go.set()
    assert [future.result(SECONDS) for future in (first, *later)] == [2, 4, 6, 8, 10]
    assert held.groups == [[1], [2, 3, 4], [5]]


def test_an_item_that_fails_fails_alone() -> None:
    held = Held()
    work = GroupedWork(held)
    first = work.submit(1)
    assert held.begun.wait(SECONDS)
    good, bad = work.submit(2), work.submit(13)
    held.go.set()
    assert (first.result(SECONDS), good.result(SECONDS)) == (2, 4)
    with pytest.raises(ValueError, match="unlucky"):
        bad.result(SECONDS)


def test_too_many_that_wait_are_refused() -> None:
    held = Held()
    work = GroupedWork(held, max_waiting=2)
    work.submit(1)
    assert held.begun.wait(SECONDS)
    work.submit(2)
    work.submit(3)
    with pytest.raises(DependencyUnavailableError):
        work.submit(4)
    held.go.set()
    work.close()


def test_an_outage_is_not_repeated_for_every_item() -> None:
    calls = []

    def apply(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        raise DependencyUnavailableError("away", hint="")

    work = GroupedWork(apply)
    with pytest.raises(DependencyUnavailableError):
        work.submit(1).result(SECONDS)
    assert calls == [1]


def test_a_request_that_was_given_up_while_it_waited_is_not_applied() -> None:
    held = Held()
    work = GroupedWork(held)
    first = work.submit(1)
    assert held.begun.wait(SECONDS)
    given_up, later = work.submit(2), work.submit(3)
    assert given_up.cancel()
    held.go.set()
    assert (first.result(SECONDS), later.result(SECONDS)) == (2, 6)
    assert held.groups == [[1], [3]]


def test_a_request_in_hand_cannot_be_given_up_and_stops_no_later_one() -> None:
    held = Held()
    work = GroupedWork(held)
    first = work.submit(1)
    assert held.begun.wait(SECONDS)
    assert not first.cancel()
    held.go.set()
    assert first.result(SECONDS) == 2
    assert work.submit(4).result(SECONDS) == 8


def test_the_first_of_a_group_waits_for_others_until_the_group_is_full() -> None:
    held = Held()
    held.go.set()
    work = GroupedWork(held, max_group=2, linger_seconds=SECONDS)
    futures = [work.submit(item) for item in (1, 2)]
    assert [future.result(SECONDS / 2) for future in futures] == [2, 4]
    assert held.groups == [[1, 2]]


def test_what_is_left_over_from_a_full_group_does_not_wait_again_and_closing_waits_for_none() -> (
    None
):
    held = Held()
    work = GroupedWork(held, max_group=2, linger_seconds=SECONDS)
    futures = [work.submit(item) for item in (1, 2, 3)]
    held.go.set()
    assert [future.result(SECONDS / 2) for future in futures] == [2, 4, 6]
    alone = work.submit(4)
    work.close()
    assert alone.result(0) == 8
    assert held.groups == [[1, 2], [3], [4]]
