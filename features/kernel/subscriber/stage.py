"""The stage of a subscriber's episode: it only rises, and ends by time or by an outcome."""

from typing import Final

import numpy as np

from features.catalog.semantics import STAGE_TTL_MS
from features.kernel.compilation import inner
from features.kernel.record_layout import SUBSCRIBER_HEAD as HEAD

CONTACT: Final = 1
LONG_CALL: Final = 2
ISOLATION: Final = 3
FUNDING: Final = 4
NEW_PAYEE: Final = 5
ESCALATING: Final = 6


@inner
def current_stage(head: np.ndarray, h: int, now: int) -> int:
    """The stage, or 0 when it has not advanced for three days."""
    return head[h + HEAD.stage] if now - head[h + HEAD.stage_at] <= STAGE_TTL_MS else 0


@inner
def advance(head: np.ndarray, h: int, to: int) -> None:
    """Move the stage up, never down; every stage but contact needs a contact before it."""
    now = head[h + HEAD.clock]
    stage = current_stage(head, h, now)
    if to <= stage or (stage == 0 and to != CONTACT):
        return
    if stage == 0:
        head[h + HEAD.episode_at] = now
    head[h + HEAD.stage] = to
    head[h + HEAD.stage_at] = now


@inner
def end_episode(head: np.ndarray, h: int, time_ms: int) -> None:
    """An outcome of ``time_ms`` ends the episode, unless it has gone on since."""
    if time_ms >= head[h + HEAD.stage_at]:
        head[h + HEAD.stage] = 0
