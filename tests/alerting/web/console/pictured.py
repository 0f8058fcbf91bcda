"""A made-up town on one morning, for pictures: a month of closed cases and a desk at work.

Everything goes through the service layer, so the pages show what that would have written. All
numbers, accounts and people are invented, and the same on every run.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import update

from alerting.access import Principal, Scope
from alerting.cases.closure_service import Closure
from alerting.cases.timers.timer_worker import TimerWorker
from alerting.db.case_tables import EmergencyContact
from alerting.db.contact_tables import Activity
from alerting.db.dispatch_tables import Delivery, Shift
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning, Reason
from tests.alerting.factory import CALLER, MINUTE_MS, PAYEE, VICTIM, Clock, warning

NOON_MS = int(datetime(2025, 6, 16, 4, tzinfo=UTC).timestamp() * 1000)  # a Monday in Shanghai
DAY_MS = 86_400_000
PEOPLE = {
    "li": ("李娜", "responder"),
    "zhao": ("赵强", "responder"),
    "wang": ("王伟", "supervisor"),
}
DISTRICTS = ("430405", "430406", "430407", "430408", "430412")
SCAMS = (
    "task_scam", "task_scam", "investment_romance", "investment_romance", "fake_customer_service",
    "police_impersonation", "credit_loan", "boss_acquaintance", "family_emergency", "safe_account",
)  # fmt: skip
OUTCOMES = ("dissuaded",) * 7 + ("false_alarm", "unreachable", "loss_occurred")
WAITING = "mhmcmhmmhmcmhmmcmh"
"""Severities of those who wait, the oldest first, 20 seconds apart."""
REASONS = (
    Reason("suspect_talk_24h", 2580.0, 1.9),
    Reason("pair_is_new", 1.0, 1.2),
    Reason("number_callees_24h", 214.0, 0.9),
    Reason("amount_to_max", 6.4, 0.7),
    Reason("forwarding_on", 1.0, 0.4),
)


@dataclass
class Town:
    """The morning as a diary: what happens when, run in order while the clock is put forward."""

    services: Services
    timers: TimerWorker
    clock: Clock
    seed: random.Random = field(default_factory=lambda: random.Random(7))
    diary: list[tuple[int, int, Callable[[], object]]] = field(default_factory=list)
    raised: int = 0

    def at(self, at_ms: int, act: Callable[[], object]) -> None:
        """Write into the diary."""
        self.diary.append((at_ms, len(self.diary), act))

    def live(self) -> None:
        """Do what the diary says, and what is due by then; at the end it is noon."""
        self.at(NOON_MS, lambda: None)
        for at_ms, _, act in sorted(self.diary, key=lambda entry: entry[:2]):
            self.clock.now_ms = at_ms
            act()
            self.timers.run_due()
            with self.services.db.write() as session:
                pending = update(Delivery).where(Delivery.state == "pending")
                for state, which in (
                    ("confirmed", pending.where(Delivery.channel == "bank")),
                    ("sent", pending),
                ):
                    session.execute(which.values(state=state, sent_at_ms=at_ms))

    def warn(self, at_ms: int, then: Callable[[str], object], **changes: object) -> None:
        """A person is in danger; ``then`` gets the case."""
        self.raised += 1
        known = self._warning(at_ms, **changes)
        self.at(
            at_ms, lambda: then(self.services.ingestor.ingest([known], "picture").results[0][1])
        )

    def _warning(self, at_ms: int, **changes: object) -> FraudWarning:
        number = self.raised
        at_risk = int(self.seed.lognormvariate(15.6, 0.9))
        likely = self.seed.randint(55, 97)
        fields = {
            "subscriber": f"+86138000{10_000 + 37 * number:05d}",
            "district": self.seed.choice(DISTRICTS),
            "typology": self.seed.choice(SCAMS),
            "severity": "high",
            "probability": likely / 100,
            "amount_at_risk_minor": at_risk,
            "expected_loss_minor": at_risk * likely // 100,
            "caller": f"+8617000{number:06d}",
            "payee": f"622202000000{number:07d}",
            "on_call": self.seed.random() < 0.3,
            "forwarding_on": self.seed.random() < 0.15,
            "event_time_ms": at_ms - 2_000,
            "appended_at_ms": at_ms - 1_000,
            "raised_at_ms": at_ms,
            "model_version": "2025-06-12T08",
            "offset": number,
        }
        return warning(f"w-{number}", **(fields | changes))


def settle(services: Services, clock: Clock, timers: TimerWorker) -> str:
    """Let the town live until noon; returns the case to show."""
    town = Town(services, timers, clock)
    _on_shift(services)
    _past_month(town)
    _waiting(town)
    _held(town)
    shown = _shown(town)
    town.live()
    return shown[0]


def _who(name: str) -> Principal:
    label, role = PEOPLE[name]
    return Principal(f"local:{name}", label, frozenset({role}), Scope(None, None), "session")


def _on_shift(services: Services) -> None:
    with services.db.write() as session:
        for name, district in (("wang", ""), ("li", "430405"), ("zhao", "430406")):
            session.add(
                Shift(
                    shift_id=f"shift-{name}",
                    tenant="default",
                    district=district,
                    team="desk",
                    responder=f"local:{name}",
                    channel="webhook",
                    address="https://pager.example/desk",
                    starts_at_ms=NOON_MS - 4 * 3_600_000,
                    ends_at_ms=NOON_MS + 4 * 3_600_000,
                )
            )


def _past_month(town: Town) -> None:
    for days in range(29, -1, -1):
        for number in range(town.seed.randint(2, 9)):
            at_ms = NOON_MS - days * DAY_MS - (number + 1) * 17 * MINUTE_MS
            linked = {"payee": PAYEE} if days < 2 and number % 3 == 0 else {}
            town.warn(at_ms, _worker(town, at_ms), **linked)


def _worker(town: Town, at_ms: int) -> Callable[[str], None]:
    """Takes a case, reaches the person, and closes it a few minutes later."""
    name, outcome = town.seed.choice(("li", "zhao")), town.seed.choice(OUTCOMES)
    response_ms = town.seed.choice((18, 25, 31, 44, 52, 75, 110, 240)) * 1000
    services, who = town.services, _who(name)
    reached = outcome != "unreachable"
    lost = 1_850_000 if outcome == "loss_occurred" else 0

    def work(case_id: str) -> None:
        town.clock.now_ms = at_ms + response_ms
        services.case_service.claim(case_id, who)
        town.clock.advance(seconds=60)
        services.case_service.contact(case_id, who, method="phone", reached=reached)
        town.clock.advance(seconds=240)
        services.closures.close(case_id, who, Closure(outcome, lost_minor=lost))

    return work


def _waiting(town: Town) -> None:
    severities = {"c": "critical", "h": "high", "m": "medium"}
    for number, letter in enumerate(WAITING):
        at_ms = NOON_MS - (len(WAITING) - number) * 20_000 + 9_000
        more = {"payee": PAYEE} if number % 6 == 1 else {}
        town.warn(at_ms, lambda _case_id: None, severity=severities[letter], **more)


def _held(town: Town) -> None:
    """What people are at; the first two wait for their next step."""
    for name, severity, minutes in (
        ("li", "critical", 9),
        ("zhao", "high", 21),
        ("li", "high", 6),
        ("li", "medium", 8),
        ("zhao", "medium", 4),
    ):
        at_ms = NOON_MS - minutes * MINUTE_MS

        def claim(case_id: str, name: str = name, at_ms: int = at_ms) -> None:
            who = _who(name)
            town.at(at_ms + 30_000, lambda: None)
            town.clock.now_ms = at_ms + 30_000
            town.services.case_service.claim(case_id, who)

        town.warn(at_ms, claim, severity=severity)


def _shown(town: Town) -> list[str]:
    """One person on the phone with the swindler while the money leaves."""
    found: list[str] = []
    began_ms = NOON_MS - 3 * MINUTE_MS
    with town.services.db.write() as session:
        session.add(
            EmergencyContact(
                tenant="default", subscriber=VICTIM, phone="+8613900001234", name="女儿",
                added_at_ms=began_ms - DAY_MS,
            )
        )  # fmt: skip
        session.add_all(_activity(began_ms))
    person = {
        "subscriber": VICTIM, "district": "430407", "typology": "fake_customer_service",
        "severity": "critical", "caller": CALLER, "on_call": True, "forwarding_on": False,
        "reasons": REASONS, "payer": "6217000000000000123",
    }  # fmt: skip
    town.warn(began_ms, found.append, kind="call", **(person | {"payee": None}))
    town.warn(began_ms + 20_000, found.append, payee=PAYEE, **person)
    case_service = town.services.case_service
    town.at(began_ms + 44_000, lambda: case_service.claim(found[0], _who("li")))
    town.at(
        began_ms + 80_000,
        lambda: case_service.contact(found[0], _who("li"), method="phone", reached=False),
    )
    town.at(began_ms + 95_000, lambda: case_service.assign(found[0], _who("wang"), to="local:wang"))
    return found


def _activity(began_ms: int) -> list[Activity]:
    """The calls and transfers before the warning: minutes before, kind, status, peer, size."""
    happened = (
        (2, "transfer", "attempted", PAYEE, 5_000_000),
        (9, "transfer", "blocked", PAYEE, 4_800_000),
        (16, "transfer", "completed", PAYEE, 200_000),
        (57, "call", "answered", CALLER, 1_791_000),
        (118, "call", "missed", CALLER, 0),
        (173, "call", "answered", "+8613500006830", 2_294_000),
        (386, "call", "answered", CALLER, 757_000),
    )
    return [
        Activity(
            tenant="default",
            subject_id=f"before-{number}",
            kind=kind,
            subscriber=VICTIM,
            at_ms=began_ms - minutes * MINUTE_MS,
            status=status,
            direction="out" if kind == "transfer" else "in",
            peer=peer,
            amount_minor=size if kind == "transfer" else 0,
            currency="CNY",
            duration_ms=size if kind == "call" else 0,
            source_offset=number,
        )
        for number, (minutes, kind, status, peer, size) in enumerate(happened)
    ]
