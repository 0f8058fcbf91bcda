"""The oracle's subscribers: what an event sees, and what it does."""

import math
from dataclasses import dataclass, field

from features import kinds
from features.kinds import EventKind as K
from tests.oracle.oracle_history import (
    DAY,
    HOUR,
    MINUTE,
    Cases,
    Contact,
    Contacts,
    Contributions,
    since,
)
from tests.oracle.oracle_memory import Call, Memory, Move, Open

STAGES = ["none", "contact", "long_call", "isolation", "funding", "new_payee", "escalating"]
NAN = math.nan


@dataclass
class Subscriber:
    offset: int
    seen: Contributions = field(default_factory=Contributions)
    numbers: Contacts = field(default_factory=lambda: Contacts(24, sketched=False))
    accounts: Contacts = field(default_factory=lambda: Contacts(24, sketched=False))
    clock: int = 0
    first: int = 0
    events: int = 0
    line: dict[str, tuple[int, bool]] = field(default_factory=dict)
    last: dict[str, tuple[int, int]] = field(default_factory=dict)
    hangup: tuple[int, int, int] | None = None
    suspect_hangup: int = 0
    stage: int = 0
    stage_at: int = 0
    episode_at: int = 0
    victim: int = 0
    victim_cleared: int = 0
    victim_at: int = 0
    taint_at: int = 0
    cases: Cases = field(default_factory=lambda: Cases(4))
    memory: Memory = field(default_factory=Memory)

    # -- what an event sees

    def table(self, e) -> Contacts:
        return self.accounts if e.flags & kinds.ACCOUNT else self.numbers

    def pair(self, e):
        return self.table(e).find(e.counterparty) if e.counterparty else None

    def is_young(self, e) -> bool:
        if not e.counterparty:
            return False
        pair, now = self.pair(e), max(e.time, self.clock)
        return pair is None or now // MINUTE - pair.first <= 24 * 60

    def current_stage(self, now: int) -> int:
        return self.stage if now - self.stage_at <= 3 * DAY else 0

    def on_the_line(self, now: int) -> tuple[Open | None, int]:
        going = [c for c in self.memory.open if now - c.start <= 4 * HOUR]
        call = max(going, key=lambda c: c.start) if going else None
        return call, (now - call.start) // 1000 if call else 0

    def level(self, e, number: dict[str, float]) -> int:
        level = 3 if number.get("number_confirmed", 0) > 0 else 0
        pair = self.numbers.find(e.counterparty)
        if self.is_young(e) and e.flags & kinds.INBOUND and not (pair and pair.harmless):
            age = number.get("number_age_days", NAN)
            level += 1
            level += math.isnan(age) or age < 2
            level += bool(e.flags & kinds.FOREIGN)
            level += e.flags >> kinds.ATTESTATION_SHIFT & 3 == 3
            level += number.get("number_callees_24h", NAN) >= 20
            level += number.get("number_short_share_24h", NAN) >= 0.5
        known = pair.level_at(max(e.time, self.clock) // MINUTE) if pair else 0
        return max(known, min(level, 7))

    def read(self, e, number: dict[str, float]) -> dict[str, float]:
        now = max(e.time, self.clock)
        local, s = now + self.offset, self.seen
        out = self._facts(e, number) | self._pair(e, now) | self._join(now, local)
        out |= self._history(now) | self._amounts(e, now, local)
        for name, channel, windows in (
            ("calls_in", "in", "15m 1h 24h 7d 30d"),
            ("calls_out", "out", "1h 24h 7d"),
            ("calls_new_number", "new", "1h 24h 7d"),
            ("calls_unanswered", "unanswered", "1h 24h"),
            ("talk", "talk", "1h 24h 7d"),
            ("suspect_talk", "suspect", "1h 6h 24h 7d"),
            ("out_count", "paid", "1m 5m 15m 1h 6h 24h 7d 30d"),
            ("out_amount", "paid_amount", "5m 1h 6h 24h 7d 30d"),
            ("out_young_payee_amount", "young_amount", "1h 24h 7d"),
            ("refused", "refused", "24h 7d"),
            ("in_count", "got", "24h 30d"),
            ("in_amount", "got_amount", "1h 24h 7d 30d"),
            ("funding_amount", "fund_amount", "6h 24h 7d"),
            ("night_events", "night", "24h 30d"),
        ):
            for window in windows.split():
                out[f"{name}_{window}"] = s.total(channel, window, local)
        out["suspect_talk_share_24h"] = s.ratio("suspect", "talk", "24h", local)
        out["out_mean_30d"] = s.ratio("paid_amount", "paid", "30d", local)
        for window in ("24h", "7d"):
            out[f"out_to_in_{window}"] = s.ratio("paid_amount", "got_amount", window, local)
        for window in ("24h", "30d"):
            out[f"out_max_{window}"] = s.largest("largest", window, local)
        for window in ("1h", "24h", "7d"):
            out[f"numbers_{window}"] = self.numbers.distinct(window, local, self.offset)
        for window in ("24h", "7d", "30d"):
            out[f"accounts_{window}"] = self.accounts.distinct(window, local, self.offset)
        return out

    def _facts(self, e, number: dict[str, float]) -> dict[str, float]:
        call = e.kind in (K.CALL_STARTED, K.CALL_ENDED)
        move = K.OUT_ATTEMPTED <= e.kind <= K.IN_REVERSED
        local = e.time + self.offset
        return {
            "event_kind": e.kind,
            "transfer_purpose": e.purpose if move else NAN,
            "transfer_channel": e.flags >> kinds.CHANNEL_SHIFT & 7 if move else NAN,
            "amount": e.amount if move else NAN,
            "local_hour": local // HOUR % 24,
            "local_weekday": (local // DAY + 3) % 7,
            "caller_foreign": bool(e.flags & kinds.FOREIGN) if call else NAN,
            "caller_short_code": bool(e.flags & kinds.SHORT_CODE) if call else NAN,
            "caller_attestation": e.flags >> kinds.ATTESTATION_SHIFT & 3 if call else NAN,
            "call_inbound": bool(e.flags & kinds.INBOUND) if call else NAN,
            "call_talk_seconds": e.duration // 1000 if e.kind == K.CALL_ENDED else NAN,
            "caller_suspicion": self.level(e, number) if call else NAN,
        }

    def _pair(self, e, now: int) -> dict[str, float]:
        pair, minute = self.pair(e), now // MINUTE
        none = not e.counterparty
        return {
            "pair_is_new": NAN if none else pair is None,
            "pair_earlier_count": NAN if none else pair.count if pair else 0,
            "pair_age_days": (minute - pair.first) / 1440 if pair else NAN,
            "pair_idle_hours": (minute - pair.last) / 60 if pair else NAN,
        }

    def _join(self, now: int, local: int) -> dict[str, float]:
        call, seconds = self.on_the_line(now)
        suspect = self.seen.total("suspect", "24h", local)
        if call and call.level >= 2:
            suspect += seconds
        minute = now // MINUTE
        news = [c for c in self.numbers.table if c.called_in and minute - c.first <= 1440]
        changed = [at for at, _ in self.line.values() if at]
        return {
            "on_call_now": call is not None,
            "on_call_minutes": seconds / 60 if call else NAN,
            "on_call_suspicion": call.level if call else NAN,
            "hangup_since_minutes": since(now, self.hangup[0], MINUTE) if self.hangup else NAN,
            "hangup_talk_seconds": self.hangup[1] if self.hangup else NAN,
            "hangup_suspicion": self.hangup[2] if self.hangup else NAN,
            "suspect_hangup_since_minutes": since(now, self.suspect_hangup, MINUTE),
            "suspect_talk_with_current_24h_minutes": suspect / 60,
            "relay_callers_1h": sum(minute - c.last <= 60 for c in news),
            "relay_callers_24h": len(news),
            "forwarding_on": self.line.get("forwarding", (0, False))[1],
            "do_not_disturb_on": self.line.get("do_not_disturb", (0, False))[1],
            "line_changed_since_minutes": since(now, max(changed, default=0), MINUTE),
        }

    def _history(self, now: int) -> dict[str, float]:
        stage, known = self.current_stage(now), self.events > 0
        return {
            "stage": stage,
            "stage_since_minutes": (now - self.stage_at) / MINUTE if stage else NAN,
            "episode_minutes": (now - self.episode_at) / MINUTE if stage else NAN,
            "subscriber_age_days": (now - self.first) / DAY if known else NAN,
            "subscriber_idle_minutes": (now - self.clock) / MINUTE if known else NAN,
            "out_idle_days": since(now, self.last.get("out", (0, 0))[0], DAY),
            "incoming_since_minutes": since(now, self.last.get("in", (0, 0))[0], MINUTE),
            "funding_since_minutes": since(now, self.last.get("fund", (0, 0))[0], MINUTE),
            "refund_since_minutes": since(now, self.last.get("refund", (0, 0))[0], MINUTE),
            "victim_confirmed": self.victim,
            "victim_cleared": self.victim_cleared,
            "victim_since_days": since(now, self.victim_at, DAY),
            "taint_since_hours": since(now, self.taint_at, HOUR),
        }

    def _amounts(self, e, now: int, local: int) -> dict[str, float]:
        names = ("mean_30d", "max_30d", "previous", "incoming_24h", "refund_7d", "funding_7d")
        out = dict.fromkeys([*("amount_to_" + name for name in names), "amount_to_pair_mean"], NAN)
        if not K.OUT_ATTEMPTED <= e.kind <= K.OUT_REVERSED:
            return out
        s, pair = self.seen, self.pair(e)

        def over(below: int) -> float:
            return e.amount / below if below > 0 else NAN

        def to_mean(count: int, total: int) -> float:
            return float(e.amount) * float(count) / float(total) if total > 0 else NAN

        count, total = (s.total(c, "30d", local) for c in ("paid", "paid_amount"))
        out["amount_to_mean_30d"] = to_mean(count, total)
        out["amount_to_max_30d"] = over(s.largest("largest", "30d", local))
        out["amount_to_previous"] = over(self.last.get("out", (0, 0))[1])
        for name, what, span in (
            ("incoming_24h", "in", DAY),
            ("refund_7d", "refund", 7 * DAY),
            ("funding_7d", "fund", 7 * DAY),
        ):
            at, amount = self.last.get(what, (0, 0))
            if now - at <= span:
                out["amount_to_" + name] = over(amount)
        if pair:
            out["amount_to_pair_mean"] = to_mean(pair.count, pair.amount)
        return out

    def says(self, e) -> set[str]:
        """What the shared records hear about the event, apart from whether it counts."""
        if not self.is_young(e):
            return set()
        now = max(e.time, self.clock)
        said = set()
        if self.pair(e) is None:
            said.add("new")
        victim = self.victim_at and now - self.victim_at <= 30 * DAY
        if victim or (self.taint_at and now - self.taint_at <= 7 * DAY):
            said.add("tainted")
        call, _ = self.on_the_line(now)
        just_off = self.suspect_hangup and now - self.suspect_hangup <= HOUR
        if (call and call.level >= 2) or self.current_stage(now) >= 3 or just_off:
            said.add("pressed")
        return said

    # -- what an event does

    def advance(self, to: str) -> None:
        stage, target = self.current_stage(self.clock), STAGES.index(to)
        if target <= stage or (stage == 0 and target != 1):
            return
        if stage == 0:
            self.episode_at = self.clock
        self.stage, self.stage_at = target, self.clock

    def apply(self, e, number: dict[str, float]) -> bool:
        """Returns whether this is the first sight of a call or transfer."""
        level, pair, young = self.level(e, number), self.pair(e), self.is_young(e)
        call, seconds = self.on_the_line(max(e.time, self.clock))
        self.clock = max(self.clock, e.time)
        self.first = e.time if self.events == 0 else min(self.first, e.time)
        self.events += 1
        if call and call.level >= 2 and seconds >= 600:
            self.advance("long_call")
        if e.kind == K.CALL_STARTED:
            return self._started(e, level, pair is None)
        if e.kind == K.CALL_ENDED:
            return self._ended(e, level, pair is None)
        if e.kind == K.LINE_CHANGED:
            self._line_changed(e)
        elif e.kind == K.OUTCOME:
            self._outcome(e, bool(call and call.level >= 2))
        else:
            return self._transfer(e, young)
        return False

    def _outcome(self, e, suspicious_call: bool) -> None:
        outdated = self.cases.is_outdated(e.subject, e.revision)
        before = self.cases.hear(e.subject, e.revision, e.verdict)
        pair = None if e.flags & kinds.ACCOUNT else self.numbers.find(e.counterparty)
        if pair and not outdated:
            if e.verdict == "cleared":
                pair.level, pair.harmless = 0, True
            elif e.verdict == "confirmed" or before == "cleared":
                pair.harmless = False
        if before is None or before == e.verdict:
            return
        self.victim += (e.verdict == "confirmed") - (before == "confirmed")
        self.victim_cleared += (e.verdict == "cleared") - (before == "cleared")
        if e.verdict == "confirmed":
            self.victim_at = max(self.victim_at, e.time)
        if self.victim == 0:
            self.victim_at = 0
        over = e.verdict == "cleared" or (e.verdict == "confirmed" and not suspicious_call)
        if over and self.stage_at <= e.time:
            self.stage = 0

    def _night(self, local: int) -> None:
        if local // HOUR % 24 in (23, 0, 1, 2, 3, 4, 5):
            self.seen.add("night", local, 1)

    def _count_call(self, e, level: int, new: bool) -> None:
        local = e.time + self.offset
        if level >= 2:
            self.advance("contact")
        pair = self._met(e, level)
        if pair:
            pair.count += 1
        self.seen.add("in" if e.flags & kinds.INBOUND else "out", local, 1)
        if e.flags & kinds.INBOUND and new:
            self.seen.add("new", local, 1)
        self._night(local)

    def _met(self, e, level: int) -> Contact | None:
        pair = self.numbers.touch(e.counterparty, e.time // MINUTE, self.clock)
        if pair:
            pair.called_in |= bool(e.flags & kinds.INBOUND)
            pair.level = max(pair.level, level if level >= 2 else 0)
        return pair

    def _started(self, e, level: int, new: bool) -> bool:
        if any(c.subject == e.subject for c in self.memory.open):
            return False
        if self.memory.call(e.subject, self.clock):
            return False
        self.memory.keep_open(Open(e.subject, e.time, level))
        self._count_call(e, level, new)
        return True

    def _ended(self, e, level: int, new: bool) -> bool:
        answered = bool(e.flags & kinds.ANSWERED)
        talk = e.duration // 1000 if answered else 0
        known = self.memory.call(e.subject, self.clock)
        if known:
            if e.revision > known.revision:
                local = known.time + self.offset
                self._count_talk(local, known.level, talk - known.talk)
                self.seen.add("unanswered", local, (not answered) - known.unanswered)
                known.talk, known.revision, known.unanswered = talk, e.revision, not answered
                if self.hangup and self.hangup[0] == known.time:
                    self.hangup = (known.time, talk, self.hangup[2])
            return False
        opened = next((c for c in self.memory.open if c.subject == e.subject), None)
        if opened:
            level = opened.level
            self.memory.close(opened)
            self._met(e, level)
        else:
            self._count_call(e, level, new)
        call = Call(e.subject, e.time, talk, e.revision, level, not answered)
        self.memory.keep_call(call, self.clock)
        self._count_talk(e.time + self.offset, level, talk)
        self.seen.add("unanswered", e.time + self.offset, int(not answered))
        if not self.hangup or e.time >= self.hangup[0]:
            self.hangup = (e.time, talk, level)
        if level >= 2:
            self.suspect_hangup = max(self.suspect_hangup, e.time)
            if talk >= 600:
                self.advance("long_call")
        return opened is None

    def _count_talk(self, local: int, level: int, talk: int) -> None:
        self.seen.add("talk", local, talk)
        if level >= 2:
            self.seen.add("suspect", local, talk)

    def _line_changed(self, e) -> None:
        what = "forwarding" if e.flags & kinds.FORWARDING else "do_not_disturb"
        if e.time < self.line.get(what, (0, False))[0]:
            return
        self.line[what] = (e.time, bool(e.flags & kinds.ACTIVE))
        if e.flags & kinds.ACTIVE:
            self.advance("isolation")

    def _transfer(self, e, young: bool) -> bool:
        out = e.kind <= K.OUT_REVERSED
        status = (e.kind - K.OUT_ATTEMPTED) % 4  # attempted, completed, blocked, reversed
        move = self.memory.move((e.subject, out), self.clock)
        lost_at = self.memory.lost_at.get(out, 0)
        if move is None and status > 0 and lost_at and self.clock - lost_at <= 3 * DAY:
            if status >= 2:
                self.seen.add("refused", e.time + self.offset, 1)
            return False
        first_sight = move is None and status != 3
        if move is not None:
            if e.revision > move.revision:
                if not move.reversed:
                    self._add_amount(e, move, e.amount - move.amount)
                    move.amount = e.amount
                move.revision = e.revision
        else:
            purpose = kinds.PURPOSES[e.purpose]
            fund = not out and purpose in ("loan", "savings_break")
            amount = e.amount if first_sight else 0
            move = Move((e.subject, out), e.time, amount, e.revision, out, young, fund)
            move.reversed = not first_sight
            self.memory.keep_move(move, self.clock)
            if first_sight:
                self._count_transfer(e, move)
                self._stages_of_money(e, move, purpose)
        if status > 0 and e.time - move.time <= HOUR:
            move.settled = True
        if status >= 2 and not move.refused:
            self.seen.add("refused", e.time + self.offset, 1)
            move.refused = True
        if status == 3 and not move.reversed:
            self._add_amount(e, move, -move.amount)
            move.reversed = True
        return first_sight

    def _count_transfer(self, e, move: Move) -> None:
        local = e.time + self.offset
        pair = self.accounts.touch(e.counterparty, e.time // MINUTE, self.clock)
        if pair and move.out:
            pair.count += 1
        self.seen.add("paid" if move.out else "got", local, 1)
        if move.out:
            self.seen.add("largest", local, e.amount)
        self._night(local)
        self._add_amount(e, move, e.amount)

    def _add_amount(self, e, move: Move, amount: int) -> None:
        local = move.time + self.offset
        if move.out:
            pair = self.accounts.find(e.counterparty)
            if pair:
                pair.amount += amount
            self.seen.add("paid_amount", local, amount)
            if move.young:
                self.seen.add("young_amount", local, amount)
        else:
            self.seen.add("got_amount", local, amount)
            if move.fund:
                self.seen.add("fund_amount", local, amount)

    def _stages_of_money(self, e, move: Move, purpose: str) -> None:
        def latest(what: str) -> None:
            if e.time >= self.last.get(what, (0, 0))[0]:
                self.last[what] = (e.time, e.amount)

        if move.out:
            if move.young:
                grows = self.stage >= 5 and e.amount > self.last.get("out", (0, 0))[1]
                self.advance("escalating" if grows else "new_payee")
            latest("out")
            return
        latest("in")
        if purpose == "refund":
            latest("refund")
            self.advance("funding")
        elif move.fund:
            latest("fund")
            self.advance("funding")
