"""From outcomes to labels: which events belonged to a fraud, and since when they were known.

An outcome names a person, when the fraud began, and the callers and payees that were confirmed. The
person's events with one of these parties between the beginning and the report are the fraud. What a
warning prevented (``dissuaded``) is a fraud like what succeeded: counting it as honest would teach
the model to stop warning about whatever it has learned to stop.

No outcome names a ring; outcomes that share a confirmed number or account are put into one.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.event_columns import EventColumns
from features.kinds import EventKind
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from models.serving.drift import FRAUD
from models.training.confirmed_parties import ConfirmedParties
from models.training.connected_members import representatives
from models.training.training_dataset import DAY_MS, HOUR_MS, NEVER_MS

UNKNOWN_BEGIN_MS = 30 * DAY_MS
"""How far back a fraud may have begun when the outcome does not say."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Columns for ``make_dataset``, one row an event; ``disposition`` is that of the outcome."""

    label: NDArray[np.int8]
    label_time_ms: NDArray[np.int64]
    ring: NDArray[np.uint64]
    episode: NDArray[np.int64]
    exposure_minor: NDArray[np.int64]
    first_loss_ms: NDArray[np.int64]
    typology: NDArray[np.str_]
    warned: NDArray[np.bool_]


def label_events(
    events: EventColumns, outcomes: pl.DataFrame, pseudonymiser: Pseudonymiser
) -> Labels:
    """Label events by outcomes.

    Args:
        events: calls and transfers, in any order.
        outcomes: columns of ``forewarn.contracts.Outcome`` (at least subscriber, disposition,
            label_time_ms); a later outcome of the same warning, or of a case without one, takes the
            place of an earlier one. The outcomes of one case are one episode.

    Raises:
        ConfigurationError: if a column is missing.
    """
    missing = {"subscriber", "disposition", "label_time_ms"} - set(outcomes.columns)
    if missing:
        raise ConfigurationError(f"the outcomes have no column {', '.join(sorted(missing))}")
    n = len(events)
    labels = Labels(
        label=np.zeros(n, np.int8),
        label_time_ms=np.full(n, NEVER_MS, np.int64),
        ring=np.zeros(n, np.uint64),
        episode=np.full(n, -1, np.int64),
        exposure_minor=np.zeros(n, np.int64),
        first_loss_ms=np.full(n, NEVER_MS, np.int64),
        typology=np.full(n, "", dtype="U24"),
        warned=np.zeros(n, np.bool_),
    )
    rows_of = _rows_by_subscriber(events)
    rows = [
        _parties(row, number, pseudonymiser)
        for number, row in enumerate(latest(outcomes).iter_rows(named=True))
    ]
    rings = _rings([{*found.parties, found.case} for found in rows])
    episodes = {case: number for number, case in enumerate({found.case: None for found in rows})}
    for found, ring in zip(rows, rings, strict=True):
        own = rows_of.get(found.subscriber)
        if own is not None:
            _apply(labels, events, own, found, episodes[found.case], ring)
    of_fraud = labels.episode >= 0
    episode = labels.episode[of_fraud]
    exposures = np.fromiter(_exposures(rows).values(), np.int64, len(episodes))
    first_loss_ms = np.full(len(episodes), NEVER_MS, np.int64)
    np.minimum.at(first_loss_ms, episode, labels.first_loss_ms[of_fraud])
    labels.exposure_minor[of_fraud] = exposures[episode]
    labels.first_loss_ms[of_fraud] = first_loss_ms[episode]
    return labels


def confirmed_parties(outcomes: pl.DataFrame, pseudonymiser: Pseudonymiser) -> ConfirmedParties:
    """What outcomes may label as fraud: by person, from when to when, which parties and transfers."""
    found = [
        _parties(row, number, pseudonymiser)
        for number, row in enumerate(outcomes.iter_rows(named=True))
    ]
    frauds = [one for one in found if one.fraud]
    people, place = np.unique(
        np.array([one.subscriber for one in frauds], np.uint64), return_inverse=True
    )
    from_ms = np.full(len(people), NEVER_MS, np.int64)
    until_ms = np.zeros(len(people), np.int64)
    np.minimum.at(from_ms, place, np.array([one.began_ms for one in frauds], np.int64))
    np.maximum.at(until_ms, place, np.array([one.known_ms for one in frauds], np.int64))
    pairs = [(one.subscriber, party) for one in frauds for party in one.parties]
    transfers = [one.transfer for one in frauds if one.transfer]
    return ConfirmedParties.of(
        people, from_ms, until_ms,
        np.array(pairs, np.uint64).reshape(-1, 2), np.array(transfers, np.uint64),
    )  # fmt: skip


def latest(outcomes: pl.DataFrame) -> pl.DataFrame:
    """The last word on each warning, or on each case that is reported as a whole, by label time.

    Alerting sends an outcome for each warning of a case, with that warning's callers and payees.
    """
    ordered = outcomes.sort("label_time_ms", maintain_order=True)
    known = [name for name in ("warning_id", "case_id") if name in ordered.columns]
    if not known:
        return ordered
    numbered = ordered.with_row_index("_row").with_columns(
        pl.coalesce(
            *(pl.lit(f"{name}:") + pl.col(name) for name in known),
            pl.col("_row").cast(pl.String),
        ).alias("_about")
    )
    return numbered.unique("_about", keep="last", maintain_order=True).drop("_row", "_about")


@dataclass(frozen=True, slots=True)
class _Found:
    case: str
    subscriber: int
    parties: frozenset[int]
    transfer: int
    fraud: bool
    began_ms: int
    known_ms: int
    lost_minor: int
    exposure_minor: int
    typology: str
    warned: bool


def _parties(row: dict[str, object], place: int, pseudonymiser: Pseudonymiser) -> _Found:
    def number(name: str) -> int:
        return int(str(row.get(name) or 0))

    def texts(name: str) -> list[str]:
        value = row.get(name)
        return [str(one) for one in value] if isinstance(value, (list, tuple)) else []

    known, began = number("label_time_ms"), number("fraud_began_ms")
    lost, saved = number("lost_minor"), number("prevented_minor")
    typology = str(row.get("typology") or "")
    return _Found(
        case=str(row.get("case_id") or f"without a case, {place}"),
        subscriber=pseudonymiser.phone(str(row["subscriber"])),
        parties=frozenset(map(pseudonymiser.phone, texts("callers")))
        | frozenset(map(pseudonymiser.account, texts("payees"))),
        transfer=pseudonymiser.subject(str(row.get("transfer_id") or "")),
        fraud=row["disposition"] in FRAUD,
        began_ms=began - HOUR_MS if began else known - UNKNOWN_BEGIN_MS,
        known_ms=known,
        lost_minor=lost,
        exposure_minor=max(lost + saved, number("at_risk_minor")),
        typology="" if typology == "unknown" else typology,
        warned=bool(row.get("warning_id")) or row["disposition"] == "dissuaded",
    )


def _exposures(rows: Sequence[_Found]) -> dict[str, int]:
    """What was at stake in each case: its transfers; where there is none, what a call was after."""
    moved: dict[str, int] = dict.fromkeys((found.case for found in rows), 0)
    guessed = dict(moved)
    for found in rows:
        if found.fraud and found.transfer:
            moved[found.case] += found.exposure_minor
        elif found.fraud:
            guessed[found.case] = max(guessed[found.case], found.exposure_minor)
    return {case: amount or guessed[case] for case, amount in moved.items()}


def _apply(
    labels: Labels,
    events: EventColumns,
    own: NDArray[np.intp],
    found: _Found,
    number: int,
    ring: int,
) -> None:
    time_ms = events.time_ms[own]
    within = own[(time_ms >= found.began_ms) & (time_ms <= found.known_ms)]
    if not len(within):
        return
    theirs = np.isin(events.counterparty[within], np.fromiter(found.parties, np.uint64))
    if found.transfer:
        theirs |= events.subject[within] == np.uint64(found.transfer)
    hits = within[theirs]
    if not len(hits):
        return
    span = (events.time_ms[within] >= events.time_ms[hits].min()) & (
        events.time_ms[within] <= events.time_ms[hits].max()
    )
    lines = within[span & (events.kind[within] == EventKind.LINE_CHANGED)]
    rows = np.r_[hits, lines]
    # A fraud is known from the first word that calls it one: a false alarm before it said nothing of
    # the kind, and one after it about something else changes nothing.
    known = labels.label[rows] == 1
    if not found.fraud:
        rows = rows[~known]
        labels.label_time_ms[rows] = np.minimum(labels.label_time_ms[rows], found.known_ms)
        return
    first = np.where(known, labels.label_time_ms[rows], NEVER_MS)
    labels.label_time_ms[rows] = np.minimum(first, found.known_ms)
    labels.label[rows] = 1
    labels.ring[rows] = ring
    labels.episode[rows] = number
    labels.typology[rows] = found.typology
    labels.warned[rows] = found.warned
    if found.lost_minor > 0:
        paid = hits[events.kind[hits] == EventKind.OUT_COMPLETED]
        if len(paid):
            labels.first_loss_ms[rows] = events.time_ms[paid].min()


def _rings(parties: Sequence[Iterable[Hashable]]) -> list[int]:
    """A number from 1 for each outcome; equal where confirmed parties connect them."""
    pairs = [(number, party) for number, group in enumerate(parties) for party in group]
    codes: dict[Hashable, int] = {}
    shared = np.array([codes.setdefault(party, len(codes)) for _, party in pairs], np.int64)
    member = np.array([number for number, _ in pairs], np.int64)
    return [int(first) + 1 for first in representatives(member, shared, len(parties))]


def _rows_by_subscriber(events: EventColumns) -> dict[int, NDArray[np.intp]]:
    order = np.argsort(events.subscriber, kind="stable")
    people, starts = np.unique(events.subscriber[order], return_index=True)
    return dict(zip(people.tolist(), np.split(order, starts[1:]), strict=True))
