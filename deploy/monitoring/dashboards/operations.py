"""For those on duty: does it run, does it keep up, where does the time go?"""

from typing import Any

from deploy.monitoring.dashboards.panels import figure, lines, page


def build() -> Any:
    """The operations dashboard."""
    return page(
        "forewarn-operations",
        "Forewarn: operations",
        "Stream workers, the alerting service, and what they depend on.",
        since="now-6h",
        panels=[
            figure("Workers", "count(forewarn_worker_model_info)"),
            figure("Events per second", "sum(source:forewarn_worker_events:rate5m)"),
            figure("Records waiting", "sum(source:forewarn_worker_consumer_lag_records:sum)"),
            figure("Cases past their deadline", "max(forewarn_alerting_overdue_cases)"),
            lines("Events by source", {"{{source}}": "source:forewarn_worker_events:rate5m"}, unit="cps"),
            lines(
                "From append to warning",
                {
                    "p50": _quantile(0.5, "forewarn_worker_event_to_warning_seconds"),
                    "p99": "forewarn:warning_latency_seconds:p99_5m",
                    "p99 to score": _quantile(0.99, "forewarn_worker_event_to_score_seconds"),
                },
                unit="s",
                meaning="The engineering target is 50 ms at p99 and half load; the objective that"
                " pages is 1 s.",
            ),
            lines(
                "Burn of the latency budget",
                {
                    "1 h": "forewarn:warning_latency_errors:ratio_rate1h / 0.01",
                    "6 h": "forewarn:warning_latency_errors:ratio_rate6h / 0.01",
                    "3 d": "forewarn:warning_latency_errors:ratio_rate3d / 0.01",
                },
                meaning="1 spends the month's budget in a month; pages begin at 14.4 and 6.",
            ),
            lines(
                "Oldest event that waits",
                {"{{source}}": "max by (source) (forewarn_worker_consumer_lag_seconds)"},
                unit="s",
            ),
            lines(
                "Time of a batch by stage",
                {"{{stage}}": "sum by (stage) (rate(forewarn_worker_stage_seconds_sum[5m]))"},
                unit="percentunit",
                meaning="Seconds spent in a stage per second, over all workers.",
            ),
            lines(
                "Events in a batch",
                {"mean": "sum(rate(forewarn_worker_batch_events_sum[5m]))"
                 " / sum(rate(forewarn_worker_batch_events_count[5m]))"},
            ),
            lines(
                "Rejected records",
                {"{{reason}}": "sum by (reason) (increase(forewarn_worker_dead_letters_total[5m]))"},
            ),
            lines(
                "Conflicts, fencing, recoveries",
                {
                    "conflicts": "sum(increase(forewarn_worker_state_conflicts_total[5m]))",
                    "fenced": "sum(increase(forewarn_worker_fenced_batches_total[5m]))",
                    "recovered": "sum(increase(forewarn_worker_recovered_chunks_total[5m]))",
                },
            ),
            lines(
                "Waiting for a dependency",
                {"{{dependency}}": "sum by (dependency) (forewarn_worker_waiting)"},
            ),
            lines(
                "Deliveries by channel and result",
                {"{{channel}} {{result}}": "sum by (channel, result)"
                 " (rate(forewarn_alerting_delivery_attempts_total[5m]))"},
                unit="cps",
            ),
            lines(
                "Warnings taken in",
                {"{{result}}": "sum by (result)"
                 " (rate(forewarn_alerting_warnings_ingested_total[5m]))"},
                unit="cps",
            ),
            lines("Outbox", {"messages": "max(forewarn_alerting_outbox_messages)"}),
            lines(
                "Orders by age",
                {"{{kind}} {{age}}": "max by (kind, age) (forewarn_alerting_open_orders)"},
                meaning="Payments, accounts and lines that are stopped now.",
            ),
            lines(
                "Releases late, acts of the clock",
                {
                    "late releases": "max(forewarn_alerting_late_releases)",
                    "{{reason}}": "sum by (reason) (increase(forewarn_alerting_order_acts_total[1h]))",
                },
                meaning="A late release still stops what was released; the alert begins after 15 minutes.",
            ),
            lines(
                "Objections",
                {
                    "{{outcome}}": "max by (outcome) (forewarn_alerting_appeals)",
                    "overdue": "max(forewarn_alerting_overdue_appeals)",
                },
            ),
            lines(
                "Share of orders that hit honest people",
                {
                    "{{kind}}": "max by (kind) (forewarn_alerting_placed_orders{honest='true'})"
                    " / sum by (kind) (max by (kind, honest) (forewarn_alerting_placed_orders))",
                },
                unit="percentunit",
            ),
            lines(
                "Answers to banks",
                {"{{decision}}": "sum by (decision) (rate(forewarn_decide_answers_total[5m]))"},
                unit="cps",
            ),
            lines(
                "Fallbacks",
                {
                    "share": "forewarn:decide_fallback:ratio_rate5m",
                    "late": "sum(rate(forewarn_decide_late_answers_total[5m]))"
                    " / sum(rate(forewarn_decide_answers_total[5m]))",
                },
                unit="percentunit",
                meaning="Answers without a decision, and answers of workers after their deadline;"
                " the alert begins at 1 %.",
            ),
            lines(
                "Time of an answer",
                {
                    "p50": _quantile(0.5, "forewarn_decide_seconds", 'stage="total"'),
                    "p99": "forewarn:decide_seconds:p99_5m",
                    "p99 of the workers": _quantile(0.99, "forewarn_decide_seconds", 'stage="ask"'),
                },
                unit="s",
                meaning="The usual deadline is 300 ms.",
            ),
            lines("Questions that wait", {"in all": "sum(forewarn_decide_in_flight)"}),
            lines(
                "Answers that Redis did not take",
                {
                    "waiting": "sum(forewarn_decide_unkept_answers)",
                    "unconfirmed": "sum(increase(forewarn_decide_unconfirmed_answers_total[5m]))",
                    "differing": "sum(increase(forewarn_decide_differing_answers_total[5m]))",
                },
                meaning="A replica that is killed takes the unconfirmed ones with it; the alert begins at one that"
                " differs.",
            ),
        ],
    )  # fmt: skip


def _quantile(share: float, metric: str, which: str = "") -> str:
    chosen = f"{{{which}}}" if which else ""
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{chosen}[5m])))"
