"""Calls, suspicion, pairs, the stage."""

from tests.oracle.oracle_scenario import NONE, Scenario, call, get, hang, line, outcome, pay

CALLS = [
    Scenario(
        "A call is counted at its start, its talk when it ends.",
        [
            call("10:00", id="c"),
            line("10:20", sees={"calls_in_1h": 1, "talk_1h": 0, "on_call_minutes": 20}),
            hang("11:00", id="c", talk=3600),
            line("11:01", sees={"calls_in_1h": 0, "calls_in_24h": 1, "talk_1h": 3600}),
        ],
    ),
    Scenario(
        "An end that comes before its start settles the call; the start is then ignored.",
        [
            hang("10:10", id="c", talk=600),
            call("10:00", id="c"),
            line("10:11", sees={"calls_in_1h": 1, "on_call_now": 0, "hangup_since_minutes": 1}),
        ],
    ),
    Scenario(
        "An open call whose end never comes counts as going on for 4 hours.",
        [
            call("10:00"),
            line("14:00", sees={"on_call_now": 1, "on_call_minutes": 240}),
            line("14:00:00.001", sees={"on_call_now": 0, "on_call_minutes": NONE}),
        ],
    ),
    Scenario(
        "Two calls can be open; a third takes the place of the older.",
        [
            call("10:00", 101, id="a"),
            call("10:01", 102, id="b"),
            call("10:02", 103, id="c"),
            hang("10:03", 103, id="c"),
            line("10:04", sees={"on_call_now": 1, "on_call_minutes": 3, "calls_in_1h": 3}),
            hang("10:05", 101, id="a"),
            line("10:06", sees={"calls_in_1h": 4}),
        ],
    ),
    Scenario(
        "An end after 4 hours is still recognised if the place was not needed.",
        [
            call("10:00", id="c"),
            hang("15:00", id="c", talk=18_000),
            line("15:01", sees={"calls_in_24h": 1, "talk_24h": 18_000}),
        ],
    ),
    Scenario(
        "A CDR with a higher revision corrects talk, being unanswered and the latest hang-up.",
        [
            hang("10:00", id="c", talk=None),
            hang("11:30", id="c", talk=90, revision=1),
            hang("11:31", id="c", talk=5, revision=1),
            line("11:32", sees={"talk_1h": 0, "talk_24h": 90, "hangup_talk_seconds": 90}),
            line("11:33", sees={"calls_unanswered_24h": 0, "calls_in_24h": 1}),
        ],
    ),
]

SUSPICION = [
    Scenario(
        "One each for a new pair, a number first seen less than two days ago, foreign, attestation C.",
        [
            call("10:00", 101, who=9),
            call("2 10:00", 101, sees={"caller_suspicion": 1}),
            call("2 10:01", 102, sees={"caller_suspicion": 2}),
            call("2 10:02", 103, foreign=True, sees={"caller_suspicion": 3}),
            call("2 10:03", 104, foreign=True, bad=True, sees={"caller_suspicion": 4}),
            call("2 10:04", 105, foreign=True, bad=True, out=True, sees={"caller_suspicion": 0}),
        ],
    ),
    Scenario(
        "One for 20 callees in 24 hours.",
        [
            *(call("10:00", 101, who=10 + i, id=f"c{i}") for i in range(19)),
            call("10:01", 101, who=50, sees={"caller_suspicion": 2}),
            call("10:02", 101, sees={"caller_suspicion": 3}),
        ],
    ),
    Scenario(
        "One for half of its calls being over within ten seconds.",
        [
            hang("10:00", 101, who=10, talk=9.999),
            hang("10:01", 101, who=11, talk=10),
            call("10:02", 101, sees={"caller_suspicion": 3, "number_short_share_24h": 0.5}),
        ],
    ),
    Scenario(
        "A confirmed number gives 3, in either direction.",
        [
            outcome("10:00", "confirmed", number=101, who=9),
            call("10:01", 101, out=True, sees={"caller_suspicion": 3, "number_confirmed": 1}),
            call("10:02", 101, who=8, sees={"caller_suspicion": 5}),
        ],
    ),
    Scenario(
        "The level of a suspicious call stays with the pair for 30 days, in either direction.",
        [
            call("10:00", foreign=True, bad=True, sees={"caller_suspicion": 4}),
            call("10:01", out=True, sees={"caller_suspicion": 4}),
            call("1 10:01", sees={"caller_suspicion": 4}),
            call("2 10:00", out=True, id="c", sees={"caller_suspicion": 4}),
            line("2 10:01", sees={"on_call_suspicion": 4}),
            hang("2 10:02", out=True, id="c"),
            line("2 10:03", sees={"hangup_suspicion": 4, "suspect_hangup_since_minutes": 1}),
            call("30 10:00", sees={"caller_suspicion": 4}),
            call("30 10:01", sees={"caller_suspicion": 0}),
        ],
    ),
    Scenario(
        "A level of 1 is no suspicion, and nothing stays of it.",
        [
            call("10:00", 101, who=9),
            call("2 10:00", 101, sees={"caller_suspicion": 1}),
            call("3 10:01", 101, sees={"caller_suspicion": 0}),
        ],
    ),
    Scenario(
        "A cleared number is not judged by its newness again, and its level is gone.",
        [
            call("10:00", foreign=True, sees={"caller_suspicion": 3}),
            outcome("10:30", "cleared", number=101),
            call("10:31", foreign=True, sees={"caller_suspicion": 0}),
            call(
                "10:32", 101, foreign=True, who=2, sees={"caller_suspicion": 3, "number_cleared": 1}
            ),
        ],
    ),
    Scenario(
        "A confirmation ends the clearance.",
        [
            call("10:00", foreign=True),
            outcome("10:30", "cleared", number=101),
            outcome("10:40", "confirmed", number=101, revision=1),
            call("10:41", foreign=True, sees={"caller_suspicion": 6, "number_cleared": 0}),
        ],
    ),
    Scenario(
        "A clearance that is taken back ends, too.",
        [
            call("10:00", foreign=True),
            outcome("10:30", "cleared", number=101),
            outcome("10:40", number=101, revision=1),
            call("10:41", foreign=True, sees={"caller_suspicion": 3}),
        ],
    ),
    Scenario(
        "Each warning of a case clears the number that it names.",
        [
            call("10:00", 101, foreign=True),
            call("10:01", 102, foreign=True),
            outcome("10:30", "cleared", number=101),
            outcome("10:30", "cleared", number=102),
            call("10:31", 102, foreign=True, sees={"caller_suspicion": 0, "victim_cleared": 1}),
        ],
    ),
]


def _strangers(n: int, first: int = 300) -> list:
    return [pay(f"1 10:{i:02}", first + i, id=f"s{i}") for i in range(n)]


DISTINCT = [
    Scenario(
        "Twelve callees of a day are counted exactly, though another was called ten days before.",
        [
            call("10:00", 101, who=50),
            *(call(f"10 09:{i:02}", 101, who=10 + i, id=f"c{i}") for i in range(12)),
            call(
                "10 10:00",
                101,
                who=10,
                sees={"number_callees_24h": 12, "number_callees_7d": 12},
            ),
        ],
    ),
    Scenario(
        "From the thirteenth on, a sketch estimates: 512 ln(512 / 499).",
        [
            *(call(f"09:{i:02}", 101, who=10 + i, id=f"c{i}") for i in range(13)),
            call("10:00", 101, who=10, sees={"number_callees_24h": 13.167887}),
        ],
    ),
]

PAIRS = [
    Scenario(
        "A record knows 24 accounts.",
        [pay("10:00", 201), *_strangers(23), pay("1 11:00", 201, sees={"pair_is_new": 0})],
    ),
    Scenario(
        "A contact met once is forgotten after 24 others.",
        [pay("10:00", 201), *_strangers(24), pay("1 11:00", 201, sees={"pair_is_new": 1})],
    ),
    Scenario(
        "A payee paid twice outlasts any number of strangers.",
        [
            pay("10:00", 201),
            pay("10:01", 201),
            *_strangers(50),
            pay(
                "1 11:00", 201, sees={"pair_is_new": 0, "pair_earlier_count": 2, "accounts_24h": 23}
            ),
        ],
    ),
    Scenario(
        "A contact met over a span of a day outlasts them, too.",
        [
            get("-1 10:00", 201),
            get("10:00", 201),
            *_strangers(50),
            get("1 11:00", 201, sees={"pair_is_new": 0, "pair_earlier_count": 0}),
        ],
    ),
    Scenario(
        "A number under suspicion outlasts them, too.",
        [
            call("10:00", 101, foreign=True, sees={"caller_suspicion": 3}),
            *(call(f"10:{i:02}", 300 + i, out=True) for i in range(1, 50)),
            call("11:00", 101, sees={"pair_is_new": 0, "caller_suspicion": 3}),
        ],
    ),
    Scenario(
        "Regulars leave 12 places to people met once: the twelfth newcomer drives one of these out.",
        [
            *(pay(f"10:{i:02}", 400 + i // 2, id=f"r{i}") for i in range(46)),
            pay("11:00", 201),
            *_strangers(11),
            pay("1 11:00", 201, id="a", sees={"pair_is_new": 0}),
        ],
    ),
    Scenario(
        "With 12 met once, the one met longest ago goes.",
        [
            *(pay(f"10:{i:02}", 400 + i // 2, id=f"r{i}") for i in range(46)),
            pay("11:00", 201),
            *_strangers(12),
            pay("1 11:00", 201, sees={"pair_is_new": 1}),
            pay("1 11:01", 400, sees={"pair_is_new": 1}),
            pay("1 11:02", 422, sees={"pair_is_new": 0}),
        ],
    ),
    Scenario(
        "A late newcomer, met longer ago than the one that would make way, finds no place.",
        [*_strangers(24), pay("1 09:00", 201), pay("1 11:00", 201, sees={"pair_is_new": 1})],
    ),
    Scenario(
        "Relay counts numbers known for less than a day that called, by their latest contact.",
        [
            call("10:00", 101),
            call("10:01", 102, out=True),
            line("10:02", sees={"relay_callers_1h": 1, "relay_callers_24h": 1, "numbers_1h": 2}),
            call("12:00", 102),
            line("12:01", sees={"relay_callers_1h": 1, "relay_callers_24h": 2}),
            call("12:30", 101, out=True),
            line("12:31", sees={"relay_callers_1h": 2}),
            line("1 10:01", sees={"relay_callers_24h": 1}),
        ],
    ),
]

STAGE = [
    Scenario(
        "Contact, long call, isolation, funding, new payee, escalating: it only rises.",
        [
            call("10:00", foreign=True, id="c", sees={"stage": 0}),
            line("10:09:59", sees={"stage": 1}),
            line("10:10", sees={"stage": 1}),
            line("10:11", "forwarding", on=True, sees={"stage": 2}),
            get("10:12", 202, 900, purpose="loan", sees={"stage": 3, "forwarding_on": 1}),
            pay("10:13", 203, 100, sees={"stage": 4}),
            pay("10:14", 203, 100, sees={"stage": 5}),
            pay("10:15", 203, 101, sees={"stage": 5}),
            line(
                "10:16", on=True, sees={"stage": 6, "stage_since_minutes": 1, "episode_minutes": 16}
            ),
            line("10:17", sees={"stage": 6}),
        ],
    ),
    Scenario(
        "All but the first need a contact before.",
        [
            line("10:00", "forwarding", on=True),
            get("10:01", 202, purpose="savings_break"),
            pay("10:02", 203),
            line("10:03", sees={"stage": 0, "stage_since_minutes": NONE, "episode_minutes": NONE}),
        ],
    ),
    Scenario(
        "Three days without a rise end the episode.",
        [
            call("10:00", foreign=True, id="c"),
            hang("10:01", id="c"),
            line("3 10:00", sees={"stage": 1}),
            line("3 10:00:00.001", sees={"stage": 0}),
        ],
    ),
    Scenario(
        "An outcome that clears ends it, even on the line.",
        [
            call("10:00", foreign=True),
            outcome("10:05", "cleared", number=101),
            line("10:06", sees={"stage": 0, "on_call_now": 1}),
        ],
    ),
    Scenario(
        "One that confirms ends it if no suspicious call is going on.",
        [
            call("10:00", foreign=True, id="c"),
            hang("10:04", id="c"),
            outcome("10:05", "confirmed", number=101),
            line("10:06", sees={"stage": 0}),
        ],
    ),
    Scenario(
        "A swindler still on the line has not been dismissed.",
        [
            call("10:00", foreign=True),
            outcome("10:05", "confirmed", number=101),
            line("10:06", sees={"stage": 1, "victim_confirmed": 1}),
        ],
    ),
    Scenario(
        "An unreachable person, or a duplicate, ends nothing.",
        [
            call("10:00", foreign=True, id="c"),
            hang("10:04", id="c"),
            outcome("10:05"),
            line("10:06", sees={"stage": 1}),
        ],
    ),
    Scenario(
        "Nor does an outcome that the stage has risen after.",
        [
            call("10:00", foreign=True, id="c"),
            hang("10:04", id="c"),
            pay("10:06", 203),
            outcome("10:05", "cleared", number=101),
            line("10:07", sees={"stage": 5, "victim_cleared": 1}),
        ],
    ),
    Scenario(
        "Nor does one that brings no new verdict.",
        [
            outcome("09:00", "confirmed", number=101),
            call("10:00", foreign=True, id="c"),
            hang("10:04", id="c"),
            outcome("10:05", "confirmed", number=101, revision=1),
            line("10:06", sees={"stage": 1, "victim_confirmed": 1}),
        ],
    ),
]

SCENARIOS = [*CALLS, *SUSPICION, *DISTINCT, *PAIRS, *STAGE]
