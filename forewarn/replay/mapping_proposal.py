"""A first mapping of an unknown file, from its header and its first thousand rows.

What the cells show is written down with the evidence; what they cannot show (the zone of local times, whose file it
is, which of two readings of a date) is asked for, and never chosen.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forewarn.errors import ConfigurationError
from forewarn.replay.column_evidence import ColumnEvidence

Ask = Callable[[str, Sequence[str]], str]
"""Asks a question with its possible answers (none: any text), and returns the answer."""

_NAMES = {
    "event_id": r"(?i)(?:.*\bid|.*_id|uuid|ref|reference|serial|receipt.*|.*流水.*|.*单号|.*编号|.*transaktionscode.*|sid)",
    "start": r"(?i)(?:.*start.*|.*begin.*|.*answer.*|.*setup.*|.*connect.*|起始.*|开始.*|.*beginn.*)",
    "end": r"(?i)(?:.*end.*|.*stop.*|.*disconnect.*|.*release.*|结束.*|.*ende.*)",
    "time": r"(?i)(?:.*time.*|.*date.*|.*stamp.*|\bat\b|.*时间.*|.*日期.*|datum|created.*|posted.*|booked.*)",
    "duration": r"(?i)(?:.*dur.*|.*talk.*|.*billsec.*|.*second.*|.*时长.*|.*dauer.*)",
    "caller": r"(?i)(?:.*caller.*|.*calling.*|a_?number|\ba\b|src|.*from.*|主叫.*|.*anrufer.*)",
    "callee": r"(?i)(?:.*callee.*|.*called.*|b_?number|\bb\b|dst|dest.*|\bto\b|被叫.*|.*dialled.*|.*angerufen.*)",
    "subscriber": r"(?i)(?:.*subscriber.*|.*msisdn.*|phone|mobile|.*customer.*|.*owner.*|用户号码|手机号.*|本机.*|telefon.*)",
    "direction": r"(?i)(?:.*direction.*|\bdir\b|.*收付.*|.*收/支.*|.*借贷.*|通信方式|呼叫类型|.*debit.*credit.*|.*indicator.*)",
    "answered": r"(?i)(?:.*answered.*|.*result.*|.*disposition.*|\bres\b|.*状态.*|.*status.*|.*cause.*)",
    "amount": r"(?i)(?:.*amount.*|.*amt.*|.*value.*|yuan|.*金额.*|.*betrag.*|brutto|gross)",
    "payer": r"(?i)(?:.*payer.*|.*debtor.*|\bfrom\b|.*from_acc.*|.*sender.*|付款.*|.*本方.*|.*交易卡号.*|own.*account)",
    "payee": r"(?i)(?:.*payee.*|.*creditor.*|\bto\b|.*to_acc.*|.*receiver.*|.*beneficiary.*|收款.*|.*对手.*账.*|.*对方.*)",
    "status": r"(?i)(?:.*status.*|.*state.*|.*状态.*|.*成功.*)",
    "currency": r"(?i)(?:.*currency.*|\bcur\b|\bccy\b|.*币种.*|währung)",
}  # fmt: skip
"""Names that columns of a meaning usually have; a name is a hint, the cells decide."""

_DIRECTION_WORDS = {
    "mt": "in", "in": "in", "inbound": "in", "incoming": "in", "i": "in", "被叫": "in", "进": "in", "贷": "in",
    "收入": "in", "credit": "in", "crdt": "in", "mo": "out", "out": "out", "outbound": "out", "outgoing": "out",
    "o": "out", "主叫": "out", "出": "out", "借": "out", "支出": "out", "debit": "out", "dbit": "out",
}  # fmt: skip
_ANSWERED_WORDS = {
    "answered": True, "answer": True, "yes": True, "true": True, "completed": True, "ok": True, "已接": True,
    "接通": True, "noanswer": False, "no answer": False, "no-answer": False, "busy": False, "failed": False,
    "cancelled": False, "canceled": False, "congestion": False, "rejected": False, "missed": False, "no": False,
    "false": False, "未接": False, "未接通": False,
}  # fmt: skip
_STATUS_WORDS = {
    "completed": "completed", "complete": "completed", "done": "completed", "ok": "completed", "booked": "completed",
    "posted": "completed", "success": "completed", "成功": "completed", "交易成功": "completed", "pending": "attempted",
    "new": "attempted", "attempted": "attempted", "处理中": "attempted", "refund": "reversed", "refunded": "reversed",
    "reversed": "reversed", "退款": "reversed", "冲正": "reversed", "blocked": "blocked", "held": "blocked",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileShape:
    """How the file is read, as a mapping says it: lines of TOML before the events."""

    lines: tuple[str, ...]


class Proposal:
    """Finds the columns of the fields.

    Args:
        columns: evidence of every column.
        ask: asks what the cells do not show.
    """

    def __init__(self, columns: Sequence[ColumnEvidence], ask: Ask) -> None:
        self._columns, self._ask = list(columns), ask
        self._used: set[str] = set()

    def toml(self, shape: FileShape, zone: str, region: str) -> str:
        """The mapping as the text of a TOML file.

        Args:
            shape: how the file is read.
            zone: of times without one; empty: it is asked for if it is needed.
            region: ISO 3166 code of the numbers without a country; empty: it is asked for if needed.

        Raises:
            ConfigurationError: if the columns are neither those of calls nor of transfers.
        """
        amount = self._amount()
        phones = [c for c in self._columns if c.phones > 0.9 and not c.forms and not c.decimals]
        if amount is None and not phones:
            raise ConfigurationError(
                "no column looks like an amount, and none like a telephone number.",
                hint="Write the mapping by hand: docs/formats/mappings.md.",
            )
        lines = self._transfer(amount) if amount is not None else self._call()
        head = [*shape.lines]
        if any("# local" in line for line in lines):
            zone = zone or self._ask("In which zone are the times (such as Asia/Shanghai)?", ())
            head.insert(0, f'zone = "{zone}"')
        if any("# national" in line for line in lines):
            region = region or self._ask(
                "Of which country are numbers without a code (ISO, such as CN)?", ()
            )
            head.insert(1, f'region = "{region}"')
        text = "\n".join(head) + "\n\n" + "\n".join(lines) + "\n"
        return text.replace("  # national", "").replace("  # local", "")

    def _transfer(self, amount: ColumnEvidence) -> list[str]:
        time = self._time("time") or self._time("start") or self._time("")
        if time is None:
            raise ConfigurationError(
                "no column looks like a time.", hint="docs/formats/mappings.md"
            )
        decimals = self._ask_decimals(amount)
        sign, identifier = self._sign(amount), self._id_column()
        fields = [
            self._event_id(identifier), f'transfer_id = "{identifier}"', time, self._subscriber(), self._status(),
            self._party("payer"), self._party("payee"),
            f'amount_minor = {{ column = "{amount.name}", decimals = {decimals}{sign} }}',
            self._transfer_direction(amount), self._currency(),
        ]  # fmt: skip
        return ["[[events]]", 'type = "transfer"', "[events.fields]", *fields]

    def _call(self) -> list[str]:
        start, end = self._time("start"), self._time("end")
        start = start or self._time("time") or self._time("")
        length = self._find("duration", lambda c: c.durations or c.numbers)
        caller, callee = self._phone("caller"), self._phone("callee")
        if start is None or length is None or (caller is None and callee is None):
            raise ConfigurationError(
                "the columns of a call are not all there: start, duration, and caller or callee.",
                hint="Write the mapping by hand: docs/formats/mappings.md.",
            )
        self._used.add(length.name)
        unit = self._unit(length)
        began = start.replace("event_time_ms", "started_at_ms")
        ended = (
            end
            or start.removesuffix(" }")
            + f', plus = [{{ column = "{length.name}", scale = {unit} }}] }}'
        )
        identifier = self._id_column()
        subscriber = self._subscriber()
        shared = [
            f'call_id = "{identifier}"', subscriber, self._call_direction(both=bool(caller and callee), shown=bool(caller)),
            *(
                self._number(field, column) if column else subscriber.replace("subscriber", field, 1)
                for field, column in (("caller", caller), ("callee", callee))
            ),
        ]  # fmt: skip
        answered, condition = self._answered(length)
        return [
            "[[events]]", 'type = "call_started"', condition, "[events.fields]",
            f'event_id = {{ template = "{{{identifier}}}-start" }}', start, *shared, "",
            "[[events]]", 'type = "call_ended"', "[events.fields]",
            f'event_id = {{ template = "{{{identifier}}}-end" }}', ended, began,
            f'duration_ms = {{ column = "{length.name}", scale = {unit} }}', answered, *shared,
        ]  # fmt: skip

    def _unit(self, length: ColumnEvidence) -> str:
        """Milliseconds of one: durations in words say it, and so do many names."""
        if length.durations or re.search(r"(?i)sec|秒|sek", length.name):
            return "1000"
        if re.search(r"(?i)ms$|milli|毫秒", length.name):
            return "1"
        answer = self._ask(
            f"What is {length.name} counted in, as {length.example}?", ("s", "ms", "min")
        )
        return {"s": "1000", "ms": "1", "min": "60000"}[answer]

    def _find(self, meaning: str, fits: Callable[[ColumnEvidence], bool]) -> ColumnEvidence | None:
        """The one column whose name and cells fit; among several, the one that is asked for.

        Without a meaning any name will do.
        """
        named = [
            c for c in self._columns
            if c.name not in self._used and c.filled and fits(c)
            and (not meaning or re.fullmatch(_NAMES[meaning], c.name))
        ]  # fmt: skip
        if len(named) > 1:
            question = f"Which column is the {meaning or 'one that counts'}?"
            answer = self._ask(question, [c.name for c in named])
            named = [c for c in named if c.name == answer]
        return named[0] if named else None

    def _amount(self) -> ColumnEvidence | None:
        found = self._find("amount", _money) or self._find("", _money_by_cells)
        if found is not None:
            self._used.add(found.name)
        return found

    def _time(self, meaning: str) -> str | None:
        found = self._find(meaning, lambda c: bool(c.forms))
        if found is None:
            return None
        self._used.add(found.name)
        form = found.forms[0]
        months = [one for one in found.forms if one.startswith(("%d/%m", "%m/%d"))]
        if len(months) > 1:
            form = self._ask(
                f"{found.name} fits both forms, as in {found.example}. Which is it?", months
            )
        local = "" if found.zoned else "  # local"
        return f'event_time_ms = {{ column = "{found.name}", time = "{form}" }}{local}'

    def _id_column(self) -> str:
        """The column that names a row or a transfer, by its name."""
        named = [
            c for c in self._columns
            if re.fullmatch(_NAMES["event_id"], c.name) and c.filled == c.rows and not c.forms
        ]  # fmt: skip
        unique = [c for c in named if c.distinct == c.rows] or named
        if len(unique) == 1:
            return unique[0].name
        every = [c.name for c in unique or self._columns if c.filled == c.rows]
        return self._ask("Which column is the identifier?", every)

    def _event_id(self, column: str) -> str:
        """An identifier for each row: of a transfer with several rows, its state as well."""
        (found,) = [c for c in self._columns if c.name == column]
        state = self._find("status", lambda c: bool(c.words))
        if found.distinct < found.rows and state is not None:
            return f'event_id = {{ template = "{{{column}}}-{{{state.name}}}" }}'
        return f'event_id = "{column}"'

    def _phone(self, meaning: str) -> str | None:
        found = self._find(meaning, lambda c: c.phones > 0.9)
        if found is not None:
            self._used.add(found.name)
        return found.name if found else None

    def _number(self, field: str, column: str) -> str:
        (found,) = [c for c in self._columns if c.name == column]
        return f'{field} = "{column}"' + ("  # national" if found.national else "")

    def _subscriber(self) -> str:
        found = self._find("subscriber", lambda c: c.phones > 0.9)
        if found is not None:
            return self._number("subscriber", found.name)
        number = self._ask(
            "Whose calls or transfers are these (a number such as +8613800000001)?", ()
        )
        return f'subscriber = {{ value = "{number}" }}'

    def _party(self, meaning: str) -> str:
        found = self._find(meaning, lambda c: not c.forms)
        if found is None:
            answer = self._ask(
                f"Which column is the account of the {meaning}?", [c.name for c in self._columns]
            )
            (found,) = [c for c in self._columns if c.name == answer]
        self._used.add(found.name)
        if found.ascii:
            return f'{meaning}_account = "{found.name}"'
        return f'{meaning}_account = {{ column = "{found.name}", digest = "name" }}'

    def _ask_decimals(self, amount: ColumnEvidence) -> int:
        if amount.decimals:
            return max(2, amount.decimals)
        question = f"{amount.name} has no fractions (as in {amount.example}): whole yuan, euro, dollars, or fen, cents?"
        return 2 if self._ask(question, ("whole", "fen")) == "whole" else 0

    def _sign(self, amount: ColumnEvidence) -> str:
        sign = amount.signs[0]
        if (
            len(amount.signs) > 1
            and amount.decimals
            and re.search(r"[.,]\d{3}(?!\d)", amount.example)
        ):
            sign = self._ask(
                f"What is the decimal sign of {amount.name}, as in {amount.example}?", (".", ",")
            )
        return ', decimal_sign = ","' if sign == "," else ""

    def _transfer_direction(self, amount: ColumnEvidence) -> str:
        found = self._find("direction", lambda c: bool(c.words))
        if found is not None:
            values = self._values(found, _DIRECTION_WORDS, {"in": "incoming", "out": "outgoing"})
            return f'direction = {{ column = "{found.name}", values = {values} }}'
        if amount.negative:
            answer = self._ask(
                "Some amounts are negative. What does minus mean?", ("outgoing", "incoming")
            )
            other = "incoming" if answer == "outgoing" else "outgoing"
            meant = f'sign = {{ "-" = "{answer}", "+" = "{other}" }}'
            return f'direction = {{ column = "{amount.name}", {meant}{self._sign(amount)} }}'
        answer = self._ask("No column is a direction. What are all rows?", ("outgoing", "incoming"))
        return f'direction = {{ value = "{answer}" }}'

    def _call_direction(self, *, both: bool, shown: bool) -> str:
        if not both:  # only the other side is shown
            return f'direction = {{ value = "{"inbound" if shown else "outbound"}" }}'
        found = self._find("direction", lambda c: bool(c.words))
        if found is not None:
            values = self._values(found, _DIRECTION_WORDS, {"in": "inbound", "out": "outbound"})
            return f'direction = {{ column = "{found.name}", values = {values} }}'
        answer = self._ask("No column is a direction. What are all calls?", ("inbound", "outbound"))
        return f'direction = {{ value = "{answer}" }}'

    def _status(self) -> str:
        found = self._find("status", lambda c: bool(c.words))
        if found is None:
            return 'status = { value = "completed" }'
        known = {name: name for name in ("completed", "attempted", "reversed", "blocked")}
        return f'status = {{ column = "{found.name}", values = {self._values(found, _STATUS_WORDS, known)} }}'

    def _answered(self, length: ColumnEvidence) -> tuple[str, str]:
        """How the field is filled, and the condition of a call that was answered."""
        found = self._find("answered", lambda c: bool(c.words))
        if found is None:
            nothing = [word for word in ("0", "00:00:00", "0秒") if word in length.words] or ["0"]
            codes = ", ".join(f'"{word}" = false' for word in nothing)
            return (
                f'answered = {{ column = "{length.name}", values = {{ {codes}, "*" = true }} }}',
                f'when = {{ "{length.name}" = {{ none_of = {_listed(nothing)} }} }}',
            )
        meant = {word: self._meant(word, found) for word in found.words}
        codes = ", ".join(f'"{word}" = {str(yes).lower()}' for word, yes in meant.items())
        return (
            f'answered = {{ column = "{found.name}", values = {{ {codes} }} }}',
            f'when = {{ "{found.name}" = {_listed([word for word, yes in meant.items() if yes])} }}',
        )

    def _meant(self, word: str, column: ColumnEvidence) -> bool:
        known = _ANSWERED_WORDS.get(word.casefold())
        if known is not None:
            return known
        return (
            self._ask(f"Is a call with {word!r} in {column.name} answered?", ("yes", "no")) == "yes"
        )

    def _currency(self) -> str:
        found = self._find("currency", lambda c: bool(c.words))
        if found is not None:
            return f'currency = "{found.name}"'
        return (
            f'currency = {{ value = "{self._ask("Which currency (ISO 4217, such as CNY)?", ())}" }}'
        )

    def _values(
        self,
        column: ColumnEvidence,
        words: Mapping[str, Any],
        meant: Mapping[Any, str],
    ) -> str:
        """What each code means; those that no list knows are asked for."""
        pairs = []
        for word in column.words:
            known = words.get(word.casefold())
            answer = (
                meant[known]
                if known in meant
                else self._ask(f"What does {word!r} in {column.name} mean?", tuple(meant.values()))
            )
            pairs.append(f'"{word}" = ' + f'"{answer}"')
        return "{ " + ", ".join(pairs) + " }"


def _listed(words: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _money(column: ColumnEvidence) -> bool:
    return bool(column.signs) and not column.forms


def _money_by_cells(column: ColumnEvidence) -> bool:
    """Whether the cells alone say that a column is one of amounts: they have two decimals, and are no coordinates."""
    return _money(column) and column.decimals == 2 and not column.durations
