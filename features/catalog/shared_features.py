"""Features of numbers, accounts and devices, over all subscribers that they touch."""

from features.catalog.channels import ACCOUNT_TILE, CONTACT_TILE, DEVICE_TILE, NUMBER_TILE
from features.catalog.declaration import (
    EntityName,
    Feature,
    distincts,
    larger,
    ratios,
    scalar,
    totals,
)

_CALL = "call started, call ended"
_ENDED = "call ended"
_TO = "outgoing transfers to the account"
_FROM = "incoming transfers from the account"

# A table of one feature a line reads better than what the formatter makes of it.
# fmt: off


def _common(entity: EntityName, kinds: str) -> list[Feature]:
    return [
        scalar(f"{entity}_age_days", entity, kinds=kinds, why="Fraudsters use fresh ones; missing means never seen.", unit="d", aggregation="since first"),
        scalar(f"{entity}_idle_hours", entity, kinds=kinds, why="Fraudsters use numbers and devices that were idle for long.", unit="h", aggregation="since latest"),
        scalar(f"{entity}_confirmed", entity, kinds="outcomes", why="Confirmed in closed cases, ever.", aggregation="count"),
        scalar(f"{entity}_cleared", entity, kinds="outcomes", why="Cleared in closed cases.", aggregation="count", monotone=-1),
        scalar(f"{entity}_confirmed_since_days", entity, kinds="outcomes", why="Time since it was last confirmed.", unit="d", aggregation="since latest"),
    ]


_RISK_DAYS = ["24h", "7d", "30d"]


def _risk(entity: EntityName, confirmed: int, contacts: int, contact_kinds: str) -> list[Feature]:
    """Confirmations as they became known, by window, and their number for each contact of the window.

    No sign is known: an account with many honest payers is confirmed often, and one that was misused for
    a month and is clean again has a long past.
    """
    return [
        *totals(f"{entity}_confirmations", entity, confirmed, _RISK_DAYS, kinds="outcomes", why="How often it was confirmed lately; a misuse that has ended is forgotten."),
        *ratios(f"{entity}_confirmation_share", entity, confirmed, contacts, _RISK_DAYS, kinds="outcomes, " + contact_kinds, why="Confirmations for each contact of the same time.", aggregation="share"),
        scalar(f"{entity}_confirmation_risk", entity, kinds="outcomes, " + contact_kinds, why="Confirmations for each contact, of which the latest count most; a single one says little.", aggregation="decaying share"),
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
        *totals(f"{entity}_new_contacts", entity, CONTACT_TILE.new, windows, kinds=kinds, why=why["new"], degree="second"),
        *totals(f"{entity}_tainted_contacts", entity, CONTACT_TILE.tainted, windows, kinds=kinds, why=why["tainted"], monotone=1, degree="second"),
        *totals(f"{entity}_pressed_contacts", entity, CONTACT_TILE.pressed, windows, kinds=kinds, why=why["pressed"], monotone=1, degree="second"),
    ]


def _number() -> list[Feature]:
    return [
        *_common("number", _CALL),
        *_risk("number", NUMBER_TILE.confirmed, NUMBER_TILE.ended, _ENDED),
        *larger("number_calls", "number", NUMBER_TILE.started, NUMBER_TILE.ended, ["15m", "1h", "24h", "7d", "30d"], kinds=_CALL, why="Activity of the number: calls started or calls ended, whichever are more."),
        *larger("number_called_back", "number", NUMBER_TILE.started_back, NUMBER_TILE.ended_back, ["24h", "7d"], kinds="outbound calls", why="People call honest numbers back; started or ended, whichever are more."),
        *distincts("number_callees", "number", 0, ["1h", "24h", "7d", "30d"], kinds="inbound calls", why="Fan-out: how many people it calls."),
        *ratios("number_short_share", "number", NUMBER_TILE.short, NUMBER_TILE.ended, ["24h", "7d"], kinds=_ENDED, why="Most people hang up on it within ten seconds.", aggregation="share"),
        *ratios("number_unanswered_share", "number", NUMBER_TILE.unanswered, NUMBER_TILE.ended, ["24h", "7d"], kinds=_ENDED, why="Most people do not pick up.", aggregation="share"),
        *ratios("number_talk_mean_seconds", "number", NUMBER_TILE.talk_seconds, NUMBER_TILE.ended, ["24h", "7d"], kinds=_ENDED, why="Mean length of its calls.", unit="s", aggregation="mean"),
        *_second("number", _CALL, ["24h", "7d"]),
    ]


def _account() -> list[Feature]:
    return [
        *_common("account", "transfers"),
        *_risk("account", ACCOUNT_TILE.confirmed, ACCOUNT_TILE.attempts, _TO),
        scalar("account_onward_minutes", "account", kinds=_TO + ", " + _FROM, why="Time from a receipt to the next payment; it is short for mules.", unit="min"),
        scalar("account_receipt_since_minutes", "account", kinds=_TO, why="Time since it was last paid.", unit="min", aggregation="since latest"),
        *totals("account_attempts", "account", ACCOUNT_TILE.attempts, ["1h", "24h", "7d"], kinds=_TO, why="Fan-in: payments towards it."),
        *totals("account_attempt_amount", "account", ACCOUNT_TILE.attempt_amount, ["24h", "7d"], kinds=_TO, why="Money on its way to it.", unit="minor units", aggregation="sum"),
        *totals("account_attempt_max", "account", ACCOUNT_TILE.max_attempt, ["30d"], kinds=_TO, why="The largest payment towards it.", unit="minor units", aggregation="maximum"),
        *totals("account_received", "account", ACCOUNT_TILE.received, ["24h", "30d"], kinds=_TO, why="Payments that reached it."),
        *ratios("account_received_mean", "account", ACCOUNT_TILE.received_amount, ACCOUNT_TILE.received, ["30d"], kinds=_TO, why="What it usually gets.", unit="minor units", aggregation="mean"),
        *totals("account_paid", "account", ACCOUNT_TILE.paid, ["24h"], kinds=_FROM, why="Payments that it makes."),
        *ratios("account_paid_to_received", "account", ACCOUNT_TILE.paid_amount, ACCOUNT_TILE.received_amount, ["24h"], kinds=_TO + ", " + _FROM, why="A mule account pays out all that it receives."),
        *totals("account_refused", "account", ACCOUNT_TILE.refused, ["7d"], kinds="transfers blocked or reversed", why="Payments to it were stopped or returned."),
        *distincts("account_payers", "account", 0, ["1h", "24h", "7d", "30d"], kinds=_TO, why="Fan-in: number of people who pay to it or try to."),
        *_second("account", "transfers", ["24h", "7d"]),
    ]


def _device() -> list[Feature]:
    return [
        *_common("device", "calls, transfers"),
        *_risk("device", DEVICE_TILE.confirmed, DEVICE_TILE.transfers, "outgoing transfers"),
        *totals("device_transfers", "device", DEVICE_TILE.transfers, ["1h", "24h"], kinds="outgoing transfers", why="Payments made from it."),
        *totals("device_amount", "device", DEVICE_TILE.amount, ["24h"], kinds="outgoing transfers", why="Money leaving from it.", unit="minor units", aggregation="sum"),
        *distincts("device_subscribers", "device", 0, ["24h", "30d"], kinds="calls, transfers", why="One device, many people: a device farm."),
        *_second("device", "calls, transfers", ["7d"]),
    ]


def features() -> list[Feature]:
    """The features of this file, in the order of the vector."""
    return _number() + _account() + _device()
