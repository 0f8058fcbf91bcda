"""What the console is given: the service layer, and how this installation presents itself."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from alerting.cases.closing import ClosingDesk
from alerting.clock import Clock
from alerting.console.i18n import Language
from alerting.db.engine import Database


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """Put at ``app.state.console`` by ``mount_console``.

    ``target_minor`` is the prevented loss per day that the report is held against; 0 for none.
    """

    database: Database
    desk: ClosingDesk
    clock: Clock
    zone: ZoneInfo
    language: Language = "zh"
    currency: str = "CNY"
    target_minor: int = 0
