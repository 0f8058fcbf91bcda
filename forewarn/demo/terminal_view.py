"""Views of the demonstration: a live panel, or plain lines where there is no terminal."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from forewarn.demo.demo_figures import Snapshot
from forewarn.demo.ledger_money import CURRENCY, Money
from forewarn.platform.money import written

SEVERITIES = ("extreme", "critical", "high", "medium", "low")
PLAIN_SECONDS = 5.0


def milliseconds(seconds: float | None) -> str:
    """A latency, or a dash before the first."""
    return "-" if seconds is None else f"{seconds * 1000:,.0f} ms"


class View(Protocol):
    """Where a demonstration shows itself; a context manager."""

    def tell(self, line: str) -> None:
        """One step of the start, or a remark."""

    def show(self, snapshot: Snapshot, money: Money, left_seconds: float) -> None:
        """The figures now."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class PlainView:
    """Lines for logs and pipes; figures at most every few seconds."""

    def __init__(self, console: Console, now: Callable[[], float]) -> None:
        self._console, self._now = console, now
        self._shown_at = float("-inf")

    def tell(self, line: str) -> None:
        """Print a step."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def show(self, snapshot: Snapshot, money: Money, left_seconds: float) -> None:
        """Print one line of figures."""
        if self._now() - self._shown_at < PLAIN_SECONDS:
            return
        self._shown_at = self._now()
        self.tell(
            f"{left_seconds:3.0f} s left  {snapshot.per_second:,.0f} events/s  "
            f"{sum(snapshot.warnings.values()):,} warnings  "
            f"p50 {milliseconds(snapshot.p50_seconds)} p99 {milliseconds(snapshot.p99_seconds)}  "
            f"at risk {written(money.at_risk_minor, CURRENCY)}  prevented {written(money.prevented_minor, CURRENCY)}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class LiveView:
    """A panel that is drawn again in place."""

    def __init__(self, console: Console, urls: dict[str, str]) -> None:
        self._urls = urls
        self._live = Live(console=console, refresh_per_second=5, transient=True)

    def tell(self, line: str) -> None:
        """Print a step above the panel."""
        self._live.console.print(line, markup=False, highlight=False, style="dim")

    def show(self, snapshot: Snapshot, money: Money, left_seconds: float) -> None:
        """Draw the figures."""
        self._live.update(
            Panel(
                Group(
                    headline(snapshot, money),
                    "",
                    warnings_table(snapshot),
                    "",
                    addresses(self._urls),
                ),
                title=f"Forewarn: a day in a simulated town, {max(left_seconds, 0):.0f} s left",
                subtitle="Ctrl-C ends it",
            )
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def headline(snapshot: Snapshot, money: Money) -> Table:
    """The figures in two columns."""
    clock = "-"
    if snapshot.event_time_ms:
        local = datetime.fromtimestamp(snapshot.event_time_ms / 1000, UTC).astimezone(
            timezone(timedelta(hours=8))
        )
        clock = local.strftime("%d %b %H:%M")
    table = Table.grid(padding=(0, 3))
    rows = [
        ("time in the town", clock, "money at risk", written(money.at_risk_minor, CURRENCY)),
        (
            "events",
            f"{snapshot.sent:,}",
            "loss prevented",
            written(money.prevented_minor, CURRENCY),
        ),
        (
            "events/s",
            f"{snapshot.per_second:,.0f}",
            "lost after a warning",
            written(money.lost_minor, CURRENCY),
        ),
        (
            "append to warning",
            f"p50 {milliseconds(snapshot.p50_seconds)}  p99 {milliseconds(snapshot.p99_seconds)}",
            "open cases",
            f"{money.open_cases:,}",
        ),
    ]
    for name, value, other, amount in rows:
        table.add_row(name, f"[bold]{value}[/]", other, f"[bold]{amount}[/]")
    return table


def warnings_table(snapshot: Snapshot) -> Table:
    """Warnings raised, by typology and severity."""
    table = Table("warnings", *SEVERITIES, "all", box=None, padding=(0, 2))
    by_typology: Counter[str] = Counter()
    for (typology, _), count in snapshot.warnings.items():
        by_typology[typology] += count
    for typology, count in by_typology.most_common():
        cells = [str(snapshot.warnings.get((typology, s), 0) or "") for s in SEVERITIES]
        table.add_row(typology.replace("_", " "), *cells, str(count))
    totals = [
        str(sum(n for (_, s), n in snapshot.warnings.items() if s == severity))
        for severity in SEVERITIES
    ]
    table.add_row("[bold]all[/]", *totals, f"[bold]{by_typology.total()}[/]")
    return table


def addresses(urls: dict[str, str]) -> Table:
    """Where to look further."""
    table = Table.grid(padding=(0, 3))
    for what, url in urls.items():
        table.add_row(what, f"[link={url}]{url}[/]" if url.startswith("http") else escape(url))
    return table
