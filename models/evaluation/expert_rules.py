"""The rules that an experienced officer would write, as points: the baseline without a model.

Each is points and a condition in the policy's own language; what an analyst could put into a policy
file tomorrow. A test holds that they name features of the catalog.
"""

EXPERT_RULES: tuple[tuple[float, str], ...] = (
    (4.0, "number_confirmed > 0 or account_confirmed > 0 or device_confirmed > 0"),
    (3.0, "on_call_now > 0 and on_call_suspicion >= 3 and amount > 0"),
    (3.0, "forwarding_on > 0 and pair_is_new > 0 and amount > 100000"),
    (3.0, "funding_since_minutes < 120 and pair_is_new > 0 and amount > 500000"),
    (2.0, "stage >= 4 and suspect_talk_24h > 600 and pair_is_new > 0 and amount > 100000"),
    (2.0, "caller_suspicion >= 5"),
    (1.0, "caller_suspicion >= 3 and number_age_days < 2"),
    (2.0, "suspect_hangup_since_minutes < 60 and pair_is_new > 0 and amount > 200000"),
    (1.5, "account_tainted_contacts_7d > 0 and account_age_days < 3"),
    (1.5, "amount_to_max_30d > 3 and pair_is_new > 0"),
    (1.5, "refund_since_minutes < 1440 and amount_to_refund_7d > 3"),
    (1.0, "relay_callers_1h >= 2 and suspect_talk_1h > 300"),
    (1.0, "suspect_talk_24h > 1800"),
    (1.0, "account_payers_7d >= 3 and account_age_days < 7 and amount > 100000"),
    (1.0, "number_callees_24h >= 20 and number_short_share_24h > 0.6"),
    (0.5, "caller_foreign > 0 and pair_is_new > 0"),
    (0.5, "pair_is_new > 0 and amount > 1000000"),
)
