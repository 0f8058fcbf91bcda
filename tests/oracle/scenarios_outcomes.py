"""Outcomes by case, their corrections, and who is tainted by them."""

from tests.oracle.oracle_scenario import NONE, Scenario, call, line, outcome, pay

CASES = [
    Scenario(
        "Confirmations count in windows from the day on which they are known, and are forgotten with them.",
        [
            pay("8:00", 201),
            pay("8:10", 201),
            outcome("10:00", "confirmed", account=201),
            pay(
                "10:01",
                201,
                sees={
                    "account_confirmations_24h": 1,
                    "account_confirmation_share_24h": 0.5,
                    "account_confirmation_risk": 16 / (2 * 16 + 16),
                    "account_confirmations_7d": 1,
                    "account_confirmations_30d": 1,
                    "account_confirmed_since_days": 1 / 1440,
                },
            ),
            pay(
                "3 10:00", 201, sees={"account_confirmations_24h": 0, "account_confirmations_7d": 1}
            ),
            pay(
                "20 10:00",
                201,
                sees={
                    "account_confirmations_7d": 0,
                    "account_confirmation_share_7d": NONE,
                    "account_confirmations_30d": 1,
                    "account_confirmation_share_30d": 0.25,
                    "account_confirmation_risk": 1 / (4 * 1 + 16),
                },
            ),
        ],
    ),
    Scenario(
        "A confirmation that is taken back leaves the windows when no other remains.",
        [
            outcome("10:00", "confirmed", number=101, revision=1),
            call("10:01", 101, sees={"number_confirmations_24h": 1}),
            outcome("11:00", "cleared", number=101, revision=2),
            call("11:01", 101, sees={"number_confirmations_24h": 0, "number_confirmations_30d": 0}),
        ],
    ),
    Scenario(
        "The first outcome of a case counts its verdict, however many warnings of it send one.",
        [
            outcome("10:00", "confirmed", account=201),
            outcome("10:00", "confirmed", account=201),
            outcome("10:00", "confirmed", number=101),
            pay("10:01", 201, sees={"victim_confirmed": 1, "account_confirmed": 1}),
            call("10:02", 101, sees={"number_confirmed": 1, "number_cleared": 0}),
        ],
    ),
    Scenario(
        "A case that was cleared and turns out a loss ends confirmed.",
        [
            outcome("10:00", "cleared", account=201, revision=1),
            pay("10:01", 201, sees={"account_cleared": 1, "victim_cleared": 1}),
            outcome("2 10:00", "confirmed", account=201, revision=2),
            pay("2 12:00", 201, sees={"account_cleared": 0, "account_confirmed": 1}),
            line(
                "2 22:00",
                sees={"victim_confirmed": 1, "victim_cleared": 0, "victim_since_days": 0.5},
            ),
        ],
    ),
    Scenario(
        "A case that was confirmed by mistake ends cleared, and there is no latest confirmation.",
        [
            outcome("10:00", "confirmed", number=101, revision=1),
            outcome("11:00", "cleared", number=101, revision=2),
            call("11:01", 101, sees={"number_confirmed": 0, "number_confirmed_since_days": NONE}),
            call(
                "11:02", 101, sees={"number_cleared": 1, "victim_cleared": 1, "victim_confirmed": 0}
            ),
            line("11:03", sees={"victim_since_days": NONE}),
        ],
    ),
    Scenario(
        "To take a verdict back, an outcome names those it was about.",
        [
            outcome("10:00", "confirmed", account=201),
            outcome("11:00", account=201, revision=1),
            pay(
                "11:01",
                201,
                sees={"account_confirmed": 0, "account_cleared": 0, "victim_confirmed": 0},
            ),
        ],
    ),
    Scenario(
        "A revision that is not higher changes no count.",
        [
            outcome("10:00", "confirmed", account=201, revision=2),
            outcome("10:01", "cleared", account=201, revision=1),
            outcome("10:02", "cleared", account=201, revision=2),
            pay("10:03", 201, sees={"account_confirmed": 1, "account_cleared": 0}),
            line("10:04", sees={"victim_confirmed": 1, "victim_cleared": 0}),
        ],
    ),
    Scenario(
        "The time of the latest confirmation is that of the outcome which first confirmed.",
        [
            outcome("10:00", "confirmed", number=101),
            outcome("1 10:00", "confirmed", number=101, revision=1),
            call(
                "1 22:00", 101, sees={"number_confirmed_since_days": 1.5, "victim_since_days": 1.5}
            ),
        ],
    ),
    Scenario(
        "Nothing but newer cases drives a case out, however many events come between.",
        [
            outcome("10:00", "confirmed", account=201),
            *(pay(f"11:{i:02}", 201, id=f"t{i}") for i in range(30)),
            outcome("12:00", "cleared", account=201, revision=1),
            pay(
                "12:01",
                201,
                sees={"account_confirmed": 0, "account_cleared": 1, "victim_cleared": 1},
            ),
        ],
    ),
    Scenario(
        "A subscriber's record remembers four cases: a correction of the fifth is a case of its own.",
        [
            *(outcome(f"10:0{i}", "confirmed", id=f"k{i}") for i in range(5)),
            outcome("10:10", "cleared", id="k1", revision=1),
            outcome("10:11", "cleared", id="k0", revision=1),
            line("10:12", sees={"victim_confirmed": 4, "victim_cleared": 2}),
        ],
    ),
    Scenario(
        "A number's or account's record remembers eight.",
        [
            *(outcome(f"10:0{i}", "confirmed", account=201, id=f"k{i}") for i in range(9)),
            outcome("10:10", "cleared", account=201, id="k1", revision=1),
            outcome("10:11", "cleared", account=201, id="k0", revision=1),
            pay("10:12", 201, sees={"account_confirmed": 8, "account_cleared": 2}),
        ],
    ),
    Scenario(
        "An outcome is no sight of a number or account.",
        [
            outcome("10:00", "confirmed", number=101),
            call("10:01", 101, sees={"number_age_days": NONE, "number_idle_hours": NONE}),
            call("22:01", 101, sees={"number_age_days": 0.5}),
        ],
    ),
]

TAINT = [
    Scenario(
        "Who deals with a confirmed account taints the strangers of a week.",
        [
            outcome("10:00", "confirmed", account=201, who=2),
            pay("10:01", 201),
            pay("7 10:01", 202, sees={"taint_since_hours": 168}),
            pay("7 10:01:00.001", 203),
            pay("7 11:00", 202, who=3, sees={"account_tainted_contacts_24h": 1}),
            pay("7 11:01", 203, who=3, sees={"account_tainted_contacts_24h": 0}),
        ],
    ),
    Scenario(
        "A victim taints for 30 days from the confirmation.",
        [
            outcome("10:00", "confirmed"),
            pay("30 10:00", 202),
            pay("30 10:00:00.001", 203),
            pay("30 11:00", 202, who=3, sees={"account_tainted_contacts_24h": 1}),
            pay("30 11:01", 203, who=3, sees={"account_tainted_contacts_24h": 0}),
        ],
    ),
    Scenario(
        "One whose case is taken back taints no more.",
        [
            outcome("10:00", "confirmed"),
            outcome("10:01", "cleared", revision=1),
            pay("10:02", 202),
            pay("11:00", 202, who=3, sees={"account_tainted_contacts_24h": 0}),
        ],
    ),
    Scenario(
        "A contact before the confirmation does not taint in hindsight.",
        [
            pay("10:00", 201),
            outcome("10:30", "confirmed", account=201, who=2),
            pay("10:31", 202, sees={"taint_since_hours": NONE}),
        ],
    ),
]

SCENARIOS = [*CASES, *TAINT]
