"""What an event changes in its subscriber's record."""

from features.catalog.channels import NUMBERS
from features.catalog.semantics import LONG_CALL_S, N_CASES_OWN, SUSPECT_LEVEL
from features.kernel import verdicts
from features.kernel.compilation import inner
from features.kernel.pairs import find_pair, short_id
from features.kernel.record_layout import BITS_HARMLESS, BITS_LEVEL, PAIR_BITS
from features.kernel.record_layout import SUBSCRIBER_HEAD as HEAD
from features.kernel.record_state import Context, Cursor
from features.kernel.subscriber.call_updates import apply_call_end, apply_call_start
from features.kernel.subscriber.stage import ISOLATION, LONG_CALL, advance, end_episode
from features.kernel.subscriber.transfers import apply_transfer
from features.kernel.verdicts import VERDICT_CLEARED, VERDICT_CONFIRMED
from features.kinds import ACCOUNT, ACTIVE, FORWARDING, EventKind

_STARTED, _ENDED = int(EventKind.CALL_STARTED), int(EventKind.CALL_ENDED)
_LINE, _OUTCOME = int(EventKind.LINE_CHANGED), int(EventKind.OUTCOME)


@inner
def apply_event(c: Cursor, context: Context) -> bool:
    """Apply an event; True if it is the first sight of a call or transfer.

    ``c.cut`` holds the cutoffs of the record's clock with this event applied.
    """
    cells, head = c.cells, c.head
    cells[head + HEAD.clock] = max(cells[head + HEAD.clock], c.time_ms)
    if cells[head + HEAD.events] == 0 or c.time_ms < cells[head + HEAD.first_at]:
        cells[head + HEAD.first_at] = c.time_ms
    cells[head + HEAD.events] += 1
    if context.on_call_level >= SUSPECT_LEVEL and context.on_call_seconds >= LONG_CALL_S:
        advance(c, LONG_CALL)
    if c.kind == _STARTED:
        return apply_call_start(c, context)
    if c.kind == _ENDED:
        return apply_call_end(c, context)
    if c.kind == _LINE:
        _apply_line_change(c)
        return False
    if c.kind == _OUTCOME:
        _apply_outcome(c, context)
        return False
    return apply_transfer(c, context)


@inner
def mark_tainted(c: Cursor) -> None:
    """Note that the subscriber dealt with a confirmed number or account."""
    c.cells[c.head + HEAD.taint_at] = max(c.cells[c.head + HEAD.taint_at], c.time_ms)


@inner
def _apply_line_change(c: Cursor) -> None:
    """The newest change by event time holds."""
    cells, head = c.cells, c.head
    on_since = HEAD.forwarding_at if c.flags & FORWARDING else HEAD.do_not_disturb_at
    changed = HEAD.forwarding_changed_at if c.flags & FORWARDING else HEAD.do_not_disturb_changed_at
    if c.time_ms < cells[head + changed]:
        return
    cells[head + changed] = c.time_ms
    cells[head + on_since] = c.time_ms if c.flags & ACTIVE else 0
    cells[head + HEAD.line_at] = max(cells[head + HEAD.line_at], c.time_ms)
    if c.flags & ACTIVE:
        advance(c, ISOLATION)


@inner
def _apply_outcome(c: Cursor, context: Context) -> None:
    """A case of the subscriber was closed or corrected.

    A cleared case ends the episode; a confirmed one ends it only if the subscriber is not in a suspicious
    call. An outcome without a verdict ends nothing.
    """
    before = verdicts.record_verdict(c, c.head + HEAD.cases, N_CASES_OWN)
    if before == verdicts.OUTDATED:
        return
    verdict = verdicts.verdict_of(c.flags)
    if c.counterparty != 0 and c.flags & ACCOUNT == 0:
        _clear_number(c, before, verdict)
    if before in (verdicts.REPEATED, verdict):
        return
    verdicts.update_counts(c, c.head + HEAD.confirmed, before, verdict)
    off_call = context.on_call_level < SUSPECT_LEVEL
    if verdict == VERDICT_CLEARED or (verdict == VERDICT_CONFIRMED and off_call):
        end_episode(c)


@inner
def _clear_number(c: Cursor, before: int, verdict: int) -> None:
    """A cleared number is harmless to this subscriber, until a verdict says otherwise."""
    pair = find_pair(c, NUMBERS, short_id(c.counterparty))
    if pair < 0:
        return
    if verdict == VERDICT_CLEARED:
        c.cells[pair + PAIR_BITS] = c.cells[pair + PAIR_BITS] & ~BITS_LEVEL | BITS_HARMLESS
    elif verdict == VERDICT_CONFIRMED or before == VERDICT_CLEARED:
        c.cells[pair + PAIR_BITS] &= ~BITS_HARMLESS
