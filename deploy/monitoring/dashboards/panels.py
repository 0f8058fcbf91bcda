"""The few kinds of panels that the dashboards are made of."""

from typing import Any

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models.dashboard import DataSourceRef

SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")

Queries = dict[str, str]
"""Legend to expression."""


def lines(title: str, queries: Queries, *, unit: str = "short", meaning: str = "") -> Any:
    """Series over time, half a row wide."""
    panel = timeseries.Panel().title(title).description(meaning).unit(unit)
    return _asked(panel.span(12).height(8), queries)


def figure(title: str, expression: str, *, unit: str = "short", meaning: str = "") -> Any:
    """One number as it is now."""
    panel = stat.Panel().title(title).description(meaning).unit(unit)
    return _asked(panel.span(6).height(4), {title: expression}, instant=True)


def rows(title: str, expression: str, *, unit: str = "short", meaning: str = "") -> Any:
    """A table of one series a row, as they are now."""
    panel = table.Panel().title(title).description(meaning).unit(unit)
    return _asked(panel.span(12).height(8), {"": expression}, instant=True)


def page(uid: str, title: str, description: str, *, since: str, panels: list[Any]) -> Any:
    """A dashboard over the panels, in order, with a choice of the Prometheus to ask."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["forewarn"])
        .timezone("browser")
        .refresh("30s")
        .time(since, "now")
        .with_variable(dashboard.DatasourceVariable("source").label("Source").type("prometheus"))
    )
    for panel in panels:
        made = made.with_panel(panel)
    return made


def _asked(panel: Any, queries: Queries, *, instant: bool = False) -> Any:
    panel = panel.datasource(SOURCE)
    for letter, (legend, expression) in zip("ABCDEFGH", queries.items(), strict=False):
        query = prometheus.Dataquery().expr(expression).ref_id(letter).datasource(SOURCE)
        query = query.instant() if instant else query.range().legend_format(legend)
        panel = panel.with_target(query)
    return panel
