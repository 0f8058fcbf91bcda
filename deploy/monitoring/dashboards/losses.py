"""For commanders: what was prevented, today and over time, where, of what kind, against the target.

Amounts are in minor units in the metrics and in whole units here. Each replica of the alerting
service shows the same figures of the ledger, so they are joined by max before they are summed.
"""

from typing import Any

from deploy.monitoring.dashboards.panels import figure, lines, page, rows
from forewarn.settings.console import ConsoleSettings

_LABELS = "tenant, district, typology, model_version, currency"
TARGET_MINOR = int(ConsoleSettings.model_fields["daily_target_minor"].default)


def build() -> Any:
    """The dashboard of prevented losses."""
    net_today = f"({_grown('prevented_loss')} - {_grown('prevented_loss_taken_back')}) / 100"
    return page(
        "forewarn-losses",
        "Forewarn: prevented losses",
        "Confirmed at closure and traceable to a transfer; taken back if the money is lost later.",
        since="now-30d",
        panels=[
            figure("Prevented in 24 h", net_today, unit="currencyCNY"),
            figure(
                "Share of the daily target",
                f"{net_today} / {TARGET_MINOR // 100}",
                unit="percentunit",
                meaning="Of the target that the console is installed with; change it here if you"
                " set FOREWARN_CONSOLE_DAILY_TARGET_MINOR.",
            ),
            figure("At risk now", "sum(max by (severity, currency)"
                   " (forewarn_alerting_at_risk_minor)) / 100 or vector(0)", unit="currencyCNY"),
            figure("Lost in spite of a warning", f"{_total('lost')} / 100 or vector(0)",
                   unit="currencyCNY"),
            lines("Prevented, in all", {"{{currency}}": "currency:forewarn_prevented_loss_minor:net / 100"},
                  unit="currencyCNY"),
            lines("Prevented per day", {"net": net_today}, unit="currencyCNY"),
            rows("By district", _by("district"), unit="currencyCNY"),
            rows("By kind of fraud", _by("typology"), unit="currencyCNY"),
            lines("Expected loss of open cases", {
                "expected": f"({_total('estimated_loss')} - {_total('estimated_loss_released')}) / 100"
            }, unit="currencyCNY"),
            lines("Time to response", {
                "p50": _quantile(0.5), "p95": _quantile(0.95),
            }, unit="s"),
            lines("Answered before the deadline", {
                "{{severity}}": 'sum by (severity) (rate(forewarn_alerting_responses_total{result="met"}[6h]))'
                " / sum by (severity) (rate(forewarn_alerting_responses_total[6h]))"
            }, unit="percentunit"),
            lines("Open cases", {"{{state}}": "sum by (state) (max by (state, severity)"
                                 " (forewarn_alerting_open_cases)) or vector(0)"}),
        ],
    )  # fmt: skip


def _total(name: str) -> str:
    return f"(sum(max by ({_LABELS}) (forewarn_alerting_{name}_minor_total)) or vector(0))"


def _grown(name: str) -> str:
    # Not increase(): the first confirmation of a district starts its series, and would not count.
    metric = f"forewarn_alerting_{name}_minor_total"
    joined = f"sum(max by ({_LABELS}) ({metric}))"
    return (
        f"(({joined} or vector(0)) - (sum(max by ({_LABELS}) ({metric} offset 24h)) or vector(0)))"
    )


def _by(label: str) -> str:
    return (
        f"sort_desc(sum by ({label}) (max by ({_LABELS})"
        " (forewarn_alerting_prevented_loss_minor_total)) / 100)"
    )


def _quantile(share: float) -> str:
    return (
        f"histogram_quantile({share},"
        " sum by (le) (rate(forewarn_alerting_response_seconds_bucket[6h])))"
    )
