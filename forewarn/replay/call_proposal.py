"""A first mapping of a file of calls."""

import re

from forewarn.errors import ConfigurationError
from forewarn.replay.column_evidence import ColumnEvidence
from forewarn.replay.column_finder import ColumnFinder, listed, table
from forewarn.replay.proposal_words import ANSWERED_WORDS, DIRECTION_WORDS


class CallProposal:
    """Writes the events of calls.

    Args:
        finder: of the columns.
    """

    def __init__(self, finder: ColumnFinder) -> None:
        self._finder = finder

    def lines(self) -> list[str]:
        """The events as lines of TOML."""
        start, end = self._finder.time("start"), self._finder.time("end")
        answer = self._finder.find("answer", lambda c: bool(c.forms))
        if answer is not None and start is None and not answer.never:
            start, answer = self._finder.time_of(answer), None
        start = start or self._finder.time("time") or self._finder.time("")
        length = self._finder.find("duration", lambda c: c.durations or c.numbers)
        caller, callee = self._finder.phone("caller"), self._finder.phone("callee")
        if start is None or length is None or (caller is None and callee is None):
            raise ConfigurationError(
                "the columns of a call are not all there: start, duration, and caller or callee.",
                hint="Write the mapping by hand: docs/formats/mappings.md.",
            )
        self._finder.used.add(length.name)
        unit = self._unit(length)
        began = start.replace("event_time_ms", "started_at_ms")
        ended = (
            end
            or start.removesuffix(" }")
            + f', plus = [{{ column = "{length.name}", scale = {unit} }}] }}'
        )
        identifier = self._finder.id_column()
        subscriber = self._finder.subscriber()
        shared = [
            self._finder.identifier("call_id", identifier), subscriber, self._call_direction(both=bool(caller and callee), shown=bool(caller)),
            *(
                self._finder.number(field, column) if column else subscriber.replace("subscriber", field, 1)
                for field, column in (("caller", caller), ("callee", callee))
            ),
        ]  # fmt: skip
        answered, condition = self._answered(length, answer)
        talk = self._finder.time_of(answer) if answer is not None else start
        return [
            "[[events]]", 'type = "call_started"', condition, "[events.fields]",
            self._finder.identifier("event_id", identifier, "-start"), talk, *shared, "",
            "[[events]]", 'type = "call_ended"', "[events.fields]",
            self._finder.identifier("event_id", identifier, "-end"), ended, began,
            f'duration_ms = {{ column = "{length.name}", scale = {unit} }}', answered, *shared,
        ]  # fmt: skip

    def _unit(self, length: ColumnEvidence) -> str:
        """Milliseconds of one: durations in words say it, and so do many names."""
        if length.durations or re.search(r"(?i)sec|秒|sek", length.name):
            return "1000"
        if re.search(r"(?i)ms$|milli|毫秒", length.name):
            return "1"
        answer = self._finder.ask(
            f"What is {length.name} counted in, as {length.example}?", ("s", "ms", "min")
        )
        return {"s": "1000", "ms": "1", "min": "60000"}[answer]

    def _call_direction(self, *, both: bool, shown: bool) -> str:
        if not both:  # only the other side is shown
            return f'direction = {{ value = "{"inbound" if shown else "outbound"}" }}'
        found = self._finder.direction()
        if found is not None:
            values = self._finder.values(
                found, DIRECTION_WORDS, {"in": "inbound", "out": "outbound"}
            )
            return f'direction = {{ column = "{found.name}", values = {table(values)} }}'
        answer = self._finder.ask(
            "No column is a direction. What are all calls?", ("inbound", "outbound")
        )
        return f'direction = {{ value = "{answer}" }}'

    def _answered(self, length: ColumnEvidence, answer: ColumnEvidence | None) -> tuple[str, str]:
        """How the field is filled, and the condition of a call that was answered."""
        if answer is not None:
            return (
                f'answered = {{ column = "{answer.name}", values = {{ "0" = false, "" = false, "*" = true }} }}',
                f'when = {{ "{answer.name}" = {{ none_of = ["0", ""] }} }}',
            )
        found = self._finder.find("answered", lambda c: bool(c.words))
        if found is None:
            digit = 'extract = "[1-9]|$", values = { "" = false, "*" = true }'
            return (
                f'answered = {{ column = "{length.name}", {digit} }}',
                f"when = {{ \"{length.name}\" = {{ matches = '.*[1-9].*' }} }}",
            )
        meant = {word: self._meant(word, found) for word in found.words}
        codes = ", ".join(f'"{word}" = {str(yes).lower()}' for word, yes in meant.items())
        return (
            f'answered = {{ column = "{found.name}", values = {{ {codes} }} }}',
            f'when = {{ "{found.name}" = {listed([word for word, yes in meant.items() if yes])} }}',
        )

    def _meant(self, word: str, column: ColumnEvidence) -> bool:
        known = ANSWERED_WORDS.get(word.casefold())
        if known is not None:
            return known
        return (
            self._finder.ask(f"Is a call with {word!r} in {column.name} answered?", ("yes", "no"))
            == "yes"
        )
