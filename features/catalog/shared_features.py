"""Features of numbers, accounts and devices, over all subscribers that they touch."""

from features.catalog.declaration import (
    EntityName,
    Feature,
    distincts,
    larger,
    ratios,
    scalar,
    totals,
)
from features.kernel import record_layout as at

_CALL = "call started, call ended"
_ENDED = "call ended"
_TO = "outgoing transfers to the account"
_FROM = "incoming transfers from the account"

# A table of one feature a line reads better than what the formatter makes of it.
# fmt: off


def _common(entity: EntityName, kinds: str) -> list[Feature]:
    return [
        scalar(f"{entity}_age_days", entity, "age_days", kinds=kinds, why="Swindlers' means are fresh; missing means never seen.", unit="d", aggregation="since first"),
        scalar(f"{entity}_idle_hours", entity, "idle_hours", kinds=kinds, why="A dormant one wakes.", unit="h", aggregation="since latest"),
        scalar(f"{entity}_confirmed", entity, "confirmed", kinds="outcomes", why="Confirmed in closed cases.", aggregation="count", monotone=1),
        scalar(f"{entity}_cleared", entity, "cleared", kinds="outcomes", why="Cleared in closed cases.", aggregation="count", monotone=-1),
    ]


_TAINTED = "victims of the last 30 days, or people who dealt with a confirmed number or account within a week,"
_PRESSED = "on, or just off, a suspicious call, or late in an episode"
_WHY_SECOND = {
    "new": "How often people deal with it who never did before.",
    "tainted": f"How often {_TAINTED} deal with it as a stranger.",
    "pressed": f"How often it turns up, a stranger, when people are {_PRESSED}.",
}
_WHY_DEVICE = {
    "new": "How often its users deal with a number or account that is new to them.",
    "tainted": f"How often {_TAINTED} use it to deal with a stranger.",
    "pressed": f"How often its users deal with a stranger while {_PRESSED}.",
}


def _second(entity: EntityName, kinds: str, windows: list[str]) -> list[Feature]:
    why = _WHY_DEVICE if entity == "device" else _WHY_SECOND
    return [
        *totals(f"{entity}_new_contacts", entity, at.X_NEW, windows, kinds=kinds, why=why["new"], degree="second"),
        *totals(f"{entity}_tainted_contacts", entity, at.X_TAINTED, windows, kinds=kinds, why=why["tainted"], monotone=1, degree="second"),
        *totals(f"{entity}_pressed_contacts", entity, at.X_PRESSED, windows, kinds=kinds, why=why["pressed"], monotone=1, degree="second"),
    ]


def _number() -> list[Feature]:
    return [
        *_common("number", _CALL),
        scalar("number_confirmed_since_days", "number", "confirmed_days", kinds="outcomes", why="Time since it was last confirmed.", unit="d", aggregation="since latest"),
        *larger("number_calls", "number", at.N_STARTED, at.N_ENDED, ["15m", "1h", "24h", "7d", "30d"], kinds=_CALL, why="How busy the number is: calls begun or calls ended, whichever are more."),
        *larger("number_called_back", "number", at.N_CALLED_BACK, at.N_ENDED_BACK, ["24h", "7d"], kinds="outbound calls", why="People call honest numbers back; begun or ended, whichever are more."),
        *distincts("number_callees", "number", 0, ["1h", "24h", "7d", "30d"], kinds="inbound calls", why="Fan-out: how many people it calls."),
        *ratios("number_short_share", "number", at.N_SHORT, at.N_ENDED, ["24h", "7d"], kinds=_ENDED, why="Most people hang up on it within ten seconds.", aggregation="share"),
        *ratios("number_unanswered_share", "number", at.N_UNANSWERED, at.N_ENDED, ["24h", "7d"], kinds=_ENDED, why="Most people do not pick up.", aggregation="share"),
        *ratios("number_talk_mean_seconds", "number", at.N_TALK_S, at.N_ENDED, ["24h", "7d"], kinds=_ENDED, why="How long it keeps people on the line.", unit="s", aggregation="mean"),
        *_second("number", _CALL, ["24h", "7d"]),
    ]


def _account() -> list[Feature]:
    return [
        *_common("account", "transfers"),
        scalar("account_onward_minutes", "account", "onward_minutes", kinds=_TO + ", " + _FROM, why="From receipt to onward payment: mules are quick.", unit="min"),
        scalar("account_receipt_since_minutes", "account", "since_receipt_minutes", kinds=_TO, why="Time since it was last paid.", unit="min", aggregation="since latest"),
        *totals("account_attempts", "account", at.A_ATTEMPTS, ["1h", "24h", "7d"], kinds=_TO, why="Fan-in: payments towards it."),
        *totals("account_attempt_amount", "account", at.A_ATTEMPT_AMOUNT, ["24h", "7d"], kinds=_TO, why="Money on its way to it.", unit="minor units", aggregation="sum"),
        *totals("account_attempt_max", "account", at.A_MAX_ATTEMPT, ["30d"], kinds=_TO, why="The largest payment towards it.", unit="minor units", aggregation="maximum"),
        *totals("account_received", "account", at.A_RECEIVED, ["24h", "30d"], kinds=_TO, why="Payments that reached it."),
        *ratios("account_received_mean", "account", at.A_RECEIVED_AMOUNT, at.A_RECEIVED, ["30d"], kinds=_TO, why="What it usually gets.", unit="minor units", aggregation="mean"),
        *totals("account_paid", "account", at.A_PAID, ["24h"], kinds=_FROM, why="Payments that it makes."),
        *ratios("account_paid_to_received", "account", at.A_PAID_AMOUNT, at.A_RECEIVED_AMOUNT, ["24h"], kinds=_TO + ", " + _FROM, why="A mule keeps nothing."),
        *totals("account_refused", "account", at.A_REFUSED, ["7d"], kinds="transfers blocked or reversed", why="Payments to it were stopped or taken back."),
        *distincts("account_payers", "account", 0, ["1h", "24h", "7d", "30d"], kinds=_TO, why="Fan-in: how many people pay to it or try to; whether they know each other is not asked."),
        *_second("account", "transfers", ["24h", "7d"]),
    ]


def _device() -> list[Feature]:
    return [
        *_common("device", "calls, transfers"),
        *totals("device_transfers", "device", at.D_TRANSFERS, ["1h", "24h"], kinds="outgoing transfers", why="Payments made from it."),
        *totals("device_amount", "device", at.D_AMOUNT, ["24h"], kinds="outgoing transfers", why="Money leaving from it.", unit="minor units", aggregation="sum"),
        *distincts("device_subscribers", "device", 0, ["24h", "30d"], kinds="calls, transfers", why="One device, many people: a device farm."),
        *_second("device", "calls, transfers", ["7d"]),
    ]


def features() -> list[Feature]:
    """The features of this file, in the order of the vector."""
    return _number() + _account() + _device()
