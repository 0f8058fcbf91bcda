"""A payee that is misused for a month and then clean is found quickly and forgotten quickly."""

import numpy as np

from features import kinds
from features.catalog import CATALOG
from features.engine import Engine
from features.event_columns import EventColumns, from_arrays
from features.kinds import EventKind as K

DAY = 86_400_000
START = 1_767_542_400_000
PAYEE, DELAY_DAYS, MISUSED_DAYS, DAYS = 7, 7, 30, 110


def history() -> EventColumns:
    """Twenty payments a day to one account; a third are frauds for a month, each known a week later."""
    rows: list[dict[str, int]] = []
    for day in range(DAYS):
        for number in range(20):
            time = START + day * DAY + number * 3_600_000
            subject, person = 1_000 + 20 * day + number, 100 + number
            rows.append(_row(K.OUT_ATTEMPTED, time, person, subject))
            if 10 <= day < 10 + MISUSED_DAYS and number % 3 == 0:
                known = time + DELAY_DAYS * DAY
                rows.append(_row(K.OUTCOME, known, person, 90_000 + subject))
    rows.sort(key=lambda row: row["time_ms"])
    table = {name: [row[name] for row in rows] for name in rows[0]}
    return from_arrays(**table, offset=np.arange(len(rows)))


def _row(kind: int, time_ms: int, person: int, subject: int) -> dict[str, int]:
    outcome = kind == K.OUTCOME
    return {
        "kind": kind,
        "time_ms": time_ms,
        "subscriber": person,
        "counterparty": PAYEE,
        "subject": subject,
        "amount_minor": 0 if outcome else 10_000,
        "flags": kinds.ACCOUNT | (kinds.CONFIRMED if outcome else 0),
        "source": 2 if outcome else 1,
    }


def test_a_payee_misused_for_a_month_is_found_quickly_and_forgotten_quickly() -> None:
    columns = history()
    engine = Engine(CATALOG)
    vectors = engine.run(engine.plan(columns)).vectors
    paid = columns.kind == K.OUT_ATTEMPTED
    day = (columns.time_ms - START) // DAY

    def mean(name: str, on: int) -> float:
        return float(np.nanmean(vectors[paid & (day == on), CATALOG.slot(name)]))

    first_known, last_known = 10 + DELAY_DAYS, 10 + MISUSED_DAYS + DELAY_DAYS
    assert mean("account_confirmations_24h", first_known - 1) == 0
    assert mean("account_confirmation_share_24h", first_known + 1) > 0.2  # within a day
    assert mean("account_confirmation_share_7d", first_known + 7) > 0.3
    assert mean("account_confirmation_share_24h", last_known + 2) == 0  # a day after the last one
    assert mean("account_confirmation_share_7d", last_known + 8) == 0
    assert mean("account_confirmations_30d", last_known + 34) == 0
    # The decaying risk has half of its height in three days; a week after the last one it has lost half of it.
    height = mean("account_confirmation_risk", last_known - 1)
    assert mean("account_confirmation_risk", first_known - 1) == 0
    assert mean("account_confirmation_risk", first_known + 3) > height / 2 > 0.15
    assert mean("account_confirmation_risk", last_known + 8) < height / 2
    assert mean("account_confirmation_risk", last_known + 34) == 0
    # What is counted for ever never falls, so no sign may be forced on it.
    assert mean("account_confirmed", DAYS - 1) > 200
    signs = dict(zip(CATALOG.names, CATALOG.monotone, strict=True))
    assert not any(signs[name] for name in signs if "_confirm" in name and "victim" not in name)
