"""The stage of a subscriber's episode: it only rises, and ends by time or by an outcome."""

from typing import Final

from features.catalog.semantics import STAGE_TTL_MS
from features.kernel.compilation import inner
from features.kernel.record_layout import SUBSCRIBER_HEAD as HEAD
from features.kernel.record_state import Cursor

CONTACT: Final = 1
LONG_CALL: Final = 2
ISOLATION: Final = 3
FUNDING: Final = 4
NEW_PAYEE: Final = 5
ESCALATING: Final = 6


@inner
def current_stage(c: Cursor, now: int) -> int:
    """The stage, or 0 when it has not advanced for three days."""
    if now - c.cells[c.head + HEAD.stage_at] > STAGE_TTL_MS:
        return 0
    return c.cells[c.head + HEAD.stage]


@inner
def advance(c: Cursor, to: int) -> None:
    """Move the stage up, never down; every stage but contact needs a contact before it."""
    now = c.cells[c.head + HEAD.clock]
    stage = current_stage(c, now)
    if to <= stage or (stage == 0 and to != CONTACT):
        return
    if stage == 0:
        c.cells[c.head + HEAD.episode_at] = now
    c.cells[c.head + HEAD.stage] = to
    c.cells[c.head + HEAD.stage_at] = now


@inner
def end_episode(c: Cursor) -> None:
    """End the episode at an outcome, unless it has advanced since."""
    if c.time_ms >= c.cells[c.head + HEAD.stage_at]:
        c.cells[c.head + HEAD.stage] = 0
