"""For data scientists: whom do we warn, does the world still fit the model, what came of it?"""

from typing import Any

from deploy.monitoring.dashboards.panels import figure, lines, page, rows


def build() -> Any:
    """The dashboard of detection quality."""
    closed = "max by (disposition) (forewarn_alerting_closed_cases)"
    return page(
        "forewarn-detection",
        "Forewarn: detection quality",
        "Warnings, decisions, scores and drift, and the outcomes that responders reported.",
        since="now-7d",
        panels=[
            figure(
                "Model's age",
                "time() - max(forewarn_worker_model_trained_timestamp_seconds)",
                unit="s",
            ),
            figure("Warnings in 24 h", 'sum(increase(forewarn_worker_warnings_total{action="raise"}[24h]))'),
            figure(
                "False alarms among closed cases",
                'sum(max by (disposition) (forewarn_alerting_closed_cases{disposition="false_alarm"})'
                f" or vector(0)) / sum({closed})",
                unit="percentunit",
                meaning="Of all cases that were ever closed.",
            ),
            figure("Drift of the score", "forewarn:score_drift_psi:max or vector(0)",
                   meaning="PSI against training: over 0.25 the distribution has changed. 0 until"
                   " enough events were seen."),
            lines(
                "Warnings raised by kind",
                {"{{typology}}": 'sum by (typology) (increase(forewarn_worker_warnings_total{action="raise"}[1h]))'},
            ),
            lines(
                "Warnings raised by severity",
                {"{{severity}}": 'sum by (severity) (increase(forewarn_worker_warnings_total{action="raise"}[1h]))'},
            ),
            lines(
                "Decisions by reason",
                {"{{reason}}": "sum by (reason) (rate(forewarn_worker_decisions_total[5m]))"},
                unit="cps",
            ),
            lines(
                "Scores",
                {
                    "p50": "histogram_quantile(0.5, sum by (le) (rate(forewarn_worker_score_probability_bucket[1h])))",
                    "p99": "histogram_quantile(0.99, sum by (le) (rate(forewarn_worker_score_probability_bucket[1h])))",
                    "p99.9": "histogram_quantile(0.999, sum by (le) (rate(forewarn_worker_score_probability_bucket[1h])))",
                },
                unit="percentunit",
            ),
            lines("Drifted features", {"over 0.25": "forewarn:drifted_features:count"}),
            rows("Features that drift most", "topk(15, max by (feature) (forewarn_worker_drift_psi)) or vector(0)",
                 meaning="PSI against training, since the worker has seen enough events."),
            lines(
                "Calibration of warned events",
                {"{{model}}": "sum by (model) (increase(forewarn_worker_calibration_observed_frauds_total[7d]))"
                 " / sum by (model) (increase(forewarn_worker_calibration_expected_frauds_total[7d]))"},
                meaning="Frauds among warnings with an outcome, over what the probabilities promised:"
                " 1 is right. Nothing until outcomes come.",
            ),
            lines(
                "Champion and challenger disagree",
                {"only {{model}}": "sum by (model) (increase(forewarn_worker_challenger_disagreements_total[1h]))"},
            ),
            lines("Cases closed by outcome", {"{{disposition}}": closed}),
            lines(
                "Late events",
                {"{{source}}": "sum by (source) (rate(forewarn_worker_late_events_total[1h]))"
                 " / sum by (source) (rate(forewarn_worker_events_total[1h]))"},
                unit="percentunit",
            ),
            rows("Model in use", "count by (version) (forewarn_worker_model_info)"),
            rows("Policy in use", "count by (version) (forewarn_worker_policy_info)"),
        ],
    )  # fmt: skip
