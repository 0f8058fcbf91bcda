"""Features of the event, of its pair of subscriber and counterparty, and of its amount."""

from features.catalog.declaration import Feature, scalar

_CALL = "call started, call ended"
_MOVE = "transfers"
_OUT = "outgoing transfers"

# A table of one feature a line reads better than what the formatter makes of it.
# fmt: off


def _event() -> list[Feature]:
    return [
        scalar("event_kind", "event", kinds="all", why="Calls and transfers are read differently.", unit="code"),
        scalar("transfer_purpose", "event", kinds=_MOVE, why="A bill is not a gift to a stranger.", unit="code"),
        scalar("transfer_channel", "event", kinds=_MOVE, why="A counter clerk asks questions, an app does not.", unit="code"),
        scalar("amount", "event", kinds=_MOVE, why="What is at stake.", unit="minor units"),
        scalar("local_hour", "event", kinds="all", why="Fraudsters keep office hours, and some call at night.", unit="hour of day"),
        scalar("local_weekday", "event", kinds="all", why="Weekdays and weekends differ; Monday is 0.", unit="day of week"),
        scalar("caller_foreign", "event", kinds=_CALL, why="Police and banks do not call from abroad."),
        scalar("caller_short_code", "event", kinds=_CALL, why="Service numbers are known, and spoofed."),
        scalar("caller_attestation", "event", kinds=_CALL, why="How far the network vouches for the number (0 none, 1 A, 2 B, 3 C).", unit="code"),
        scalar("call_inbound", "event", kinds=_CALL, why="Who called whom."),
        scalar("call_talk_seconds", "event", kinds="call ended", why="A long talk with a stranger is how victims are worked on.", unit="s"),
        scalar("caller_suspicion", "event", kinds=_CALL, why="Suspicion against the number before the talk, 0 to 7: new to the subscriber, fresh, foreign, badly attested, many callees, mostly short calls, confirmed (3); at least the level of a suspicious call with it within 30 days.", unit="level", monotone=1),
    ]


def _pair() -> list[Feature]:
    both = "calls with this number or transfers with this account"
    return [
        scalar("pair_is_new", "subscriber", kinds=both, why="Money goes to strangers in scams.", aggregation="indicator"),
        scalar("pair_earlier_count", "subscriber", kinds=both, why="A regular counterparty is seldom a fraudster.", aggregation="count"),
        scalar("pair_age_days", "subscriber", kinds=both, why="An acquaintance of years is safer than one of hours.", unit="d", aggregation="since first"),
        scalar("pair_idle_hours", "subscriber", kinds=both, why="When they last dealt with each other.", unit="h", aggregation="since latest"),
        scalar("amount_to_pair_mean", "event", kinds=_OUT, why="Ten times what this payee usually gets is odd.", aggregation="ratio to mean"),
    ]


def _amount() -> list[Feature]:
    return [
        scalar("amount_to_mean_30d", "event", kinds=_OUT, why="Far above what this person usually pays.", aggregation="ratio to mean"),
        scalar("amount_to_max_30d", "event", kinds=_OUT, why="Above everything this person paid in a month.", aggregation="ratio to maximum"),
        scalar("amount_to_previous", "event", kinds=_OUT, why="Steps that grow: 100, 1,000, 30,000.", aggregation="ratio to latest"),
        scalar("amount_to_incoming_24h", "event", kinds="incoming and outgoing transfers", why="What came in goes straight out.", aggregation="ratio to latest"),
        scalar("amount_to_refund_7d", "event", kinds="refunds and outgoing transfers", why="A small refund baits a larger payment.", aggregation="ratio to latest"),
        scalar("amount_to_funding_7d", "event", kinds="loans, savings broken and outgoing transfers", why="A loan that leaves at once was not for its taker.", aggregation="ratio to latest"),
        scalar("incoming_since_minutes", "subscriber", kinds="incoming transfers", why="Money in, money out: a mule's rhythm.", unit="min", aggregation="since latest"),
        scalar("funding_since_minutes", "subscriber", kinds="loans, savings broken", why="Funds raised minutes ago.", unit="min", aggregation="since latest"),
        scalar("refund_since_minutes", "subscriber", kinds="refunds", why="The bait was paid minutes ago.", unit="min", aggregation="since latest"),
    ]


def features() -> list[Feature]:
    """The features of this file, in the order of the vector."""
    return _event() + _pair() + _amount()
