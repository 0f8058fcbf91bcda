"""Files of calls or transfers to events on the topics, through a column mapping."""

from forewarn.replay.column_mapping import Mapping, load_mapping
from forewarn.replay.event_order import in_order
from forewarn.replay.event_pace import paced
from forewarn.replay.event_sender import EventSender, Tally
from forewarn.replay.file_events import BadRow, Ready
from forewarn.replay.replay_progress import Progress

__all__ = [
    "BadRow",
    "EventSender",
    "Mapping",
    "Progress",
    "Ready",
    "Tally",
    "in_order",
    "load_mapping",
    "paced",
]
