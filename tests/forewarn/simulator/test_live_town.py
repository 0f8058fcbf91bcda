"""A victim who is dissuaded hangs up and pays no more; all others go on as before."""

import polars as pl
import pytest

from forewarn.contracts import CallEnded, Transfer, decode_call, decode_transfer
from forewarn.simulator import LiveTown, Scenario, Town, TownRecord, simulate
from forewarn.simulator.live_town import ATTEMPT_MS, HANG_UP_MS


@pytest.fixture(scope="module")
def town() -> Town:
    """Small, since these tests send all of it several times, and full of victims."""
    return simulate(
        Scenario(seed=3, subscribers=600, days=14, prevalence=0.08, intervention_share=0.0)
    )


def busiest(town: Town) -> tuple[str, int, int]:
    """A victim, a moment in a long call before further payments, and the episode."""
    mine = town.labels.filter(pl.col("scene") == "fraud").select("event_id", "episode_id")
    calls = town.calls.filter(pl.col("type") == "call_ended").join(mine, on="event_id")
    paid = town.transfers.filter(pl.col("status") == "attempted").join(mine, on="event_id")
    last = paid.group_by("episode_id").agg(last=pl.col("event_time_ms").max())
    row = (
        calls.join(last, on="episode_id")
        .filter((pl.col("last") > pl.col("event_time_ms")) & (pl.col("duration_ms") > 600_000))
        .sort("event_id")
        .row(0, named=True)
    )
    return row["subscriber"], row["started_at_ms"] + 300_000, int(row["episode_id"][1:])


def play(town: Town, subscriber: str, moment_ms: int) -> tuple[list[TownRecord], list]:
    """Send everything; step in at the first record at or after a moment."""
    live, sent, stopped = LiveTown(town), [], None
    for record in live:
        if stopped is None and record.arrival_ms >= moment_ms:
            stopped = live.intervene(subscriber, moment_ms)
        sent.append(record)
    return sent, stopped or []


def test_the_call_ends_and_no_further_payment_is_made(town: Town) -> None:
    subscriber, moment, episode = busiest(town)
    sent, stopped = play(town, subscriber, moment)
    assert f"e{episode:07d}" in [each.episode_id for each in stopped]
    spared = next(each.spared_minor for each in stopped if each.episode_id == f"e{episode:07d}")
    assert spared > 0
    reached = min(r.arrival_ms for r in sent if r.arrival_ms >= moment)
    after = [r for r in sent if r.episode == episode and r.arrival_ms > reached]
    ends = [decode_call(r.value) for r in after if r.topic == "calls"]
    assert len(ends) >= 1
    for end in ends:
        assert isinstance(end, CallEnded)
        assert reached < end.event_time_ms <= reached + HANG_UP_MS
        assert end.started_at_ms + end.duration_ms == end.event_time_ms
    transfers = [decode_transfer(r.value) for r in after if r.topic == "transfers"]
    assert all(isinstance(t, Transfer) and t.status == "blocked" for t in transfers)


def test_other_people_continue_as_before(town: Town) -> None:
    subscriber, moment, _ = busiest(town)
    sent, stopped = play(town, subscriber, moment)
    ended = {int(each.episode_id[1:]) for each in stopped}
    undisturbed = [r for r in LiveTown(town) if r.episode not in ended]
    assert sorted(r.value for r in sent if r.episode not in ended) == sorted(
        r.value for r in undisturbed
    )


def test_records_stay_in_order_of_arrival_when_some_are_added(town: Town) -> None:
    live, last, steps = LiveTown(town), 0, 0
    for record in live:
        assert record.arrival_ms >= last
        last = record.arrival_ms
        if record.episode >= 0 and steps < 50:
            steps += len(live.intervene(record.key.decode(), record.event_time_ms))
    assert steps >= 50


def test_a_payment_that_is_not_settled_is_blocked(town: Town) -> None:
    """A large sum with a delayed credit was attempted; the contact comes before it settles."""
    mine = town.labels.filter(pl.col("scene") == "fraud").select("event_id")
    events = town.transfers.join(mine, on="event_id").filter(pl.col("direction") == "outgoing")
    slow = (
        events.group_by("transfer_id", "subscriber")
        .agg(
            first=pl.col("event_time_ms").min(), last=pl.col("event_time_ms").max(),
            status=pl.col("status").last(), amount=pl.col("amount_minor").first(),
        )
        .filter((pl.col("last") - pl.col("first") > 60_000) & (pl.col("status") == "completed"))
        .sort("first")
        .row(0, named=True)
    )  # fmt: skip
    sent, stopped = play(town, slow["subscriber"], slow["first"] + 30_000)
    assert sum(each.spared_minor for each in stopped) >= slow["amount"]
    fates = [
        transfer.status
        for transfer in (decode_transfer(r.value) for r in sent if r.topic == "transfers")
        if transfer.transfer_id == slow["transfer_id"]
    ]
    assert fates == ["attempted", "blocked"]


def test_a_stranger_or_a_happy_person_is_not_disturbed(town: Town) -> None:
    live = LiveTown(town)
    assert live.intervene("+8613800000000", town.scenario.end_ms) == []
    assert live.under_way("+8613800000000", town.scenario.end_ms) == []


def test_playing_can_begin_in_the_middle(town: Town) -> None:
    middle = (town.scenario.start_ms + town.scenario.end_ms) // 2
    late = list(LiveTown(town, start_ms=middle))
    assert late[0].arrival_ms >= middle
    assert len(late) == sum(r.arrival_ms >= middle for r in LiveTown(town))


def test_a_person_reports_an_attempt_for_a_day(town: Town) -> None:
    """One that led nowhere, and one that was stopped, but not of what has not begun."""
    in_vain = town.truth.filter(~pl.col("engaged"), pl.col("began_ms").is_not_null())
    vain = in_vain.sort("began_ms").row(0, named=True)
    live, person = LiveTown(town), vain["victim"]
    assert not live.attempted(person, vain["began_ms"] - 1)
    assert live.attempted(person, vain["began_ms"])
    assert live.attempted(person, vain["began_ms"] + ATTEMPT_MS - 1)
    assert not live.attempted("+8610", vain["began_ms"])
    subscriber, moment, _ = busiest(town)
    assert LiveTown(town).under_way(subscriber, moment)
    stopped = LiveTown(town)
    stopped.intervene(subscriber, moment)
    assert not stopped.under_way(subscriber, moment)
    assert stopped.attempted(subscriber, moment + 1)
