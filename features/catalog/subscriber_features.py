"""Features of the subscriber's own history: calls, money, the join of both, the stage."""

from features.catalog.channels import ACCOUNTS, NUMBERS
from features.catalog.channels import SUBSCRIBER_TILE as TILE
from features.catalog.declaration import Feature, distincts, ratios, scalar, totals

_CALL = "call started, call ended"
_ENDED = "call ended"
_OUT = "outgoing transfers"
_IN = "incoming transfers"
_LINE = "line changed"

# A table of one feature a line reads better than what the formatter makes of it.
# fmt: off


def _calls() -> list[Feature]:
    return [
        *totals("calls_in", "subscriber", TILE.calls_in, ["15m", "1h", "24h", "7d", "30d"], kinds=_CALL, why="Swindlers call their victim many times in a short period."),
        *totals("calls_out", "subscriber", TILE.calls_out, ["1h", "24h", "7d"], kinds=_CALL, why="The subscriber calls back, or calls many numbers."),
        *totals("calls_new_number", "subscriber", TILE.calls_new_number, ["1h", "24h", "7d"], kinds=_CALL, why="Contacts with numbers that are new to the subscriber."),
        *totals("calls_unanswered", "subscriber", TILE.calls_unanswered, ["1h", "24h"], kinds=_ENDED, why="Many unanswered calls: a caller who persists, or a subscriber who no longer answers."),
        *totals("talk", "subscriber", TILE.talk_seconds, ["1h", "24h", "7d"], kinds=_ENDED, why="Time on the phone.", unit="s", aggregation="sum"),
        *totals("suspect_talk", "subscriber", TILE.suspect_talk_seconds, ["1h", "6h", "24h", "7d"], kinds=_ENDED, why="Time spent with suspicious callers.", unit="s", aggregation="sum"),
        *ratios("suspect_talk_share", "subscriber", TILE.suspect_talk_seconds, TILE.talk_seconds, ["24h"], kinds=_ENDED, why="Share of the day's talk with suspicious callers.", aggregation="share"),
        *distincts("numbers", "subscriber", NUMBERS, ["1h", "24h", "7d"], kinds=_CALL, why="How many people are on this line; exact up to 12, at most 24."),
    ]


def _money() -> list[Feature]:
    return [
        *totals("out_count", "subscriber", TILE.transfers_out, ["1m", "5m", "15m", "1h", "6h", "24h", "7d", "30d"], kinds=_OUT, why="Payments in quick succession."),
        *totals("out_amount", "subscriber", TILE.out_amount, ["5m", "1h", "6h", "24h", "7d", "30d"], kinds=_OUT, why="Money leaving.", unit="minor units", aggregation="sum"),
        *totals("out_young_payee_amount", "subscriber", TILE.out_young_payee_amount, ["1h", "24h", "7d"], kinds=_OUT, why="Money leaving to payees known for less than a day.", unit="minor units", aggregation="sum"),
        *totals("out_max", "subscriber", TILE.max_out, ["24h", "30d"], kinds=_OUT, why="The largest payment.", unit="minor units", aggregation="maximum"),
        *ratios("out_mean", "subscriber", TILE.out_amount, TILE.transfers_out, ["30d"], kinds=_OUT, why="The usual payment.", unit="minor units", aggregation="mean"),
        *totals("refused", "subscriber", TILE.refused, ["24h", "7d"], kinds="transfers blocked or reversed", why="A responder or a bank has already intervened."),
        *totals("in_count", "subscriber", TILE.transfers_in, ["24h", "30d"], kinds=_IN, why="Money arriving."),
        *totals("in_amount", "subscriber", TILE.in_amount, ["1h", "24h", "7d", "30d"], kinds=_IN, why="Money arriving before it leaves.", unit="minor units", aggregation="sum"),
        *totals("funding_amount", "subscriber", TILE.funding_amount, ["6h", "24h", "7d"], kinds="loans, savings broken", why="Victims borrow and break savings.", unit="minor units", aggregation="sum"),
        *ratios("out_to_in", "subscriber", TILE.out_amount, TILE.in_amount, ["24h", "7d"], kinds=_OUT + ", " + _IN, why="A mule account passes on what it receives."),
        *distincts("accounts", "subscriber", ACCOUNTS, ["24h", "7d", "30d"], kinds="transfers", why="With how many accounts; exact up to 12, at most 24."),
        *totals("night_events", "subscriber", TILE.night_events, ["24h", "30d"], kinds="calls, transfers", why="Activity from 23:00 to 6:00."),
    ]


def _join() -> list[Feature]:
    return [
        scalar("on_call_now", "subscriber", kinds=_CALL, why="The victim is on the phone with the swindler while paying.", aggregation="indicator"),
        scalar("on_call_minutes", "subscriber", kinds=_CALL, why="How long the call has been going on.", unit="min", aggregation="since start"),
        scalar("on_call_suspicion", "subscriber", kinds=_CALL, why="How suspicious the caller on the line was when the call began.", unit="level", monotone=1),
        scalar("hangup_since_minutes", "subscriber", kinds=_ENDED, why="Payments follow soon after a suspicious call.", unit="min", aggregation="since latest"),
        scalar("hangup_talk_seconds", "subscriber", kinds=_ENDED, why="How long the last talk was.", unit="s"),
        scalar("hangup_suspicion", "subscriber", kinds=_ENDED, why="How suspicious the last caller was.", unit="level"),
        scalar("suspect_hangup_since_minutes", "subscriber", kinds=_ENDED, why="Time since the last talk with a suspicious caller.", unit="min", aggregation="since latest"),
        scalar("suspect_talk_with_current_24h_minutes", "subscriber", kinds=_CALL, why="Suspicious talk of the day, the call going on included.", unit="min", aggregation="sum"),
        scalar("relay_callers_1h", "subscriber", kinds=_CALL, why="Victims are passed from caller to caller: numbers known for less than a day that called, first met within the hour.", aggregation="distinct count"),
        scalar("relay_callers_24h", "subscriber", kinds=_CALL, why="Numbers known for less than a day that called.", aggregation="distinct count"),
        scalar("forwarding_on", "subscriber", kinds=_LINE, why="Fraudsters make victims forward calls, so that no warning reaches them.", aggregation="indicator"),
        scalar("do_not_disturb_on", "subscriber", kinds=_LINE, why="Victims in isolation no longer speak with the people they know.", aggregation="indicator"),
        scalar("line_changed_since_minutes", "subscriber", kinds=_LINE, why="The line was changed recently.", unit="min", aggregation="since latest"),
    ]


def _stage() -> list[Feature]:
    everything = "calls, line changes, transfers"
    return [
        scalar("stage", "subscriber", kinds=everything, why="How far the fraud has progressed: 0 none, 1 contact, 2 long call, 3 isolation, 4 funding, 5 new payee, 6 escalating.", unit="stage", monotone=1),
        scalar("stage_since_minutes", "subscriber", kinds=everything, why="Time since the stage last rose.", unit="min", aggregation="since latest"),
        scalar("episode_minutes", "subscriber", kinds=everything, why="Time since the first suspicious contact of the episode.", unit="min", aggregation="since first"),
        scalar("subscriber_age_days", "subscriber", kinds="all", why="How long the person has been known.", unit="d", aggregation="since first"),
        scalar("subscriber_idle_minutes", "subscriber", kinds="all", why="Time since anything happened.", unit="min", aggregation="since latest"),
        scalar("out_idle_days", "subscriber", kinds=_OUT, why="Mules use accounts that were idle for long.", unit="d", aggregation="since latest"),
        scalar("victim_confirmed", "subscriber", kinds="outcomes", why="Victims are approached again; counted by case.", aggregation="count"),
        scalar("victim_cleared", "subscriber", kinds="outcomes", why="Earlier alarms were false; counted by case.", aggregation="count"),
        scalar("victim_since_days", "subscriber", kinds="outcomes", why="Time since the last confirmed fraud.", unit="d", aggregation="since latest"),
        scalar("taint_since_hours", "subscriber", kinds="calls, transfers", why="Time since dealing with a confirmed number or account.", unit="h", aggregation="since latest"),
    ]


def features() -> list[Feature]:
    """The features of this file, in the order of the vector."""
    return _calls() + _money() + _join() + _stage()
