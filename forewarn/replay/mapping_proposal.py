"""A first mapping of an unknown file, from its header and its first thousand rows.

What the cells show is written down with the evidence; what they cannot show (the zone of local times, whose file it
is, which of two readings of a date) is asked for, and never chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from forewarn.errors import ConfigurationError
from forewarn.replay.call_proposal import CallProposal
from forewarn.replay.column_evidence import ColumnEvidence
from forewarn.replay.column_finder import Ask, ColumnFinder
from forewarn.replay.transfer_proposal import TransferProposal


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

    def toml(self, shape: FileShape, zone: str, region: str) -> str:
        """The mapping as the text of a TOML file.

        Args:
            shape: how the file is read.
            zone: of times without one; empty: it is asked for if it is needed.
            region: ISO 3166 code of the numbers without a country; empty: it is asked for if needed.

        Raises:
            ConfigurationError: if the columns are neither those of calls nor of transfers.
        """
        finder = ColumnFinder(self._columns, self._ask)
        transfers = TransferProposal(finder)
        amount = transfers.find_amounts()
        phones = [c for c in self._columns if c.phones > 0.9 and not c.forms and not c.decimals]
        if not amount and not phones:
            raise ConfigurationError(
                "no column looks like an amount, and none like a telephone number.",
                hint="Write the mapping by hand: docs/formats/mappings.md.",
            )
        lines = transfers.lines() if amount else CallProposal(finder).lines()
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
