"""Which steps a case allows: a pure decider with named reasons.

States: ``text_only`` (a low warning: a text to the person, and no case unless a responder claims it or its
severity rises), ``new`` (ledger only), ``dispatched`` (pages were sent), ``acknowledged`` (it has a holder),
``in_contact`` (the holder talks to the victim), ``closed`` (with an outcome). A case reaches
``closed`` only with a disposition, and leaves it only by being reopened.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from forewarn.contracts.outcome import Disposition

State = Literal["text_only", "new", "dispatched", "acknowledged", "in_contact", "closed"]
Step = Literal[
    "dispatch", "claim", "acknowledge", "release", "assign", "contact", "note", "close", "reopen"
]

STATES: tuple[State, ...] = get_args(State)
TEXT_ONLY: State = "text_only"
"""Counted nowhere among cases: no page, no deadline, no responder; it closes by itself."""

OPEN_STATES: tuple[State, ...] = ("new", "dispatched", "acknowledged", "in_contact")
WAITING_STATES: tuple[State, ...] = ("new", "dispatched")
HELD_STATES: tuple[State, ...] = ("acknowledged", "in_contact")

_FROM: dict[Step, tuple[State, ...]] = {
    "dispatch": ("new",),
    "claim": (TEXT_ONLY, *OPEN_STATES),
    "acknowledge": WAITING_STATES,
    "release": ("acknowledged", "in_contact"),
    "assign": (TEXT_ONLY, *OPEN_STATES),
    "contact": ("acknowledged", "in_contact"),
    "note": STATES,
    "close": ("acknowledged", "in_contact"),
    "reopen": ("closed",),
}
_NEEDS_HOLDER: frozenset[Step] = frozenset({"release", "contact", "close"})


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """The facts that a decision depends on."""

    state: State
    holder: str | None
    contact_attempts: int


@dataclass(frozen=True, slots=True)
class StepVerdict:
    """Whether the step is allowed, the state after it, and the reason if it is not."""

    allowed: bool
    reason: str
    state: State


def decide_step(
    step: Step, facts: CaseFacts, actor: str, *, overrides: bool = False
) -> StepVerdict:
    """Decide on a step of the life of a case.

    Args:
        step: the requested step.
        facts: the case as it stands.
        actor: subject of the person who asks.
        overrides: the actor may act on a case that another person holds.
    """
    if facts.state not in _FROM[step]:
        return StepVerdict(False, f"{step}_not_allowed_when_{facts.state}", facts.state)
    held_by_other = facts.holder is not None and facts.holder != actor
    if step in ("claim", "acknowledge") and held_by_other and not overrides:
        return StepVerdict(False, "held_by_another", facts.state)
    if step in _NEEDS_HOLDER and facts.holder != actor and not overrides:
        return StepVerdict(
            False, "held_by_another" if held_by_other else "not_claimed", facts.state
        )
    return StepVerdict(True, "allowed", _after(step, facts.state))


def decide_disposition(
    disposition: Disposition,
    facts: CaseFacts,
    *,
    lost_minor: int,
    duplicate_of: str | None,
    witnessed: bool,
    releases: bool = False,
) -> str | None:
    """The reason why a case may not close with this outcome, or None.

    Args:
        disposition: the outcome.
        facts: the case as it stands.
        lost_minor: the loss that the responder states, in minor units.
        duplicate_of: the case that it is a duplicate of.
        witnessed: whether a recorded contact reached the victim, or a second person closes the
            case. Without either, one person could book prevented loss and have numbers blocked.
        releases: whether a false alarm would release orders that the person who closes may not
            release by hand. One person alone would let held money go.
    """
    if disposition == "unreachable" and facts.contact_attempts == 0:
        return "no_contact_was_tried"
    if disposition == "loss_occurred" and lost_minor == 0:
        return "loss_needs_an_amount"
    if disposition != "loss_occurred" and lost_minor > 0:
        return "amount_lost_without_a_loss"
    if (disposition == "duplicate") != (duplicate_of is not None):
        return "duplicate_needs_the_other_case"
    if disposition == "dissuaded":
        return None if witnessed else "dissuaded_needs_contact"
    alone = disposition == "false_alarm" and releases and not witnessed
    return "release_needs_contact" if alone else None


def _after(step: Step, state: State) -> State:
    if step in ("claim", "assign"):
        return "acknowledged" if state in (TEXT_ONLY, *WAITING_STATES) else state
    after: dict[Step, State] = {
        "dispatch": "dispatched",
        "acknowledge": "acknowledged",
        "release": "dispatched",
        "contact": "in_contact",
        "close": "closed",
        "reopen": "dispatched",
    }
    return after.get(step, state)
