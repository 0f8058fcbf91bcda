"""A first mapping of a file of transfers: one event, or one for each direction where the parties change places."""

import re
from dataclasses import dataclass

from forewarn.errors import ConfigurationError
from forewarn.replay.column_evidence import ColumnEvidence
from forewarn.replay.column_finder import ColumnFinder, listed, table
from forewarn.replay.proposal_words import DIRECTION_WORDS, NAMES, STATUS_WORDS

OR_A_VALUE = "(or a value)"
"""Among the possible answers: any other text is one, too."""

NO_MONEY = "none"
"""The answer for a status under which no money moved."""

_NEGATIVE, _POSITIVE = "'.*[-−(].*'", "'[^-−(]*'"
_FILLED, _ZERO = "'.*[1-9].*'", "'[^1-9]*'"


@dataclass(frozen=True, slots=True)
class _Parties:
    """The accounts as TOML; ``swapped`` says that they are one's own and the other one, not payer and payee."""

    first: str
    second: str
    swapped: bool


@dataclass(frozen=True, slots=True)
class _Side:
    """Rows of one direction: which they are, and the fields that depend on it."""

    when: str
    direction: str
    amount: ColumnEvidence
    incoming: bool = False


class TransferProposal:
    """Writes the events of transfers.

    Args:
        finder: of the columns.
    """

    def __init__(self, finder: ColumnFinder) -> None:
        self._finder = finder
        self._amounts: list[ColumnEvidence] = []

    def find_amounts(self) -> bool:
        """Look for the amount, or for the two columns of debits and credits."""
        finder = self._finder
        debit, credit = (finder.find(word, _money) for word in ("debit", "credit"))
        if debit is not None and credit is not None and debit != credit:
            self._amounts = [debit, credit]
        else:
            found = finder.find("amount", _money) or finder.find("", _money_by_cells)
            self._amounts = [found] if found is not None else []
        finder.used.update(column.name for column in self._amounts)
        return bool(self._amounts)

    def lines(self) -> list[str]:
        """The rules and events as lines of TOML."""
        finder = self._finder
        time = finder.require_time(finder.time("time") or finder.time("start") or finder.time(""))
        decimals = {column.name: finder.decimals(column) for column in self._amounts}
        marks = {column.name: finder.sign(column) for column in self._amounts}
        identifier = finder.id_column()
        shared = [
            finder.event_id(identifier), finder.identifier("transfer_id", identifier), time, finder.subscriber(),
        ]  # fmt: skip
        status, skips = self._status()
        parties = self._parties()
        sides, unknown = self._sides(marks, swapped=parties.swapped)
        shared += [status, *finder.currency(self._amounts[0])]
        lines = [*skips, *unknown]
        for side in sides:
            payer, payee = parties.first, parties.second
            if parties.swapped and side.incoming:
                payer, payee = payee, payer
            name = side.amount.name
            lines += [
                "[[events]]", 'type = "transfer"', *([f"when = {{ {side.when} }}"] if side.when else []),
                "[events.fields]", *shared, f"payer_account = {payer}", f"payee_account = {payee}",
                f'amount_minor = {{ column = "{name}", decimals = {decimals[name]}{marks[name]} }}',
                f"direction = {side.direction}", "",
            ]  # fmt: skip
        return lines[:-1]

    def _parties(self) -> _Parties:
        payer, payee = self._party("payer"), self._party("payee")
        if payer and payee:
            return _Parties(payer, payee, swapped=False)
        if payer or payee:
            payer = payer or self._asked_party("the account of the payer")
            payee = payee or self._asked_party("the account of the payee")
            return _Parties(payer, payee, swapped=False)
        own = self._own() or self._asked_party("your own account, whose statement this is")
        other = self._party("other") or self._asked_party("the account of the other side")
        if own == other:
            raise ConfigurationError(
                "both sides of a transfer would be one column, so every row would be own money.",
                hint="Give your own account as a value, such as 6222000000000001.",
            )
        return _Parties(own, other, swapped=True)

    def _own(self) -> str:
        """One's own account; an IBAN that is another in each row is that of the other side."""
        found = self._finder.find(
            "own",
            lambda c: not c.forms and (c.distinct == 1 or c.name.casefold() != "iban"),
        )
        return self._account(found) if found is not None else ""

    def _party(self, meaning: str) -> str:
        found = self._finder.find(meaning, lambda c: not c.forms)
        return self._account(found) if found is not None else ""

    def _asked_party(self, what: str) -> str:
        names = [column.name for column in self._finder.columns]
        answer = self._finder.ask(f"Which column is {what}?", [*names, OR_A_VALUE])
        for column in self._finder.columns:
            if column.name == answer:
                return self._account(column)
        if not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]{3,64}", answer):
            raise ConfigurationError(
                f"{answer} is none of {', '.join(names)}, and no account.",
                hint="An account has three to 64 printable characters without blanks.",
            )
        return f'{{ value = "{answer}" }}'

    def _account(self, column: ColumnEvidence) -> str:
        self._finder.used.add(column.name)
        if column.ascii and not column.spaced:
            return f'"{column.name}"'
        return f'{{ column = "{column.name}", digest = "name" }}'

    def _sides(self, marks: dict[str, str], *, swapped: bool) -> tuple[list[_Side], list[str]]:
        """The directions, and rules for rows that have none."""
        amount = self._amounts[0]
        if len(self._amounts) > 1:
            return _two_columns(*self._amounts)
        found = self._finder.direction()
        if found is not None:
            return self._by_words(found, amount, swapped=swapped)
        if amount.negative:
            meant = ("outgoing", "incoming")
            answer = self._finder.ask("Some amounts are negative. What does minus mean?", meant)
            other = meant[answer == "outgoing"]
            sign = f'sign = {{ "-" = "{answer}", "+" = "{other}" }}'
            direction = f'{{ column = "{amount.name}", {sign}{marks[amount.name]} }}'
            if not swapped:
                return [_Side("", direction, amount)], []
            return [
                _Side(f'"{amount.name}" = {{ matches = {one} }}', direction, amount, word == "incoming")
                for one, word in ((_NEGATIVE, answer), (_POSITIVE, other))
            ], []  # fmt: skip
        answer = self._finder.ask(
            "No column is a direction. What are all rows?", ("outgoing", "incoming")
        )
        return [_Side("", f'{{ value = "{answer}" }}', amount, answer == "incoming")], []

    def _by_words(
        self, column: ColumnEvidence, amount: ColumnEvidence, *, swapped: bool
    ) -> tuple[list[_Side], list[str]]:
        meant = self._finder.values(column, DIRECTION_WORDS, {"in": "incoming", "out": "outgoing"})
        if not swapped:
            direction = f'{{ column = "{column.name}", values = {table(meant)} }}'
            return [_Side("", direction, amount)], []
        sides = []
        for word in dict.fromkeys(meant.values()):
            codes = listed([code for code, each in meant.items() if each == word])
            when, direction = f'"{column.name}" = {codes}', f'{{ value = "{word}" }}'
            sides.append(_Side(when, direction, amount, word == "incoming"))
        others = f'"{column.name}" = {{ none_of = {listed(list(meant))} }}'
        return sides, _rule(f"{column.name} says no direction", others, bad=True)

    def _status(self) -> tuple[str, list[str]]:
        """How the status is filled, and the rule for rows under which no money moved."""
        found = self._finder.find("status", lambda c: bool(c.words))
        if found is None:
            return 'status = { value = "completed" }', []
        known = {name: name for name in ("completed", "attempted", "reversed", "blocked", NO_MONEY)}
        meant = self._finder.values(found, STATUS_WORDS, known)
        none = [code for code, word in meant.items() if word == NO_MONEY]
        rest = {code: word for code, word in meant.items() if word != NO_MONEY}
        field = f'status = {{ column = "{found.name}", values = {table(rest)} }}'
        when = f'"{found.name}" = {listed(none)}'
        return field, _rule("no money moved", when, bad=False) if none else []


def _two_columns(debit: ColumnEvidence, credit: ColumnEvidence) -> tuple[list[_Side], list[str]]:
    """Debits are outgoing and credits incoming; a row has one of them."""
    both = [
        f'"{debit.name}" = {{ matches = {test} }}, "{credit.name}" = {{ matches = {test} }}'
        for test in (_ZERO, _FILLED)
    ]
    rules = [
        *_rule(f"neither {debit.name} nor {credit.name} has an amount", both[0], bad=True),
        *_rule(f"{debit.name} and {credit.name} have an amount", both[1], bad=True),
    ]
    sides = [
        _Side(f'"{column.name}" = {{ matches = {_FILLED} }}', _always(column, word), column, word == "incoming")
        for column, word in ((debit, "outgoing"), (credit, "incoming"))
    ]  # fmt: skip
    return sides, rules


def _always(column: ColumnEvidence, word: str) -> str:
    """The one direction of a column; a minus in a column of its own says nothing more."""
    if not column.negative:
        return f'{{ value = "{word}" }}'
    sign = f'sign = {{ "-" = "{word}", "+" = "{word}" }}'
    point = ', decimal_sign = ","' if column.signs[0] == "," else ""
    return f'{{ column = "{column.name}", {sign}{point} }}'


def _rule(name: str, when: str, *, bad: bool) -> list[str]:
    return ["[[skip]]", f'rule = "{name}"', f"when = {{ {when} }}", *(["bad = true"] if bad else []), ""]  # fmt: skip


def _money(column: ColumnEvidence) -> bool:
    return bool(column.signs) and not column.forms


def _money_by_cells(column: ColumnEvidence) -> bool:
    """Whether the cells alone say that a column is one of amounts: they have two decimals, and are no coordinates."""
    balance = re.fullmatch(NAMES["balance"], column.name)
    return _money(column) and column.decimals == 2 and not column.durations and balance is None
