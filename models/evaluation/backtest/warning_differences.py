"""Differences between two replays of the same period: warnings that only one of them raises."""

from features.event_columns import EventColumns
from models.evaluation.backtest.decision_replay import DecisionReplay, Sent
from models.training.event_labels import Labels


def difference_of(
    first: DecisionReplay, second: DecisionReplay, events: EventColumns, labels: Labels
) -> dict[str, object]:
    """Warnings by subject that only one raises, or that they raise at different events.

    ``sooner_seconds`` is how much earlier the second raises what both raise (median, negative:
    later).
    """
    ours, theirs = _by_subject(first, events), _by_subject(second, events)
    both = sorted(ours.keys() & theirs.keys())
    gaps = sorted(int(events.time_ms[ours[s].row] - events.time_ms[theirs[s].row]) for s in both)
    moved = sum(ours[s].decision.severity != theirs[s].decision.severity for s in both)
    return {
        "only_first": _described([ours[s] for s in ours.keys() - theirs.keys()], labels),
        "only_second": _described([theirs[s] for s in theirs.keys() - ours.keys()], labels),
        "both": len(both),
        "other_severity": moved,
        "sooner_seconds": gaps[len(gaps) // 2] / 1000 if gaps else None,
    }


def _by_subject(one: DecisionReplay, events: EventColumns) -> dict[tuple[int, int], Sent]:
    table: dict[tuple[int, int], Sent] = {}
    for sent in one.raised():
        key = (int(events.subscriber[sent.row]), int(events.subject[sent.row]))
        table.setdefault(key, sent)
    return table


def _described(sent: list[Sent], labels: Labels) -> dict[str, int]:
    frauds = [one for one in sent if labels.label[one.row] == 1]
    return {
        "warnings": len(sent),
        "frauds": len(frauds),
        "expected_loss_minor": sum(one.decision.expected_loss_minor for one in frauds),
    }
