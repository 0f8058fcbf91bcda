"""The oracle's numbers, accounts and devices."""

import math
from dataclasses import dataclass, field

from features import kinds
from features.kinds import EventKind as K
from tests.oracle.oracle_history import (
    DAY,
    HOUR,
    MINUTE,
    Cases,
    Contacts,
    Contributions,
    in_window,
    since,
)

CALLS = (K.CALL_STARTED, K.CALL_ENDED)


@dataclass
class Shared:
    entity: str
    offset: int
    seen: Contributions = field(default_factory=Contributions)
    contacts: Contacts = field(default_factory=lambda: Contacts(12, sketched=True))
    clock: int = 0
    first: int = 0
    events: int = 0
    confirmed: int = 0
    cleared: int = 0
    confirmed_at: int = 0
    received_at: int = 0
    onward: int | None = None
    recent: list[tuple[int, int]] = field(default_factory=list)
    cases: Cases = field(default_factory=lambda: Cases(8))

    def read(self, time: int) -> dict[str, float]:
        now = max(time, self.clock)
        local = now + self.offset
        e, s = self.entity, self.seen
        known = self.events > 0
        out = {
            f"{e}_age_days": (now - self.first) / DAY if known else math.nan,
            f"{e}_idle_hours": (now - self.clock) / HOUR if known else math.nan,
            f"{e}_confirmed": self.confirmed,
            f"{e}_cleared": self.cleared,
            f"{e}_confirmed_since_days": since(now, self.confirmed_at, DAY),
        }
        contact = {"number": "ended", "account": "attempts", "device": "transfers"}[e]
        for window in ("24h", "7d", "30d"):
            out[f"{e}_confirmations_{window}"] = s.total("confirmed", window, local)
            out[f"{e}_confirmation_share_{window}"] = s.ratio("confirmed", contact, window, local)
        out[f"{e}_confirmation_risk"] = self._risk(contact, local)
        for window in ["7d"] if e == "device" else ["24h", "7d"]:
            for what in ("new", "tainted", "pressed"):
                out[f"{e}_{what}_contacts_{window}"] = s.total(what, window, local)
        if e == "number":
            out |= self._number(now, local)
        elif e == "account":
            out |= self._account(now, local)
        else:
            out["device_transfers_1h"] = s.total("transfers", "1h", local)
            out["device_transfers_24h"] = s.total("transfers", "24h", local)
            out["device_amount_24h"] = s.total("amount", "24h", local)
            for window in ("24h", "30d"):
                out[f"device_subscribers_{window}"] = self._distinct(window, local)
        return out

    def _risk(self, contact: str, local: int) -> float:
        """Each confirmation and each contact by its age: 16 of today, 4 of the week, 1 of the month."""
        weight = {"confirmed": 0, contact: 16}
        for channel, then, value in self.seen.entries:
            if channel not in weight:
                continue
            for window, each in (("24h", 16), ("7d", 4), ("30d", 1)):
                if in_window(window, then, local):
                    weight[channel] += each * value
                    break
        return weight["confirmed"] / weight[contact]

    def _distinct(self, window: str, local: int) -> float:
        return self.contacts.distinct(window, local, self.offset)

    def _number(self, now: int, local: int) -> dict[str, float]:
        s = self.seen
        out: dict[str, float] = {}
        for window in ("15m", "1h", "24h", "7d", "30d"):
            out[f"number_calls_{window}"] = s.more("started", "ended", window, local)
        for window in ("1h", "24h", "7d", "30d"):
            out[f"number_callees_{window}"] = self._distinct(window, local)
        for window in ("24h", "7d"):
            out[f"number_called_back_{window}"] = s.more("began_back", "ended_back", window, local)
            out[f"number_short_share_{window}"] = s.ratio("short", "ended", window, local)
            out[f"number_unanswered_share_{window}"] = s.ratio("unanswered", "ended", window, local)
            out[f"number_talk_mean_seconds_{window}"] = s.ratio("talk", "ended", window, local)
        return out

    def _account(self, now: int, local: int) -> dict[str, float]:
        s = self.seen
        out = {
            "account_onward_minutes": math.nan if self.onward is None else self.onward / MINUTE,
            "account_receipt_since_minutes": since(now, self.received_at, MINUTE),
            "account_attempt_max_30d": s.largest("attempt_max", "30d", local),
            "account_received_24h": s.total("received", "24h", local),
            "account_received_30d": s.total("received", "30d", local),
            "account_received_mean_30d": s.ratio("received_amount", "received", "30d", local),
            "account_paid_24h": s.total("paid", "24h", local),
            "account_paid_to_received_24h": s.ratio("paid_amount", "received_amount", "24h", local),
            "account_refused_7d": s.total("refused", "7d", local),
        }
        for window in ("1h", "24h", "7d"):
            out[f"account_attempts_{window}"] = s.total("attempts", window, local)
        for window in ("24h", "7d"):
            out[f"account_attempt_amount_{window}"] = s.total("attempt_amount", window, local)
        for window in ("1h", "24h", "7d", "30d"):
            out[f"account_payers_{window}"] = self._distinct(window, local)
        return out

    def apply(self, e, counted: bool, said: set[str]) -> None:
        self.clock = max(self.clock, e.time)
        local = e.time + self.offset
        if counted:
            for what in said:
                self.seen.add(what, local, 1)
        if e.kind == K.OUTCOME:
            self._outcome(e)
            return
        if e.revision > 0 or (e.subject, e.kind) in self.recent:
            return
        self.recent = [*self.recent, (e.subject, e.kind)][-4:]
        self.first = e.time if self.events == 0 else min(self.first, e.time)
        self.events += 1
        paying = K.OUT_ATTEMPTED <= e.kind <= K.OUT_REVERSED
        if self.entity == "device" or paying or e.flags & kinds.INBOUND:
            self.contacts.touch(e.subscriber, e.time // MINUTE, self.clock)
        getattr(self, "_apply_" + self.entity)(e, local)

    def _outcome(self, e) -> None:
        before = self.cases.hear(e.subject, e.revision, e.verdict)
        if before is None or before == e.verdict:
            return
        self.confirmed += (e.verdict == "confirmed") - (before == "confirmed")
        self.cleared += (e.verdict == "cleared") - (before == "cleared")
        if e.verdict == "confirmed":
            self.confirmed_at = max(self.confirmed_at, e.time)
            self.seen.add("confirmed", e.time + self.offset, 1)
        if self.confirmed == 0:
            self.confirmed_at = 0
            if before == "confirmed":
                self.seen.forget("confirmed")

    def _apply_number(self, e, local: int) -> None:
        if e.kind == K.CALL_STARTED:
            self.seen.add("started", local, 1)
            if not e.flags & kinds.INBOUND:
                self.seen.add("began_back", local, 1)
            return
        self.seen.add("ended", local, 1)
        if not e.flags & kinds.INBOUND:
            self.seen.add("ended_back", local, 1)
        if not e.flags & kinds.ANSWERED:
            self.seen.add("unanswered", local, 1)
            return
        self.seen.add("talk", local, e.duration // 1000)
        if e.duration < 10_000:
            self.seen.add("short", local, 1)

    def _apply_account(self, e, local: int) -> None:
        if e.kind == K.OUT_ATTEMPTED:
            self.seen.add("attempts", local, 1)
            self.seen.add("attempt_amount", local, e.amount)
            self.seen.add("attempt_max", local, e.amount)
        elif e.kind == K.OUT_COMPLETED:
            self.seen.add("received", local, 1)
            self.seen.add("received_amount", local, e.amount)
            self.received_at = max(self.received_at, e.time)
        elif e.kind in (K.OUT_BLOCKED, K.OUT_REVERSED, K.IN_REVERSED):
            self.seen.add("refused", local, 1)
        elif e.kind == K.IN_COMPLETED:
            self.seen.add("paid", local, 1)
            self.seen.add("paid_amount", local, e.amount)
            if 0 < self.received_at <= e.time:
                self.onward = e.time - self.received_at

    def _apply_device(self, e, local: int) -> None:
        if e.kind == K.OUT_ATTEMPTED:
            self.seen.add("transfers", local, 1)
            self.seen.add("amount", local, e.amount)
