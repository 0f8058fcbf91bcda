"""Transfers and their corrections; what shared records count of them and of calls."""

from tests.oracle.oracle_scenario import NONE, Scenario, call, get, hang, line, pay

TRANSFERS = [
    Scenario(
        "A transfer is counted at the first status seen of it, in the tile of that event.",
        [
            pay("10:00", status="completed", id="t"),
            pay("09:59", id="t"),
            pay("10:30", status="blocked", id="u"),
            line("10:55", sees={"out_count_1h": 2, "refused_24h": 1}),
            line("11:00", sees={"out_count_1h": 1}),
        ],
    ),
    Scenario(
        "Blocked is counted once as refused; the amount stays.",
        [
            pay("10:00", amount=70, id="t"),
            pay("10:01", amount=70, id="t", status="blocked"),
            pay("10:02", amount=70, id="t", status="blocked"),
            line("10:03", sees={"out_count_1h": 1, "out_amount_1h": 70, "refused_24h": 1}),
        ],
    ),
    Scenario(
        "Reversed is refused, and its amount comes out of the tile where it was counted, and the pair's.",
        [
            pay("10:00", amount=70, id="t"),
            pay("11:30", amount=70, id="t", status="reversed"),
            line("11:31", sees={"out_amount_24h": 0, "out_count_24h": 1, "refused_24h": 1}),
            line("11:32", sees={"out_amount_1h": 0, "out_max_24h": 70}),
            pay("11:33", amount=10, sees={"pair_earlier_count": 1, "amount_to_pair_mean": NONE}),
        ],
    ),
    Scenario(
        "Reversed, of a transfer not remembered, is refused; the transfer itself is then ignored.",
        [
            pay("10:00", amount=70, id="t", status="reversed"),
            pay("09:59", amount=70, id="t"),
            line("10:01", sees={"out_count_1h": 0, "out_amount_1h": 0, "refused_24h": 1}),
        ],
    ),
    Scenario(
        "A higher revision with another amount: the difference goes to the tile where it was counted.",
        [
            pay("10:00", amount=70, id="t"),
            pay("11:30", amount=100, id="t", revision=1),
            pay("11:31", amount=500, id="t", revision=1),
            line("11:32", sees={"out_amount_1h": 0, "out_amount_6h": 100, "out_count_6h": 1}),
        ],
    ),
    Scenario(
        "The two postings of a transfer between own accounts are two transfers.",
        [
            pay("10:00", id="t"),
            get("10:00", id="t"),
            line("10:01", sees={"out_count_1h": 1, "in_count_24h": 1}),
        ],
    ),
]

IN_FLIGHT = [
    Scenario(
        "Eight transfers in flight settle without counting again.",
        [
            *(pay(f"10:0{i}", id=f"t{i}") for i in range(8)),
            *(pay(f"10:1{i}", id=f"t{i}", status="completed") for i in range(8)),
            line("10:20", sees={"out_count_1h": 8}),
        ],
    ),
    Scenario(
        "A new one takes the place of the oldest of four settled ones: what is in flight stays.",
        [
            pay("10:00", id="t"),
            *(pay(f"10:1{i}", id=f"s{i}", status="completed") for i in range(9)),
            pay("10:20", id="t", status="completed"),
            pay("10:21", id="s5", status="completed"),
            line("10:22", sees={"out_count_1h": 10}),
            pay("10:23", id="s4", status="completed"),
            line("10:24", sees={"out_count_1h": 11}),
        ],
    ),
    Scenario(
        "Of eight with one settled, that one makes way.",
        [
            *(pay(f"10:0{i}", id=f"t{i}") for i in range(7)),
            pay("10:07", id="s", status="completed"),
            pay("10:08", id="t8"),
            pay("10:09", id="t0", status="completed"),
            pay("10:10", id="s", status="completed", sees={"out_count_1h": 9}),
            line("10:11", sees={"out_count_1h": 10}),
        ],
    ),
    Scenario(
        "What had to make way unsettled settles unseen, in its own direction, for 72 hours.",
        [
            *(pay(f"10:0{i}", id=f"t{i}") for i in range(9)),
            pay("10:10", id="t0", status="completed"),
            get("10:11", id="i"),
            line("10:12", sees={"out_count_1h": 9, "in_count_24h": 1, "refused_24h": 0}),
            pay("10:13", id="x", status="blocked"),
            line("10:14", sees={"out_count_1h": 9, "refused_24h": 1}),
            pay("10:15", id="y"),
            line("10:16", sees={"out_count_1h": 10}),
        ],
    ),
    Scenario(
        "After 72 hours an unknown one counts again, whatever its status.",
        [
            *(pay(f"10:0{i}", id=f"t{i}") for i in range(9)),
            pay("3 10:00", id="x", status="completed"),
            pay("3 10:00:00.001", id="y", status="completed"),
            line("3 10:01", sees={"out_count_7d": 10}),
        ],
    ),
    Scenario(
        "An attempt is remembered for 72 hours: a payment put off by a day is one payment.",
        [
            pay("10:00", id="t"),
            pay("1 10:30", id="t", status="completed"),
            pay("1 10:31", id="t", status="completed"),
            line("1 10:32", sees={"out_count_7d": 1}),
            pay("3 10:00", id="t", status="completed"),
            pay("3 10:00:00.001", id="t", status="completed", sees={"out_count_7d": 1}),
            line("3 10:01", sees={"out_count_7d": 2}),
        ],
    ),
    Scenario(
        "One that settles within an hour of its first status is remembered for 24 hours.",
        [
            pay("10:00", id="t"),
            pay("11:00", id="t", status="completed"),
            pay("1 10:00", id="t", status="completed"),
            pay("1 10:00:00.001", id="t", status="completed", sees={"out_count_7d": 1}),
            line("1 10:01", sees={"out_count_7d": 2}),
        ],
    ),
]

SHARED = [
    Scenario(
        "Shared records count statuses apart, and first revisions only.",
        [
            pay("10:00", amount=70, id="t"),
            pay("10:01", amount=90, id="t", revision=1),
            pay("10:02", amount=70, id="t", status="completed"),
            pay("10:03", amount=70, id="t", status="reversed"),
            pay("10:04", sees={"account_attempts_1h": 1, "account_attempt_amount_24h": 70}),
            pay("10:05", sees={"account_received_24h": 1, "account_refused_7d": 1}),
        ],
    ),
    Scenario(
        "An account's payers are those who pay or try to; its onward speed is from receipt to payment.",
        [
            pay("10:00", 201, 70, who=2, status="completed"),
            pay("10:01", 201, 70, who=3, status="blocked"),
            get("10:30", 201, 35, who=4),
            pay("10:31", 201, sees={"account_payers_1h": 2, "account_onward_minutes": 30}),
            pay("10:32", 201, sees={"account_paid_to_received_24h": 0.5}),
        ],
    ),
    Scenario(
        "A number's calls are its starts or its ends, whichever are more: CDRs alone are calls.",
        [
            hang("10:00", 101, who=2),
            hang("10:01", 101, who=3),
            hang("10:02", 101, who=4, out=True),
            call("10:03", 101, sees={"number_calls_1h": 3, "number_called_back_24h": 1}),
        ],
    ),
    Scenario(
        "A start and its end are one call, and a lost end is no call less.",
        [
            call("10:00", 101, who=2, id="a"),
            hang("10:01", 101, who=2, id="a"),
            call("10:02", 101, who=3, id="b", out=True),
            call("10:03", 101, sees={"number_calls_1h": 2, "number_called_back_24h": 1}),
        ],
    ),
    Scenario(
        "Second degree hears of new pairs; on a device, of its user and the other side.",
        [
            pay("10:00", 201, who=2, device=301),
            pay("10:01", 201, who=2, device=301),
            pay("10:02", 202, who=2, device=301),
            pay("10:03", 201, device=301, sees={"account_new_contacts_24h": 1}),
            pay("10:04", 203, device=301, sees={"device_new_contacts_7d": 3}),
        ],
    ),
    Scenario(
        "Pressed: on a suspicious call, off it within the hour, or at stage 3 or later.",
        [
            call("10:00", 101, foreign=True, id="c"),
            pay("10:05", 201),
            hang("10:10", 101, id="c"),
            pay("11:10", 202),
            pay("11:10:00.001", 203),
            line("11:20", on=True),
            pay("11:21", 204),
            pay("11:30", 201, who=2, sees={"account_pressed_contacts_24h": 1}),
            pay("11:31", 202, who=2, sees={"account_pressed_contacts_24h": 1}),
            pay("11:32", 203, who=2, sees={"account_pressed_contacts_24h": 1}),
            pay("11:33", 204, who=2, sees={"account_pressed_contacts_24h": 1}),
        ],
    ),
    Scenario(
        "Only pairs younger than a day say so.",
        [
            get("10:00", 201),
            call("1 10:00", 101, foreign=True),
            pay("1 10:00:59", 201),
            pay("1 10:01", 201, id="a"),
            pay("1 10:02", 201, who=2, sees={"account_pressed_contacts_24h": 1}),
        ],
    ),
]

SCENARIOS = [*TRANSFERS, *IN_FLIGHT, *SHARED]
