"""Features of the event, of its pair of subscriber and counterparty, and of its amount."""

from features.catalog.declaration import Feature, scalar

_CALL = "call started, call ended"
_MOVE = "transfers"
_OUT = "outgoing transfers"

# A table of one feature a line reads better than what the formatter makes of it.
# fmt: off


def _event() -> list[Feature]:
    return [
        scalar("event_kind", "event", kinds="all", why="Separates calls from transfers.", unit="code"),
        scalar("transfer_purpose", "event", kinds=_MOVE, why="The purpose separates a bill from a payment to a stranger.", unit="code"),
        scalar("transfer_channel", "event", kinds=_MOVE, why="A clerk at a counter can ask questions; an app does not.", unit="code"),
        scalar("amount", "event", kinds=_MOVE, why="The amount at risk.", unit="minor units"),
        scalar("local_hour", "event", kinds="all", why="Most fraud calls are in office hours, some at night.", unit="hour of day"),
        scalar("local_weekday", "event", kinds="all", why="Weekdays and weekends differ; Monday is 0.", unit="day of week"),
        scalar("caller_foreign", "event", kinds=_CALL, why="Police and banks do not call from abroad."),
        scalar("caller_short_code", "event", kinds=_CALL, why="Service numbers are known, and spoofed."),
        scalar("caller_attestation", "event", kinds=_CALL, why="How far the network vouches for the number (0 none, 1 A, 2 B, 3 C).", unit="code"),
        scalar("call_inbound", "event", kinds=_CALL, why="Direction of the call."),
        scalar("call_talk_seconds", "event", kinds="call ended", why="Swindlers keep victims in long calls.", unit="s"),
        scalar("caller_suspicion", "event", kinds=_CALL, why="Suspicion against the number before the talk, 0 to 7: new to the subscriber, fresh, foreign, badly attested, many callees, mostly short calls, confirmed (3); at least the level of a suspicious call with it within 30 days.", unit="level", monotone=1),
    ]


def _pair() -> list[Feature]:
    both = "calls with this number or transfers with this account"
    return [
        scalar("pair_is_new", "subscriber", kinds=both, why="Victims pay people whom they never paid before.", aggregation="indicator"),
        scalar("pair_earlier_count", "subscriber", kinds=both, why="A regular counterparty is seldom a fraudster.", aggregation="count"),
        scalar("pair_age_days", "subscriber", kinds=both, why="An acquaintance of years is safer than one of hours.", unit="d", aggregation="since first"),
        scalar("pair_idle_hours", "subscriber", kinds=both, why="Time since the last contact of the two.", unit="h", aggregation="since latest"),
        scalar("amount_to_pair_mean", "event", kinds=_OUT, why="Amount against the mean of this payee's payments from this subscriber.", aggregation="ratio to mean"),
    ]


def _amount() -> list[Feature]:
    return [
        scalar("amount_to_mean_30d", "event", kinds=_OUT, why="Far above what this person usually pays.", aggregation="ratio to mean"),
        scalar("amount_to_max_30d", "event", kinds=_OUT, why="Above everything this person paid in a month.", aggregation="ratio to maximum"),
        scalar("amount_to_previous", "event", kinds=_OUT, why="Steps that grow: 100, 1,000, 30,000.", aggregation="ratio to latest"),
        scalar("amount_to_incoming_24h", "event", kinds="incoming and outgoing transfers", why="The payment passes on money that has just arrived.", aggregation="ratio to latest"),
        scalar("amount_to_refund_7d", "event", kinds="refunds and outgoing transfers", why="A small refund baits a larger payment.", aggregation="ratio to latest"),
        scalar("amount_to_funding_7d", "event", kinds="loans, savings broken and outgoing transfers", why="Victims pay a loan out as soon as they receive it.", aggregation="ratio to latest"),
        scalar("incoming_since_minutes", "subscriber", kinds="incoming transfers", why="Mules pay out soon after they receive.", unit="min", aggregation="since latest"),
        scalar("funding_since_minutes", "subscriber", kinds="loans, savings broken", why="Time since the subscriber raised money by a loan or from savings.", unit="min", aggregation="since latest"),
        scalar("refund_since_minutes", "subscriber", kinds="refunds", why="Time since a refund, which swindlers use as bait.", unit="min", aggregation="since latest"),
    ]


def features() -> list[Feature]:
    """The features of this file, in the order of the vector."""
    return _event() + _pair() + _amount()
