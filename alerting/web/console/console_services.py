"""What the console is given: the service layer, and how this installation presents itself."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from alerting.cases.closure_service import ClosureService
from alerting.db.database import Database
from alerting.web.console.translations import Language
from forewarn.platform.clock import Clock


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """Put at ``app.state.console`` by ``mount_console``.

    ``target_minor`` is the prevented loss per day that the report is held against; 0 for none.
    """

    database: Database
    desk: ClosureService
    clock: Clock
    zone: ZoneInfo
    language: Language = "zh"
    currency: str = "CNY"
    target_minor: int = 0
