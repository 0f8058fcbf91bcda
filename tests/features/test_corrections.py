"""From the outcome events of the alerting service to what the records say of people and swindlers."""

import numpy as np

from features.engine import Engine
from features.event_columns import from_events
from forewarn.contracts import CallStarted, Outcome, Transfer
from forewarn.platform.pseudonyms import Pseudonymiser

ENGINE = Engine()
PSEUDONYMISER = Pseudonymiser(b"a key that only tests use")
VICTIM, CALLER, PAYEE = "+8613800000001", "+8617000000001", "6222000000000009"
T0, HOUR_MS = 1_767_571_200_000, 3_600_000


def outcomes_after(hours: int, disposition: str, revision: int, warnings: int = 3) -> list[Outcome]:
    """A case with some warnings is closed, or corrected: one outcome for each of them."""
    return [
        Outcome(
            event_id=f"o-{revision}-{number}",
            event_time_ms=T0 + hours * HOUR_MS,
            subscriber=VICTIM,
            revision=revision,
            disposition=disposition,
            label_time_ms=T0 + hours * HOUR_MS,
            case_id="case-1",
            warning_id=f"w-{number}",
            callers=(CALLER,),
            payees=(PAYEE,),
        )
        for number in range(warnings)
    ]


def seen_after(*outcomes: list[Outcome]) -> dict[str, float]:
    """What a payment to the payee and a call of the caller see, with much going on between."""
    probe = T0 + 100 * HOUR_MS
    stream: list = []
    for heard in outcomes:
        stream += heard
        stream += [
            payment(f"{heard[0].event_id}-{i}", heard[0].event_time_ms + i * 1000) for i in range(9)
        ]
    stream += [
        payment("probe", probe),
        CallStarted(
            event_id="probe-call",
            event_time_ms=probe,
            subscriber=VICTIM,
            call_id="probe-call",
            direction="inbound",
            caller=CALLER,
            callee=VICTIM,
        ),
    ]
    columns = from_events(stream, PSEUDONYMISER, source=1, partition=0, offsets=range(len(stream)))
    vectors = ENGINE.run(ENGINE.plan(columns)).vectors
    seen = {}
    for row in (-2, -1):
        seen |= {
            name: float(value)
            for name, value in zip(ENGINE.catalog.names, vectors[row], strict=True)
            if not np.isnan(value)
        }
    return seen


def payment(transfer_id: str, time_ms: int) -> Transfer:
    return Transfer(
        event_id=f"e-{transfer_id}",
        event_time_ms=time_ms,
        subscriber=VICTIM,
        transfer_id=transfer_id,
        status="attempted",
        payer_account="own",
        payee_account=PAYEE,
        amount_minor=100,
    )


def verdicts(seen: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Confirmed and cleared, of each."""
    return {
        who: (seen[f"{who}_confirmed"], seen[f"{who}_cleared"])
        for who in ("victim", "number", "account")
    }


def test_a_late_loss_turns_a_false_alarm_into_a_confirmation() -> None:
    """Cleared, then lost: the caller and the payee end as a swindler's, the person as a victim."""
    seen = seen_after(outcomes_after(1, "false_alarm", 1), outcomes_after(50, "loss_occurred", 2))
    assert verdicts(seen) == dict.fromkeys(("victim", "number", "account"), (1, 0))


def test_a_mistaken_confirmation_can_be_taken_back() -> None:
    """Confirmed, then a false alarm: no person stays a swindler or a victim for it."""
    seen = seen_after(outcomes_after(1, "dissuaded", 1), outcomes_after(50, "false_alarm", 2))
    assert verdicts(seen) == dict.fromkeys(("victim", "number", "account"), (0, 1))
    assert "victim_since_days" not in seen


def test_a_case_counts_once_however_many_warnings_it_has() -> None:
    """And a loss after a dissuasion is the same fraud, with the time of its first confirmation."""
    seen = seen_after(
        outcomes_after(1, "dissuaded", 1), outcomes_after(50, "loss_occurred", 2, warnings=5)
    )
    assert verdicts(seen) == dict.fromkeys(("victim", "number", "account"), (1, 0))
    assert round(seen["victim_since_days"] * 24) == 99


def test_the_order_of_arrival_does_not_matter() -> None:
    """The first closing delivered after its correction is old news."""
    seen = seen_after(outcomes_after(50, "loss_occurred", 2), outcomes_after(1, "false_alarm", 1))
    assert verdicts(seen) == dict.fromkeys(("victim", "number", "account"), (1, 0))
