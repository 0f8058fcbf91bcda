"""Finds the columns of a field by their names and cells, and asks where they do not say it."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forewarn.errors import ConfigurationError
from forewarn.replay.column_evidence import ColumnEvidence
from forewarn.replay.currencies import CURRENCY_SIGNS
from forewarn.replay.proposal_words import DIRECTION_WORDS, NAMES

Ask = Callable[[str, Sequence[str]], str]
"""Asks a question with its possible answers (none: any text), and returns the answer."""


class ColumnFinder:
    """The columns of a file, those that a field has taken, and the questions.

    Args:
        columns: evidence of every column.
        ask: asks what the cells do not show.
    """

    def __init__(self, columns: Sequence[ColumnEvidence], ask: Ask) -> None:
        self.columns, self.ask = list(columns), ask
        self.used: set[str] = set()

    def find(self, meaning: str, fits: Callable[[ColumnEvidence], bool]) -> ColumnEvidence | None:
        """The one column whose name and cells fit; among several, the one that is asked for.

        Without a meaning any name will do.
        """
        named = [
            c for c in self.columns
            if c.name not in self.used and c.filled and fits(c)
            and (not meaning or re.fullmatch(NAMES[meaning], c.name))
        ]  # fmt: skip
        if len(named) > 1:
            question = f"Which column is the {meaning or 'one that counts'}?"
            answer = self.ask(question, [c.name for c in named])
            named = [c for c in named if c.name == answer]
        return named[0] if named else None

    def time(self, meaning: str) -> str | None:
        """The time of an event from the one column that is one, as a line of TOML; None if there is none."""
        found = self.find(meaning, lambda c: bool(c.forms) and not c.never)
        return None if found is None else self.time_of(found)

    def time_of(self, found: ColumnEvidence) -> str:
        """A column as the time of an event, as a line of TOML; with the column of the time of day, if there is one."""
        self.used.add(found.name)
        form = found.forms[0]
        orders = [one for one in found.forms if re.match(r"%[dmy][-/]%[dm]", one)]
        if len(orders) > 1:
            count = "both forms" if len(orders) == 2 else "several forms"
            form = self.ask(
                f"{found.name} fits {count}, as in {found.example}. Which is it?",
                orders,
            )
        clock = self._clock() if not re.search("iso|epoch|%H|%I", form) else None
        if clock is not None:
            template = f"{{{found.name}}} {{{clock.name}}}"
            form = f"{form} {clock.clock}"
            return f'event_time_ms = {{ template = "{template}", time = "{form}" }}  # local'
        local = "" if found.zoned else "  # local"
        return f'event_time_ms = {{ column = "{found.name}", time = "{form}" }}{local}'

    def _clock(self) -> ColumnEvidence | None:
        """The column with the time of day that belongs to a column of days."""
        found = self.find("clock", lambda c: bool(c.clock) and c.filled == c.rows)
        if found is not None:
            self.used.add(found.name)
        return found

    def direction(self) -> ColumnEvidence | None:
        """The column that says the direction: by its name, or because its cells say nothing else."""
        named = self.find("direction", lambda c: bool(c.words))
        return named or self.find(
            "",
            lambda c: (
                len(c.words) > 1 and all(one.casefold() in DIRECTION_WORDS for one in c.words)
            ),
        )

    def require_time(self, line: str | None) -> str:
        """A line of TOML; without one, an error that shows the cells of the columns that are named like times.

        Raises:
            ConfigurationError: if there is no line.
        """
        if line is not None:
            return line
        named = [c for c in self.columns if c.filled and re.fullmatch(NAMES["time"], c.name)]
        shown = "; ".join(f"{c.name}, as in {c.example}" for c in named)
        serial = any(re.fullmatch(r"[34567]\d{4}(?:\.\d+)?", c.example) for c in named)
        raise ConfigurationError(
            "no column looks like a time" + (f": {shown}." if shown else "."),
            hint="Those are day numbers of a spreadsheet: format the column as date and time, and export again."
            if serial
            else "Write the mapping by hand: docs/formats/mappings.md.",
        )

    def id_column(self) -> str:
        """The column that names a row or a transfer, by its name."""
        named = [
            c for c in self.columns
            if re.fullmatch(NAMES["event_id"], c.name) and c.filled == c.rows and not c.forms
        ]  # fmt: skip
        unique = [c for c in named if c.distinct == c.rows] or named
        if len(unique) == 1:
            return unique[0].name
        every = [c.name for c in unique or self.columns if c.filled == c.rows]
        return self.ask("Which column is the identifier?", every)

    def event_id(self, column: str) -> str:
        """An identifier for each row: of a transfer with several rows, its state as well."""
        found = self.named(column)
        state = self.find("status", lambda c: bool(c.words))
        if found.distinct < found.rows and state is not None:
            return self.identifier("event_id", column, f"-{{{state.name}}}")
        return self.identifier("event_id", column)

    def identifier(self, field: str, column: str, behind: str = "") -> str:
        """A field that names something, as a line of TOML; of texts with blanks or other letters a digest."""
        found = self.named(column)
        digest = ', digest = "id"' if found.spaced or not found.ascii else ""
        if behind:
            return f'{field} = {{ template = "{{{column}}}{behind}"{digest} }}'
        if digest:
            return f'{field} = {{ column = "{column}"{digest} }}'
        return f'{field} = "{column}"'

    def named(self, name: str) -> ColumnEvidence:
        """The evidence of a column."""
        (found,) = [column for column in self.columns if column.name == name]
        return found

    def phone(self, meaning: str) -> str | None:
        """The column of a telephone number."""
        found = self.find(meaning, lambda c: c.phones > 0.9)
        if found is not None:
            self.used.add(found.name)
        return found.name if found else None

    def number(self, field: str, column: str) -> str:
        """A field that is a telephone number, as a line of TOML."""
        (found,) = [c for c in self.columns if c.name == column]
        return f'{field} = "{column}"' + ("  # national" if found.national else "")

    def subscriber(self) -> str:
        """Whose calls or transfers these are, as a line of TOML."""
        found = self.find("subscriber", lambda c: c.phones > 0.9)
        if found is not None:
            return self.number("subscriber", found.name)
        number = self.ask(
            "Whose calls or transfers are these (a number such as +8613800000001)?", ()
        )
        return f'subscriber = {{ value = "{number}" }}'

    def decimals(self, amount: ColumnEvidence) -> int:
        """Decimals of the amounts of a column."""
        if amount.decimals:
            return max(2, amount.decimals)
        question = f"{amount.name} has no fractions (as in {amount.example}): whole yuan, euro, dollars, or fen, cents?"
        return 2 if self.ask(question, ("whole", "fen")) == "whole" else 0

    def sign(self, amount: ColumnEvidence) -> str:
        """The decimal sign of a column, as a part of a rule, if it is not the point."""
        sign = amount.signs[0]
        if (
            len(amount.signs) > 1
            and amount.decimals
            and re.search(r"[.,]\d{3}(?!\d)", amount.example)
        ):
            sign = self.ask(
                f"What is the decimal sign of {amount.name}, as in {amount.example}?", (".", ",")
            )
        return ', decimal_sign = ","' if sign == "," else ""

    def currency(self, amount: ColumnEvidence) -> list[str]:
        """The currency, as a line of TOML; none where each amount shows it by its sign."""
        found = self.find("currency", lambda c: bool(c.words))
        if found is not None:
            return [f'currency = "{found.name}"']
        meant = [CURRENCY_SIGNS.get(sign, (sign,)) for sign in amount.money]
        if len(meant) > 1 or (meant and len(meant[0]) == 1):
            return []
        return [
            f'currency = {{ value = "{self.ask("Which currency (ISO 4217, such as CNY)?", ())}" }}'
        ]

    def values(
        self,
        column: ColumnEvidence,
        words: Mapping[str, Any],
        meant: Mapping[Any, str],
    ) -> dict[str, str]:
        """What each code means; those that no list knows are asked for."""
        found = {}
        for word in column.words:
            known = words.get(word.casefold())
            answer = (
                meant[known]
                if known in meant
                else self.ask(f"What does {word!r} in {column.name} mean?", tuple(meant.values()))
            )
            found[word] = answer
        return found


def listed(words: Sequence[str]) -> str:
    """Texts as a list of TOML."""
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def table(pairs: Mapping[str, str]) -> str:
    """Texts by texts as a table of TOML."""
    return "{ " + ", ".join(f'"{code}" = "{word}"' for code, word in pairs.items()) + " }"
