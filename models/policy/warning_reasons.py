"""Why a warning is raised, or a pair is left alone."""

from models.policy.decision import DecisionReason, EventFacts
from models.policy.party_lists import Lists
from models.policy.policy_document import Rule


def silenced(facts: EventFacts, lists: Lists, *, blocked: bool) -> DecisionReason | None:
    """Why this pair is left alone.

    Allowing beats blocking (a bank's number can be spoofed, and its list needs two people);
    blocking beats what a single person vouched for.
    """
    party, time_ms = facts.counterparty, facts.event_time_ms
    if lists.holds("allow", facts.tenant, party, time_ms):
        return "allow_listed"
    if not blocked and lists.holds("pair", facts.tenant, party, time_ms, facts.subscriber):
        return "pair_exception"
    return None


def raise_reason(
    facts: EventFacts, rule: Rule | None, *, blocked: bool, likely: bool
) -> DecisionReason:
    """Why a warning is raised.

    Args:
        facts: the event.
        rule: with the effect ``raise`` that fits, if one does.
        blocked: the other side is on the block list.
        likely: the probability reaches the threshold.
    """
    if blocked:
        return "raised_by_list"
    if rule:
        return "raised_by_rule"
    return "raised_by_hold" if facts.stopped and not likely else "raised"
