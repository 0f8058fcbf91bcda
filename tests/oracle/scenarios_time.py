"""What an event sees, windows, lateness, duplicates."""

from tests.oracle.oracle_scenario import NONE, Scenario, call, get, hang, line, pay

SEES = [
    Scenario(
        "A vector is read from the state before the event, never from its own effect.",
        [
            pay("10:00", amount=70, sees={"out_count_1h": 0, "amount": 70, "local_hour": 10}),
            pay("10:01", sees={"out_count_1h": 1, "out_amount_1h": 70, "local_weekday": 0}),
        ],
    ),
    Scenario(
        "A vector is read at the record's clock: a late event sees what is known when it arrives.",
        [
            pay("10:30"),
            pay("12:00"),
            pay("10:31", sees={"out_count_1h": 1, "out_count_6h": 2, "subscriber_idle_minutes": 0}),
        ],
    ),
    Scenario(
        "Each record has its own clock.",
        [
            pay("10:00", 201),
            pay("13:00", 202),
            pay("10:30", 201, sees={"account_idle_hours": 0.5, "subscriber_idle_minutes": 0}),
        ],
    ),
]

WINDOWS = [
    Scenario(
        "1m: 6 tiles of 10 s.",
        [
            pay("09:59:59.999"),
            pay("10:00:00"),
            pay("10:00:59.999", sees={"out_count_1m": 1}),
            pay("10:01:00", sees={"out_count_1m": 1}),
        ],
    ),
    Scenario(
        "5m: 5 tiles of a minute.",
        [
            pay("10:00:59.999"),
            pay("10:01:00"),
            pay("10:05:59.999", sees={"out_count_5m": 1}),
            pay("10:06:00", sees={"out_count_5m": 1}),
        ],
    ),
    Scenario(
        "15m: 15 tiles of a minute.",
        [pay("09:59:59.999"), pay("10:00"), pay("10:14:59.999", sees={"out_count_15m": 1})],
    ),
    Scenario(
        "1h: 6 tiles of 10 minutes.",
        [
            pay("09:59:59.999"),
            pay("10:00"),
            pay("10:59:59.999", sees={"out_count_1h": 1}),
            pay("11:00", sees={"out_count_1h": 1}),
        ],
    ),
    Scenario(
        "6h: 36 tiles of 10 minutes.",
        [pay("09:59:59.999"), pay("10:00"), pay("15:59:59.999", sees={"out_count_6h": 1})],
    ),
    Scenario(
        "24h: 24 tiles of an hour.",
        [
            pay("09:59:59.999"),
            pay("10:00"),
            pay("1 09:59:59.999", sees={"out_count_24h": 1}),
            pay("1 10:00", sees={"out_count_24h": 1}),
        ],
    ),
    Scenario(
        "7d: 7 days from local midnight.",
        [
            pay("-1 23:59:59.999"),
            pay("00:00"),
            pay("6 23:59:59.999", sees={"out_count_7d": 1}),
            pay("7 00:00", sees={"out_count_7d": 1}),
        ],
    ),
    Scenario(
        "30d: 10 tiles of 3 days.",
        [
            pay("-2 23:59:59.999"),
            pay("-1 00:00"),
            pay("28 23:59:59.999", sees={"out_count_30d": 1}),
            pay("29 00:00", sees={"out_count_30d": 1}),
        ],
    ),
    Scenario(
        "Distinct counts count counterparties whose latest contact lies in the window.",
        [
            pay("10:00", 201),
            pay("10:01", 202),
            pay("12:00", 201),
            pay("1 10:30", 203, sees={"accounts_24h": 1, "accounts_7d": 2}),
        ],
    ),
    Scenario(
        "Ages of pairs are to the minute.",
        [
            pay("10:00:59", sees={"pair_is_new": 1, "pair_age_days": NONE}),
            pay("10:01:01", sees={"pair_is_new": 0, "pair_age_days": 1 / 1440}),
        ],
    ),
    Scenario(
        "Talk is in whole seconds, rounded down for each call.",
        [hang("10:00", talk=1.9), hang("10:01", talk=1.9), line("10:02", sees={"talk_1h": 2})],
    ),
    Scenario(
        "A quotient is one division; nothing below the line is no value.",
        [
            pay("10:00", amount=100, sees={"out_mean_30d": NONE, "amount_to_mean_30d": NONE}),
            pay("10:01", amount=200),
            pay("10:02", amount=50, sees={"out_mean_30d": 150, "amount_to_mean_30d": 100 / 300}),
        ],
    ),
    Scenario(
        "Nights are from 23:00 to 6:00 of local time.",
        [
            pay("22:59:59.999"),
            pay("23:00"),
            pay("1 05:59:59.999"),
            pay("1 06:00"),
            line("1 06:01", sees={"night_events_24h": 2}),
        ],
    ),
]

LATENESS = [
    Scenario(
        "A late event is counted in the tile of its own time; the latest is replaced by nothing older.",
        [
            pay("12:00", amount=40),
            pay("10:30", amount=90),
            pay(
                "12:01",
                amount=80,
                sees={"out_count_1h": 1, "out_count_6h": 2, "amount_to_previous": 2},
            ),
        ],
    ),
    Scenario(
        "First and last contact of a pair move outwards only.",
        [
            pay("12:00"),
            pay("10:00"),
            pay("13:00", sees={"pair_age_days": 180 / 1440, "pair_idle_hours": 1}),
        ],
    ),
    Scenario(
        "An event older than every tile changes no window, but counts as having happened.",
        [
            pay("40 10:00", 201),
            pay("0 10:00", 202),
            pay(
                "40 10:00",
                202,
                sees={"pair_is_new": 0, "subscriber_age_days": 40, "out_count_30d": 1},
            ),
        ],
    ),
    Scenario(
        "The line setting changes by the newest event, not by the latest to arrive.",
        [
            line("10:00", "forwarding", on=True),
            line("09:00", "forwarding", on=False),
            line("10:30", sees={"forwarding_on": 1, "do_not_disturb_on": 0}),
        ],
    ),
    Scenario(
        "The stage advances at the record's clock, not at the event's time.",
        [
            pay("12:00"),
            call("11:00", foreign=True),
            line("12:10", sees={"stage": 1, "stage_since_minutes": 10, "episode_minutes": 10}),
        ],
    ),
]

DUPLICATES = [
    Scenario(
        "A redelivered event changes nothing.",
        [
            pay("10:00", offset=7),
            pay("10:00", offset=7),
            pay("10:01", offset=8, sees={"out_count_1h": 1, "account_attempts_1h": 1}),
        ],
    ),
    Scenario(
        "A start, an end or a status that the record knows counts nothing.",
        [
            call("10:00", id="c"),
            call("10:00", id="c"),
            hang("10:02", id="c", talk=100),
            hang("10:02", id="c", talk=100),
            call("10:00", id="c"),
            pay("10:03", id="t"),
            pay("10:03", id="t"),
            line("10:04", sees={"calls_in_1h": 1, "talk_1h": 100, "out_count_1h": 1}),
        ],
    ),
    Scenario(
        "An end is known among the last four; one that is forgotten counts again.",
        [
            *(hang(f"10:0{i}", id=f"c{i}") for i in range(5)),
            hang("10:01", id="c1"),
            hang("10:00", id="c0", sees={"calls_in_1h": 5}),
            line("10:09", sees={"calls_in_1h": 6}),
        ],
    ),
    Scenario(
        "An end is known for 24 hours, to the millisecond.",
        [
            hang("10:00", id="c"),
            hang("1 10:00", id="c"),
            hang("1 10:00:00.001", id="d", sees={"calls_in_7d": 1}),
            hang("1 10:00:00.001", id="c"),
            line("1 10:01", sees={"calls_in_7d": 3}),
        ],
    ),
    Scenario(
        "Shared records remember their last four calls or transfers.",
        [
            *(pay(f"10:0{i}", id=f"t{i}", who=10 + i) for i in range(5)),
            pay("10:05", id="t1", who=11, sees={"account_attempts_1h": 5}),
            pay("10:06", id="t0", who=10, sees={"account_attempts_1h": 5}),
            get("10:07", sees={"account_attempts_1h": 6}),
        ],
    ),
]

SCENARIOS = [*SEES, *WINDOWS, *LATENESS, *DUPLICATES]
