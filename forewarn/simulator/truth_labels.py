"""The truth, and the little of it that becomes known: labels, reports and outcomes."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from forewarn.simulator.activity_clock import Ints
from forewarn.simulator.fraud_episodes import MULE, TYPOLOGY_NAMES, Episodes
from forewarn.simulator.town_events import Columns
from forewarn.simulator.town_ledger import EpisodeStage, Scene, Settlement
from forewarn.simulator.town_scenario import HOUR_MS, MINUTE_MS, Scenario

NEVER = np.iinfo(np.int64).max


@dataclass(slots=True)
class Course:
    """What became of every episode; times are ``NEVER`` where it did not happen.

    ``attempted_minor`` is what the victim tried to pay, ``lost_minor`` what is gone for good,
    ``spared_minor`` what would also be lost without the intervention.
    """

    began_ms: Ints
    first_loss_ms: Ints
    last_ms: Ints
    attempted_minor: Ints
    lost_minor: Ints
    spared_minor: Ints
    stopped_ms: Ints


def intervene(
    scenario: Scenario, episodes: Episodes, legs: Columns, postings: Columns, lines: Columns
) -> Ints:
    """Intervene in some engaged episodes, which changes their further course.

    Calls under way end, payments that are not settled are stopped, and nothing later takes place.
    The tables are changed in place: what no longer happens is moved behind the end of the period.

    Returns:
        The time of the intervention for each episode.
    """
    rng = scenario.rng("interventions")
    began, last = _extent(scenario, episodes, legs, postings)
    chosen = episodes.engaged & (rng.random(episodes.person.size) < scenario.intervention_share)
    chosen &= last > began
    moment = began + (rng.random(began.size) * (np.minimum(last, NEVER // 2) - began)).astype(
        np.int64
    )
    stopped = np.where(chosen, moment, NEVER)
    after_end = scenario.end_ms + 10 * 86_400_000
    for table, column in ((legs, "start_ms"), (postings, "time_ms"), (lines, "time_ms")):
        rows = np.flatnonzero(table["episode"] >= 0)
        limit = stopped[table["episode"][rows]]
        table[column][rows[table[column][rows] >= limit]] = after_end
    rows = np.flatnonzero(legs["episode"] >= 0)
    limit = stopped[legs["episode"][rows]]
    open_ = rows[
        (legs["start_ms"][rows] < limit)
        & (legs["start_ms"][rows] + legs["duration_ms"][rows] > limit)
    ]
    legs["duration_ms"][open_] = stopped[legs["episode"][open_]] - legs["start_ms"][open_]
    rows = np.flatnonzero((postings["episode"] >= 0) & postings["outgoing"].astype(bool))
    limit = stopped[postings["episode"][rows]]
    pending = rows[
        (postings["time_ms"][rows] < limit)
        & (postings["time_ms"][rows] + postings["settle_ms"][rows] >= limit)
    ]
    postings["settlement"][pending] = Settlement.BLOCKED
    return stopped


def _extent(
    scenario: Scenario, episodes: Episodes, legs: Columns, postings: Columns
) -> tuple[Ints, Ints]:
    """First and last moment of each episode."""
    began = np.full(episodes.person.size, NEVER, dtype=np.int64)
    last = np.zeros(episodes.person.size, dtype=np.int64)
    for table, column in ((legs, "start_ms"), (postings, "time_ms")):
        rows = np.flatnonzero(table["episode"] >= 0)
        np.minimum.at(began, table["episode"][rows], table[column][rows].astype(np.int64))
        np.maximum.at(last, table["episode"][rows], table[column][rows].astype(np.int64))
    return np.maximum(began, scenario.start_ms), last


def course(
    scenario: Scenario, episodes: Episodes, legs: Columns, postings: Columns, stopped: Ints
) -> Course:
    """Follow every episode to its end."""
    began, _ = _extent(scenario, episodes, legs, postings)
    size = episodes.person.size
    first_loss = np.full(size, NEVER, dtype=np.int64)
    last = np.zeros(size, dtype=np.int64)
    attempted = np.zeros(size, dtype=np.int64)
    lost = np.zeros(size, dtype=np.int64)
    within = (postings["episode"] >= 0) & (postings["time_ms"] < scenario.end_ms)
    within &= postings["time_ms"] >= scenario.start_ms
    within &= postings["scene"] == Scene.FRAUD
    out = np.flatnonzero(within & postings["outgoing"].astype(bool))
    episode = postings["episode"][out]
    np.add.at(attempted, episode, postings["amount_minor"][out].astype(np.int64))
    gone = out[postings["settlement"][out] == Settlement.COMPLETED]
    settled = (postings["time_ms"][gone] + postings["settle_ms"][gone]).astype(np.int64)
    np.add.at(lost, postings["episode"][gone], postings["amount_minor"][gone].astype(np.int64))
    real = postings["stage"][gone] >= EpisodeStage.PAYMENT
    np.minimum.at(first_loss, postings["episode"][gone][real], settled[real])
    np.maximum.at(last, postings["episode"][gone], settled)
    bait = np.flatnonzero(
        within & ~postings["outgoing"].astype(bool) & (postings["stage"] == EpisodeStage.TRIAL)
    )
    np.subtract.at(lost, postings["episode"][bait], postings["amount_minor"][bait].astype(np.int64))
    return Course(
        began, first_loss, last, attempted, np.maximum(lost, 0), np.zeros_like(lost), stopped
    )


def episode_ids(episode: Ints) -> pl.Series:
    """The text of episode ids."""
    return "e" + pl.Series(episode).cast(pl.String).str.zfill(7)


def ring_ids(ring: Ints) -> pl.Series:
    """The text of ring ids, which group episodes for splits."""
    return "r" + pl.Series(ring).cast(pl.String).str.zfill(5)


def _or_null(times: Ints) -> pl.Series:
    return pl.Series(times).replace(NEVER, None)


def episode_frame(episodes: Episodes, happened: Course, numbers: pl.Series) -> pl.DataFrame:
    """One row an episode: the whole truth about it."""
    return pl.DataFrame(
        {
            "episode_id": episode_ids(np.arange(episodes.person.size)),
            "victim": numbers.gather(episodes.person.astype(np.uint32)),
            "typology": [TYPOLOGY_NAMES[i] for i in episodes.typology.tolist()],
            "ring_id": ring_ids(episodes.ring),
            "engaged": episodes.engaged,
            "began_ms": _or_null(happened.began_ms),
            "first_loss_ms": _or_null(happened.first_loss_ms),
            "attempted_minor": happened.attempted_minor,
            "lost_minor": happened.lost_minor,
            "spared_minor": happened.spared_minor,
            "intervened_ms": _or_null(happened.stopped_ms),
        }
    )


def report_frame(
    scenario: Scenario, episodes: Episodes, happened: Course, numbers: pl.Series
) -> pl.DataFrame:
    """What the police come to know, and when: delayed, partial, and sometimes of the wrong type.

    Losses are reported by ``report_share`` of victims (fewer where little was lost), after a
    log-normal delay; who was dissuaded is known within the hour. Nothing is reported after the
    period, because it is not known yet.
    """
    rng = scenario.rng("reports")
    size = episodes.person.size
    lost = happened.lost_minor
    dissuaded = (happened.stopped_ms < scenario.end_ms) & (lost == 0)
    willing = scenario.report_share * np.clip(
        0.5 + np.log10(np.maximum(lost, 100) / 10_000) / 3, 0.3, 1.3
    )
    refused = ~episodes.engaged & (episodes.typology != MULE) & (rng.random(size) < 0.02)
    reports = (lost > 0) & episodes.engaged & (rng.random(size) < willing)
    delay = rng.lognormal(np.log(scenario.report_delay_hours * HOUR_MS), 1.2, size).astype(np.int64)
    soon = rng.integers(5 * MINUTE_MS, HOUR_MS, size)
    base = np.where(
        reports, happened.last_ms, np.where(dissuaded, happened.stopped_ms, happened.began_ms)
    )
    base = np.minimum(base, scenario.end_ms + 1)
    known = base + np.where(dissuaded, soon, delay)
    rows = np.flatnonzero((reports | dissuaded | refused) & (known < scenario.end_ms))
    rows = rows[np.argsort(known[rows], kind="stable")]
    wrong = rng.random(rows.size) < 0.12
    return pl.DataFrame(
        {
            "episode": rows,
            "episode_id": episode_ids(rows),
            "subscriber": numbers.gather(episodes.person[rows].astype(np.uint32)),
            "label_time_ms": known[rows],
            "disposition": np.where(reports[rows], "loss_occurred", "dissuaded").tolist(),
            "typology": [
                "unknown" if unsure else TYPOLOGY_NAMES[i]
                for i, unsure in zip(episodes.typology[rows].tolist(), wrong.tolist(), strict=True)
            ],
            "lost_minor": np.where(reports[rows], lost[rows], 0),
            "prevented_minor": happened.spared_minor[rows],
            "fraud_began_ms": happened.began_ms[rows],
        },
        schema_overrides={"disposition": pl.String, "typology": pl.String},
    )


REMEMBERED = 0.75
"""Share of the callers and payees of a fraud that its victim can name."""


def named(
    scenario: Scenario, table: Columns, column: str, texts: pl.Series, limit_ms: Ints
) -> pl.DataFrame:
    """The distinct counterparties of each episode that a victim can name: ``episode``, ``name``.

    Args:
        scenario: gives the random stream.
        table: legs, or postings that were paid.
        column: the column of its times; what lies at or after ``limit_ms`` of the episode is not
            known yet.
        texts: of the parties.
        limit_ms: by episode.
    """
    rows = np.flatnonzero(table["episode"] >= 0)
    episode = table["episode"][rows].astype(np.int64)
    known = table[column][rows] < limit_ms[episode]
    pairs = np.unique(
        np.stack([episode[known], table["other"][rows[known]].astype(np.int64)]), axis=1
    )
    pairs = pairs[:, scenario.rng(f"memory of {column}").random(pairs.shape[1]) < REMEMBERED]
    return (
        pl.DataFrame({"episode": pairs[0], "name": texts.gather(pairs[1].astype(np.uint32))})
        .group_by("episode", maintain_order=True)
        .agg(pl.col("name").head(8))
    )
