"""Reports as records of the ``outcomes`` topic: what a police system would send when it knows."""

from collections.abc import Iterator

from forewarn.contracts import Outcome, encode
from forewarn.simulator.town import Town


def outcomes(town: Town) -> Iterator[tuple[str, Outcome]]:
    """Each report as (episode id, outcome), in order of the time at which it became known."""
    districts = dict(zip(town.people["subscriber"], town.people["district"], strict=True))
    for row in town.reports.iter_rows(named=True):
        known = row["label_time_ms"]
        yield (
            row["episode_id"],
            Outcome(
                event_id=f"o{row['episode_id']}",
                event_time_ms=known,
                subscriber=row["subscriber"],
                tenant=town.scenario.tenant,
                district=districts[row["subscriber"]],
                disposition=row["disposition"],
                label_time_ms=known,
                callers=tuple(row["callers"]),
                payees=tuple(row["payees"]),
                lost_minor=row["lost_minor"],
                prevented_minor=row["prevented_minor"],
                currency=town.scenario.currency,
                typology=row["typology"],
                fraud_began_ms=row["fraud_began_ms"],
            ),
        )


def outcome_records(town: Town) -> Iterator[tuple[int, bytes, bytes, int]]:
    """Each report as (episode, key, value, event time in ms)."""
    for episode_id, outcome in outcomes(town):
        key = outcome.subscriber.encode()
        yield int(episode_id[1:]), key, encode(outcome), outcome.event_time_ms
