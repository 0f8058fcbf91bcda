"""The writes of several chunks packed in one step."""

from collections.abc import Sequence

import numpy as np

from features.run_result import RunResult
from features.store.state_store import Write


def writes_of(results: Sequence[RunResult]) -> list[list[Write]]:
    """The writes of each result, as :meth:`RunResult.writes`.

    Chunks of one run are packed in one step, to the same bytes; it may be some of them only.
    """
    whole = results[0].whole if results else None
    if whole is None or any(result.whole is not whole for result in results):
        return [result.writes() for result in results]
    changed = np.zeros(len(whole.plan.keys), np.bool_)
    for part in results:
        changed[part.records] = part.changed()
    whole.annexes = {
        part.records.start + place: annex
        for part in results
        for place, annex in part.annexes.items()
    }
    chosen = np.flatnonzero(changed)
    writes = whole.pack(chosen)
    bounds = [np.searchsorted(chosen, [part.records.start, part.records.stop]) for part in results]
    return [writes[start:stop] for start, stop in bounds]
