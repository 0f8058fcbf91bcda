"""Files of calls or transfers to events on the topics, through a column mapping."""

from forewarn.replay.mapping import Mapping, load_mapping
from forewarn.replay.pace import paced
from forewarn.replay.progress import Progress
from forewarn.replay.rows import Row, read_rows
from forewarn.replay.sending import Tally, send
from forewarn.replay.stream import BadRow, Ready, in_order

__all__ = [
    "BadRow",
    "Mapping",
    "Progress",
    "Ready",
    "Row",
    "Tally",
    "in_order",
    "load_mapping",
    "paced",
    "read_rows",
    "send",
]
