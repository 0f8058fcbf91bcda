"""For commanders: what was prevented, today and over time, where, of what kind, against the target.

Amounts are in minor units in the metrics and in whole units here. Each replica of the alerting
service shows the same figures of the ledger, so they are joined by max before they are summed.
"""

from typing import Any

from deploy.monitoring.dashboards.panels import figure, lines, page, rows
from forewarn.platform.settings.alerting_options import ConsoleTable

_LABELS = "tenant, district, typology, model_version, currency"
TODAY = (
    "sum by (currency) (max by (district, typology, currency)"
    " (forewarn_alerting_prevented_today_minor)) / 100"
)
"""From the ledger itself: counters know no day where Prometheus missed its beginning."""

TARGET_MINOR = int(ConsoleTable.model_fields["daily_target_minor"].default)


def build() -> Any:
    """The dashboard of prevented losses."""
    return page(
        "forewarn-losses",
        "Forewarn: prevented losses",
        "Confirmed at closure and traceable to a transfer; taken back if the money is lost later.",
        since="now-30d",
        panels=[
            figure("Prevented today", TODAY, unit="currencyCNY",
                   meaning="Confirmed less taken back, since midnight of the reports' time zone."),
            figure(
                "Share of the daily target",
                f"{TODAY} / {TARGET_MINOR // 100}",
                unit="percentunit",
                meaning="Of the target that the console is installed with; change it here if you"
                " set console.daily_target_minor in alerting.toml.",
            ),
            figure("At risk now", "sum(max by (severity, currency)"
                   " (forewarn_alerting_at_risk_minor)) / 100 or vector(0)", unit="currencyCNY"),
            figure("Lost in spite of a warning", f"{_total('lost')} / 100 or vector(0)",
                   unit="currencyCNY"),
            lines("Prevented, in all", {"{{currency}}": "currency:forewarn_prevented_loss_minor:net / 100"},
                  unit="currencyCNY"),
            lines("Prevented today, as it grew", {"net": TODAY}, unit="currencyCNY",
                  meaning="It falls when money that counted as prevented was lost after all."),
            rows("Today by district", _today_by("district"), unit="currencyCNY"),
            rows("Today by kind of fraud", _today_by("typology"), unit="currencyCNY"),
            rows("In all by district", _net_by("district"), unit="currencyCNY"),
            rows("In all by kind of fraud", _net_by("typology"), unit="currencyCNY"),
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


def _today_by(label: str) -> str:
    joined = "max by (district, typology, currency) (forewarn_alerting_prevented_today_minor)"
    return f"sort_desc(sum by ({label}, currency) ({joined}) / 100)"


def _net_by(label: str) -> str:
    gained, undone = (
        f"sum by ({label}, currency) (max by ({_LABELS}) (forewarn_alerting_{name}_minor_total))"
        for name in ("prevented_loss", "prevented_loss_taken_back")
    )
    return f"sort_desc(({gained} - ({undone} or 0 * {gained})) / 100)"


def _quantile(share: float) -> str:
    return (
        f"histogram_quantile({share},"
        " sum by (le) (rate(forewarn_alerting_response_seconds_bucket[6h])))"
    )
