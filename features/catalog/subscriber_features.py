"""Features of the subscriber's own history: calls, money, the join of both, the stage."""

from features.catalog.declaration import Feature, distincts, ratios, scalar, totals
from features.kernel import record_layout as at

_CALL = "call started, call ended"
_ENDED = "call ended"
_OUT = "outgoing transfers"
_IN = "incoming transfers"
_LINE = "line changed"

# A table of one feature a line reads better than what the formatter makes of it.
# fmt: off


def _calls() -> list[Feature]:
    return [
        *totals("calls_in", "subscriber", at.S_IN_CALLS, ["15m", "1h", "24h", "7d", "30d"], kinds=_CALL, why="A line under siege."),
        *totals("calls_out", "subscriber", at.S_OUT_CALLS, ["1h", "24h", "7d"], kinds=_CALL, why="Calling back, or calling around."),
        *totals("calls_new_number", "subscriber", at.S_NEW_CALLS, ["1h", "24h", "7d"], kinds=_CALL, why="Strangers calling."),
        *totals("calls_unanswered", "subscriber", at.S_UNANSWERED, ["1h", "24h"], kinds=_ENDED, why="Attempts to get through, or not picking up any more."),
        *totals("talk", "subscriber", at.S_TALK_S, ["1h", "24h", "7d"], kinds=_ENDED, why="Time on the phone.", unit="s", aggregation="sum"),
        *totals("suspect_talk", "subscriber", at.S_SUSPECT_TALK_S, ["1h", "6h", "24h", "7d"], kinds=_ENDED, why="Time spent with suspicious callers.", unit="s", aggregation="sum"),
        *ratios("suspect_talk_share", "subscriber", at.S_SUSPECT_TALK_S, at.S_TALK_S, ["24h"], kinds=_ENDED, why="The day was given to suspicious callers.", aggregation="share"),
        *distincts("numbers", "subscriber", at.NUMBERS, ["1h", "24h", "7d"], kinds=_CALL, why="How many people are on this line; exact up to 12, at most 24."),
    ]


def _money() -> list[Feature]:
    return [
        *totals("out_count", "subscriber", at.S_OUT, ["1m", "5m", "15m", "1h", "6h", "24h", "7d", "30d"], kinds=_OUT, why="Payments in quick succession."),
        *totals("out_amount", "subscriber", at.S_OUT_AMOUNT, ["5m", "1h", "6h", "24h", "7d", "30d"], kinds=_OUT, why="Money leaving.", unit="minor units", aggregation="sum"),
        *totals("out_young_payee_amount", "subscriber", at.S_YOUNG_AMOUNT, ["1h", "24h", "7d"], kinds=_OUT, why="Money leaving to payees known for less than a day.", unit="minor units", aggregation="sum"),
        *totals("out_max", "subscriber", at.S_MAX_OUT, ["24h", "30d"], kinds=_OUT, why="The largest payment.", unit="minor units", aggregation="maximum"),
        *ratios("out_mean", "subscriber", at.S_OUT_AMOUNT, at.S_OUT, ["30d"], kinds=_OUT, why="The usual payment.", unit="minor units", aggregation="mean"),
        *totals("refused", "subscriber", at.S_REFUSED, ["24h", "7d"], kinds="transfers blocked or reversed", why="Someone has already stepped in."),
        *totals("in_count", "subscriber", at.S_IN, ["24h", "30d"], kinds=_IN, why="Money arriving."),
        *totals("in_amount", "subscriber", at.S_IN_AMOUNT, ["1h", "24h", "7d", "30d"], kinds=_IN, why="Money arriving before it leaves.", unit="minor units", aggregation="sum"),
        *totals("funding_amount", "subscriber", at.S_FUND_AMOUNT, ["6h", "24h", "7d"], kinds="loans, savings broken", why="Victims borrow and break savings.", unit="minor units", aggregation="sum"),
        *ratios("out_to_in", "subscriber", at.S_OUT_AMOUNT, at.S_IN_AMOUNT, ["24h", "7d"], kinds=_OUT + ", " + _IN, why="A mule passes on what it gets."),
        *distincts("accounts", "subscriber", at.ACCOUNTS, ["24h", "7d", "30d"], kinds="transfers", why="With how many accounts; exact up to 12, at most 24."),
        *totals("night_events", "subscriber", at.S_NIGHT, ["24h", "30d"], kinds="calls, transfers", why="Activity from 23:00 to 6:00."),
    ]


def _join() -> list[Feature]:
    return [
        scalar("on_call_now", "subscriber", "on_call", kinds=_CALL, why="Coached while paying.", aggregation="indicator"),
        scalar("on_call_minutes", "subscriber", "on_call_minutes", kinds=_CALL, why="How long the call has been going on.", unit="min", aggregation="since start"),
        scalar("on_call_suspicion", "subscriber", "on_call_level", kinds=_CALL, why="How suspicious the caller on the line was when the call began.", unit="level", monotone=1),
        scalar("hangup_since_minutes", "subscriber", "hangup_minutes", kinds=_ENDED, why="Paying right after hanging up.", unit="min", aggregation="since latest"),
        scalar("hangup_talk_seconds", "subscriber", "hangup_talk_seconds", kinds=_ENDED, why="How long the last talk was.", unit="s"),
        scalar("hangup_suspicion", "subscriber", "hangup_level", kinds=_ENDED, why="How suspicious the last caller was.", unit="level"),
        scalar("suspect_hangup_since_minutes", "subscriber", "suspect_hangup_minutes", kinds=_ENDED, why="Time since the last talk with a suspicious caller.", unit="min", aggregation="since latest"),
        scalar("suspect_talk_with_current_24h_minutes", "subscriber", "suspect_talk_minutes", kinds=_CALL, why="Suspicious talk of the day, the call going on included.", unit="min", aggregation="sum"),
        scalar("relay_callers_1h", "subscriber", "relay_1h", kinds=_CALL, why="Handed from caller to caller: numbers known for less than a day that called, met within the hour.", aggregation="distinct count"),
        scalar("relay_callers_24h", "subscriber", "relay_24h", kinds=_CALL, why="Numbers known for less than a day that called.", aggregation="distinct count"),
        scalar("forwarding_on", "subscriber", "forwarding_on", kinds=_LINE, why="Victims are told to forward calls, so that nobody reaches them.", aggregation="indicator"),
        scalar("do_not_disturb_on", "subscriber", "do_not_disturb_on", kinds=_LINE, why="Cut off from advice.", aggregation="indicator"),
        scalar("line_changed_since_minutes", "subscriber", "line_minutes", kinds=_LINE, why="The line was changed just now.", unit="min", aggregation="since latest"),
    ]


def _stage() -> list[Feature]:
    everything = "calls, line changes, transfers"
    return [
        scalar("stage", "subscriber", "stage", kinds=everything, why="How far a scam has come: 0 none, 1 contact, 2 long call, 3 isolation, 4 funding, 5 new payee, 6 escalating.", unit="stage", monotone=1),
        scalar("stage_since_minutes", "subscriber", "stage_minutes", kinds=everything, why="Time since the stage last rose.", unit="min", aggregation="since latest"),
        scalar("episode_minutes", "subscriber", "episode_minutes", kinds=everything, why="Time since the first suspicious contact of the episode.", unit="min", aggregation="since first"),
        scalar("subscriber_age_days", "subscriber", "age_days", kinds="all", why="How long the person has been known.", unit="d", aggregation="since first"),
        scalar("subscriber_idle_minutes", "subscriber", "idle_minutes", kinds="all", why="Time since anything happened.", unit="min", aggregation="since latest"),
        scalar("out_idle_days", "subscriber", "out_idle_days", kinds=_OUT, why="A dormant account wakes.", unit="d", aggregation="since latest"),
        scalar("victim_confirmed", "subscriber", "victim_confirmed", kinds="outcomes", why="Victims are tried again; counted by case.", aggregation="count"),
        scalar("victim_cleared", "subscriber", "victim_cleared", kinds="outcomes", why="Earlier alarms were false; counted by case.", aggregation="count"),
        scalar("victim_since_days", "subscriber", "victim_days", kinds="outcomes", why="Time since the last confirmed fraud.", unit="d", aggregation="since latest"),
        scalar("taint_since_hours", "subscriber", "taint_hours", kinds="calls, transfers", why="Time since dealing with a confirmed number or account.", unit="h", aggregation="since latest"),
    ]


def features() -> list[Feature]:
    """The features of this file, in the order of the vector."""
    return _calls() + _money() + _join() + _stage()
